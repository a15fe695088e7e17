"""Records with one fault each, and openings that must fail."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace

from own_vectors.form import Stream, Value, flipped, splices
from own_vectors.records_assembled import Parts
from own_vectors.story import DIRECTORY_LEAVES, NOTE_SIZE, T0, Story
from tapeline.base.times import MINUTE
from tapeline.crypto.group import B_HAT, ORDER, Scalar
from tapeline.crypto.receipt import sign_receipt
from tapeline.crypto.record.rows import Row, slot_hash, slot_info
from tapeline.crypto.vault_open import open_vault_slot
from tapeline.crypto.wire import encode
from tapeline.wire.v1 import objects_pb2 as pb

Change = Callable[[Parts], None]
"""Spoils the parts in place; whoever wants fresh proofs sets `proofs` to None."""


def refused(story: Story, base: Parts) -> list[Value]:
    """Return all refused cases: of the record, of facts, of opening, of the vault's slot."""
    record = base.finish()
    rows: list[Value] = [
        {"name": name, "rule": rule, "splices": splices(record, _spoiled(base, change))}
        for name, (rule, change) in _CHANGES.items()
    ]
    rows += [
        {"name": name, "rule": rule, "splices": splices(record, bytes_)}
        for name, (rule, bytes_) in _respelled(record).items()
    ]
    rows += [
        {"name": "the membership statement lies not below the note's size", "rule": "REC-24",
         "facts": {"membership_leaf_index": NOTE_SIZE}},
        {"name": "the leaf is dated over 10 minutes after the note", "rule": "REC-14",
         "facts": {"leaf_time_ms": T0 + 10 * MINUTE + 1}},
        {"name": "another count of directory leaves", "rule": "REC-25",
         "facts": {"directory_leaves": DIRECTORY_LEAVES + 1}},
        {"name": "the note is larger than the leaf's index", "rule": "REC-14", "facts": {"note_size": 121}},
    ]  # fmt: skip
    return [*rows, *_openings(story, base, record), *_vault(story, base)]


def _spoiled(base: Parts, change: Change) -> bytes:
    parts = copy(base)
    for name in ("receipts", "escrow_rows", "rows", "slot_hashes", "vault_slots", "device_slots", "proofs"):
        setattr(parts, name, list(getattr(parts, name)))
    change(parts)
    return parts.finish()


def _other_response(parts: Parts) -> None:
    (proof,) = parts.proofs or []
    parts.proofs = [proof[:32] + Scalar.from_hash("example").to_bytes()]


def _unreduced_response(parts: Parts) -> None:
    (proof,) = parts.proofs or []
    response = int.from_bytes(proof[32:], "little") + ORDER
    parts.proofs = [proof[:32] + response.to_bytes(32, "little")]


def _other_c0_hat(parts: Parts) -> None:
    parts.c0_hat, parts.proofs = B_HAT.mul(Scalar.from_hash("example")), None


def _other_secret(parts: Parts) -> None:
    """One reader gets another M than escrow, with a proof made as if all were in order."""
    row = parts.rows[1]
    parts.rows[1], parts.proofs = replace(row, sealed=row.sealed + row.point), None


def _escrow_differs(parts: Parts) -> None:
    """The second firm's escrow gets another M."""
    row = parts.escrow_rows[1]
    parts.escrow_rows[1], parts.proofs = replace(row, sealed=row.sealed + row.point), None


def _unsorted(parts: Parts) -> None:
    parts.rows[:2] = reversed(parts.rows[:2])
    parts.slot_hashes[:2] = reversed(parts.slot_hashes[:2])
    parts.device_slots[:2] = reversed(parts.device_slots[:2])
    parts.proofs = None


def _foreign_point(parts: Parts) -> None:
    row, point = parts.rows[0], Scalar.from_hash("example").base_mul()
    m = row.sealed - row.point.mul(parts.r)
    parts.rows[0], parts.proofs = Row(row.prekey, point, m + point.mul(parts.r)), None


def _one_firm_less(parts: Parts) -> None:
    parts.escrow_rows.pop()
    parts.proofs = None


def _receipt_for_another_cq(parts: Parts) -> None:
    body = pb.Receipt.FromString(pb.SignedObject.FromString(parts.receipts[0]).body)
    signer = parts.story.firms["acme"].vault_signer
    parts.receipts[0] = sign_receipt(signer, body.reservation, body.v_key_id, bytes(64), body.slot_hash)
    parts.proofs = None


def _receipt_by_another_vault(parts: Parts) -> None:
    body = pb.Receipt.FromString(pb.SignedObject.FromString(parts.receipts[0]).body)
    signer = parts.story.firms["bolt"].vault_signer
    parts.receipts[0] = sign_receipt(signer, body.reservation, body.v_key_id, body.cq, body.slot_hash)
    parts.proofs = None


def _vault_slot(parts: Parts) -> None:
    parts.vault_slots[1] = flipped(parts.vault_slots[1])


def _device_slot(parts: Parts) -> None:
    parts.device_slots[2] = flipped(parts.device_slots[2])


_CHANGES: dict[str, tuple[str, Change]] = {
    "another response in the proof": ("REC-9", _other_response),
    "the response plus the group's order": ("REC-9", _unreduced_response),
    "Ĉ0 of another r": ("REC-9", _other_c0_hat),
    "another secret for one reader": ("REC-9", _other_secret),
    "another secret for one firm's escrow": ("REC-9", _escrow_differs),
    "rows not sorted": ("REC-8", _unsorted),
    "a point that is not the prekey's": ("REC-10", _foreign_point),
    "an escrow row less": ("REC-3", _one_firm_less),
    "a receipt for another cq": ("RCP-1", _receipt_for_another_cq),
    "a receipt of another vault": ("RCP-2", _receipt_by_another_vault),
    "another vault slot": ("VLT-2", _vault_slot),
    "another device slot": ("REC-20", _device_slot),
}


def _respelled(record: bytes) -> dict[str, tuple[str, bytes]]:
    """Changes of bytes that nobody signed anew."""
    message = pb.SessionRecord.FromString(record)

    def with_header(**fields: bytes) -> bytes:
        changed = pb.SessionRecord.FromString(record)
        header = pb.SessionHeader.FromString(message.header)
        for name, value in fields.items():
            setattr(header, name, value)
        changed.header = encode(header)
        return encode(changed)

    signature = pb.SessionHeader.FromString(message.header).signature
    shard = pb.Shard.FromString(message.shards[0])
    shard.slot_hashes[0] = flipped(shard.slot_hashes[0])
    other_hash = pb.SessionRecord.FromString(record)
    other_hash.shards[0] = encode(shard)
    other_hash.device_slots[0] = message.device_slots[0]
    row = pb.Shard.FromString(message.shards[0])
    row.rows[0].sealed = row.rows[1].sealed
    other_row = pb.SessionRecord.FromString(record)
    other_row.shards[0] = encode(row)
    return {
        "an altered signature": ("REC-11", with_header(signature=flipped(signature, 0))),
        "C0 with a torsion component": ("GRP-1", with_header(c0=_with_torsion(message.header))),
        "an unknown field in the context": ("WIR-2", _with_unknown(record)),
        "a slot hash that the shard's hash does not hold": ("REC-20", encode(other_hash)),
        "a row that the shard's hash does not hold": ("REC-20", encode(other_row)),
        "bytes after the end": ("WIR-2", record + b"\x7a\x00"),
    }


def _with_torsion(header: bytes) -> bytes:
    from nacl.bindings import crypto_core_ed25519_add as add

    from own_vectors.hashing import TORSION

    return add(pb.SessionHeader.FromString(header).c0, bytes.fromhex(TORSION))


def _with_unknown(record: bytes) -> bytes:
    changed = pb.SessionRecord.FromString(record)
    header = pb.SessionHeader.FromString(changed.header)
    header.context = header.context + b"\x7a\x00"
    changed.header = encode(header)
    return encode(changed)


def _openings(story: Story, base: Parts, record: bytes) -> list[Value]:
    """Records that verify, and that their readers must still not use."""
    reader = next(one for one in story.devices.values() if one.prekey.prekey_hash == base.rows[0].prekey)
    identity = _spoiled(base, _without_secret)
    info = slot_info(base.context, reader.prekey.prekey_hash)
    kept = story.sealed.row(reader.prekey.hpke, info, Stream("another q")(32), "another q")
    slot = bytes.fromhex(str(kept["sealed"]))

    def with_slot(parts: Parts) -> None:
        parts.device_slots[0], parts.slot_hashes[0], parts.proofs = slot, slot_hash(slot), None

    return [
        {"name": "M is the identity", "rule": "OPN-1", "reader": reader.name, "splices": splices(record, identity)},
        {"name": "a slot with another q", "rule": "OPN-2", "reader": reader.name, "slot": dict(kept),
         "splices": splices(record, _spoiled(base, with_slot))},
    ]  # fmt: skip


def _without_secret(parts: Parts) -> None:
    parts.rows = [replace(row, sealed=row.point.mul(parts.r)) for row in parts.rows]
    parts.escrow_rows = [replace(row, sealed=row.point.mul(parts.r)) for row in parts.escrow_rows]
    parts.proofs = None


def _vault(story: Story, base: Parts) -> list[Value]:
    firm, slot = story.firms["acme"], base.vault_slots[0]
    reservation = pb.Receipt.FromString(pb.SignedObject.FromString(base.receipts[0]).body).reservation
    open_vault_slot(firm.vault, firm.v_key_id, reservation, slot, base.cq)
    rows = {
        "a cq of another q": (slot, flipped(base.cq), reservation),
        "an altered slot": (flipped(slot), base.cq, reservation),
        "another reservation": (slot, base.cq, flipped(reservation)),
    }
    return [
        {"name": f"vault slot: {name}", "rule": "VLT-1", "firm": "acme", "reservation_hash": reserved.hex(),
         "cq": cq.hex(), "splices": splices(slot, changed)}
        for name, (changed, cq, reserved) in rows.items()
    ]  # fmt: skip
