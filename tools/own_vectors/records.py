"""records.json: session records with every intermediate, their views, and how each reader opens them."""

from __future__ import annotations

from dataclasses import dataclass

from own_vectors.form import Document, Stream, Value
from own_vectors.records_assembled import Assembled, assemble, second_shard
from own_vectors.records_refused import refused
from own_vectors.story import T0, Device, Story
from tapeline.base.times import HOUR, MINUTE
from tapeline.crypto.dleq import prove_equality
from tapeline.crypto.group import Point, Scalar
from tapeline.crypto.receipt import sign_receipt, vault_slot_hash
from tapeline.crypto.record.opening import recipient_statement
from tapeline.crypto.record.parse import ParsedHeader, ParsedRecord, ParsedView, parse_record, parse_view
from tapeline.crypto.record.proof import Statement
from tapeline.crypto.record.rows import Shard, slot_hash, slot_info
from tapeline.crypto.record.seal import CreatedRecord, create_record
from tapeline.crypto.record.view import view_for
from tapeline.crypto.reservation import PendingReservation, VaultTarget, make_reservation, vault_slot_info


@dataclass
class Session:
    """A record as the SDK makes it, with what its maker drew."""

    statement: str
    pending: PendingReservation
    created: CreatedRecord
    r: Scalar

    @property
    def parsed(self) -> ParsedRecord:
        """The record, parsed."""
        return parse_record(self.created.record)


def make_session(story: Story, statement: str, seed: str) -> Session:
    """Return a session of ann's in the conversation of that statement."""
    rng = Stream(seed)
    facts = story.facts(getattr(story, statement))
    targets = [VaultTarget(key.firm, key.v_key_id, key.v_public) for key in facts.escrow]
    with story.sealed.in_use():
        pending = make_reservation(
            story.ann.key, story.ann.verified.entry_hash, story.deployment, targets, T0 + 100 * HOUR, rng
        )
        receipts = [
            sign_receipt(
                story.firms[firm].vault_signer, pending.reservation_hash, v_key_id, pending.cq, vault_slot_hash(slot)
            )
            for firm, v_key_id, slot in zip(pending.firms, pending.v_key_ids, pending.slots, strict=True)
        ]
        before = len(rng.drawn)
        created = create_record(
            signing_key=story.ann.key, reservation=pending, receipts=receipts, facts=facts,
            not_before_ms=T0 + MINUTE, not_after_ms=T0 + 10 * HOUR, rng=rng,
        )  # fmt: skip
    return Session(statement, pending, created, Scalar.wide(rng.drawn[before + 1]))


def document(story: Story) -> Document:
    """Return the file."""
    session, alone = make_session(story, "genesis", "record"), make_session(story, "alone", "record alone")
    last = second_shard(story, session.pending, session.parsed.header)
    facts = story.facts(story.genesis)
    base = assemble(story, session.parsed, session.r)
    return {
        "description": "Session records: reservation, receipts, context, rows, proof, hashes, views, opening "
        "(protocol, sections 4 and 10). Devices, private keys and membership statements are those of directory.json; "
        "escrow and vault keys those of ceremony.json. A refused record is the first case's with splices applied: "
        "[offset, bytes to cut, hex to insert], in the given order.",
        "facts": {
            "note": story.note.decode(),
            "log": story.log.key.encode(),
            "witnesses": [{"name": one.key.name, "public": one.key.public.hex()} for one in story.witnesses],
            "note_size": facts.note_size, "directory_leaves": facts.directory_leaves,
            "note_time_ms": facts.note_time_ms, "leaf_index": facts.leaf_index,
            "leaf_time_ms": facts.leaf_time_ms, "membership_leaf_index": facts.membership_leaf_index,
        },
        "cases": [_case(story, session, "two firms, three other devices"), _case(story, alone, "no other device")],
        "views": [
            *(_view(session, device) for device in story.devices.values() if device is not story.ann),
            _second_shard_view(last),
        ],
        "refused": refused(story, base),
    }  # fmt: skip


def _case(story: Story, session: Session, name: str) -> Value:
    parsed, pending = session.parsed, session.pending
    header = parsed.header
    return {
        "name": name,
        "membership": session.statement,
        "sender": story.ann.name,
        "q": pending.q.reveal().hex(),
        "reservation_hash": pending.reservation_hash.hex(),
        "cq": pending.cq.hex(),
        "vault_slots": [
            {"firm": firm, "info": vault_slot_info(pending.reservation_hash, v_key_id).hex(),
             "hash": vault_slot_hash(slot).hex()}
            for firm, v_key_id, slot in zip(pending.firms, pending.v_key_ids, pending.slots, strict=True)
        ],
        "context": header.context_bytes.hex(),
        "r": session.r.to_bytes().hex(),
        "m": session.created.m.reveal().hex(),
        "c0": header.c0.encode().hex(),
        "c0_hat": header.c0_hat.encode().hex(),
        "escrow_rows": [row.hashed().hex() for row in header.escrow_rows],
        "rows": [row.hashed().hex() for row in parsed.rows],
        "device_slots": [
            {"info": slot_info(header.context_bytes, row.prekey).hex(),
             "hash": slot_hash(slot).hex()}
            for row, slot in zip(parsed.rows, parsed.device_slots, strict=True)
        ],
        **_hashes(header),
        "proofs": [_proof(header, shard) for shard in parsed.shards],
        "sender_opening_proof": session.created.opening_proof.hex(),
        "root": session.created.root.reveal().hex(),
        "record": session.created.record.hex(),
    }  # fmt: skip


def _hashes(header: ParsedHeader) -> dict[str, Value]:
    return {
        "shard_hashes": [one.hex() for one in header.shard_hashes],
        "label": header.label.hex(),
        "record_hash": header.record_hash.hex(),
    }


def _proof(header: ParsedHeader, shard: Shard) -> Value:
    """The proof with the commitments that it stands for."""
    statement = Statement(header.label, header.c0, header.c0_hat, header.escrow_rows, shard.rows)
    proof = header.proofs[shard.number]
    challenge, response = Scalar.decode(proof[:32]), Scalar.decode(proof[32:])
    commitments = [
        base.mul(response) - image.mul(challenge)
        for base, image in zip(statement.bases(), statement.images(), strict=True)
    ]
    return {"proof": proof.hex(), "commitments": [one.encode().hex() for one in commitments]}


def _view(session: Session, device: Device) -> Value:
    view = view_for(session.parsed, {device.prekey.prekey_hash})
    assert view is not None
    opening = _opening_proof(parse_view(view), device, Point.decode(session.created.m.reveal()))
    return {
        "name": f"the view of {device.name}", "reader": device.name, "case": 0,
        "row": parse_view(view).row_index or 0, "opening_proof": opening.hex(),
        "m": session.created.m.reveal().hex(), "root": session.created.root.reveal().hex(),
    }  # fmt: skip


def _opening_proof(view: ParsedView, device: Device, m: Point) -> bytes:
    row = view.shard.rows[view.row_index or 0]
    statement = recipient_statement(view.record_hash, view.header.c0, row, m)
    return prove_equality(statement, device.secret.scalar, Stream(f"opening by {device.name}")).encode()


def _second_shard_view(last: Assembled) -> Value:
    view = parse_view(last.view)
    row = view.shard.rows[0]
    m, slot = Point.decode(last.m.reveal()), view.device_slot or b""
    return {
        "name": "the last of 65 rows, in a shard of its own", "reader": last.reader.name, "row": 0,
        "opening_proof": _opening_proof(view, last.reader, m).hex(), "m": last.m.reveal().hex(),
        "root": last.root.reveal().hex(), **_hashes(view.header),
        "slot": {"info": slot_info(view.header.context_bytes, row.prekey).hex(), "hash": slot_hash(slot).hex()},
        "view": last.view.hex(),
    }  # fmt: skip
