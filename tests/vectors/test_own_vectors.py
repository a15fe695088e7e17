"""Tapeline's own vectors of session records: the code, and a second implementation that shares nothing with it."""

from __future__ import annotations

from typing import Any

import pytest
import second_implementation as second
from second_implementation import edwards, hashing, hpke, record, statements, wire
from vectors_kit import (
    cases,
    device_fact,
    escrow_fact,
    facts,
    load,
    named,
    refusal,
    secret_of,
    spliced,
    un,
    uns,
    vault_of,
)

from tapeline.base.secret import Secret
from tapeline.crypto.group import Point, Scalar
from tapeline.crypto.hpke_open import open_sealed
from tapeline.crypto.receipt import vault_slot_hash
from tapeline.crypto.record.open import open_as_recipient, open_row
from tapeline.crypto.record.open_escrow import open_with_m
from tapeline.crypto.record.opening import recipient_statement, sender_statement, verify_opening
from tapeline.crypto.record.parse import ParsedRecord, ParsedView, parse_record, parse_view
from tapeline.crypto.record.proof import Statement
from tapeline.crypto.record.rows import slot_hash, slot_info
from tapeline.crypto.record.verify import VerifiedRecord, verify_record
from tapeline.crypto.record.view import view_for
from tapeline.crypto.reservation import hybrid_commitment, vault_slot_info
from tapeline.crypto.vault_open import open_vault_slot
from tapeline.transparency.cosigned import verify_cosigned
from tapeline.transparency.keys import COSIGNATURE_V1, VerifierKey
from tapeline.transparency.policy import parse_policy

FIRST = load("records")["cases"][0]
BASE = un(FIRST["record"])


def second_keys(statement: str = "genesis") -> record.Keys:
    """What the second implementation takes from the directory, read with its own parser."""
    firms = ["acme", "bolt"] if statement == "genesis" else ["acme"]
    ceremonies = [named("ceremony", firm) for firm in firms]
    devices = [case for case in load("directory")["cases"] if "prekey" in case]
    opened = {case["name"]: wire.opened("Prekey", un(case["prekey"])) for case in devices}
    return record.Keys(
        device_key=opened["ann-1"][1]["device_key"],
        vault_signers=[un(one["vault_signer"]) for one in ceremonies],
        escrow=[
            (one["name"], un(one["escrow_key_id"]), un(one["escrow_key"]), un(one["v_key_id"])) for one in ceremonies
        ],
        prekeys={hashing.H("prekey", signed["body"]): body["point"] for signed, body in opened.values()},
    )


def view_bytes(case: dict[str, Any]) -> bytes:
    """A view as published, or as the relay cuts it from the first record."""
    if "view" in case:
        return un(case["view"])
    cut_from = un(load("records")["cases"][case["case"]]["record"])
    view = view_for(parse_record(cut_from), {device_fact(case["reader"]).prekeys[0].prekey.prekey_hash})
    assert view is not None
    return view


# --- the code ---


@pytest.mark.parametrize("case", cases("records"))
def test_the_code_reaches_every_intermediate(case: dict[str, Any]) -> None:
    parsed = parse_record(un(case["record"]))
    header, r = parsed.header, Scalar.decode(un(case["r"]))
    verified = verify_record(parsed, facts(case["membership"]))
    q = Secret(un(case["q"]))
    assert hybrid_commitment(q, verified.reservation_hash) == header.cq == un(case["cq"])
    assert verified.reservation_hash == un(case["reservation_hash"])
    assert header.context_bytes == un(case["context"])
    assert header.context.sender_device == device_fact(case["sender"]).device.entry_hash
    assert header.c0 == r.base_mul() == Point.decode(un(case["c0"]))
    assert header.c0_hat.encode() == un(case["c0_hat"])
    assert [row.hashed() for row in header.escrow_rows] == uns(case["escrow_rows"])
    assert [row.hashed() for row in parsed.rows] == uns(case["rows"])
    assert [shard.shard_hash() for shard in parsed.shards] == uns(case["shard_hashes"])
    assert (header.label, header.record_hash) == (un(case["label"]), un(case["record_hash"]))
    assert open_with_m(verified, Point.decode(un(case["m"])), q).reveal() == un(case["root"])


@pytest.mark.parametrize("case", cases("records"))
def test_the_code_reaches_the_proofs_commitments(case: dict[str, Any]) -> None:
    parsed = parse_record(un(case["record"]))
    header = parsed.header
    for shard, proof in zip(parsed.shards, case["proofs"], strict=True):
        statement = Statement(header.label, header.c0, header.c0_hat, header.escrow_rows, shard.rows)
        challenge = statement.challenge([Point.decode(one) for one in uns(proof["commitments"])])
        assert header.proofs[shard.number] == un(proof["proof"])
        assert challenge.to_bytes() == un(proof["proof"])[:32]


@pytest.mark.parametrize("case", cases("records"))
def test_the_code_binds_and_opens_every_slot(case: dict[str, Any]) -> None:
    parsed = parse_record(un(case["record"]))
    for slot, row in zip(parsed.vault_slots, case["vault_slots"], strict=True):
        info = vault_slot_info(un(case["reservation_hash"]), escrow_fact(row["firm"]).v_key_id)
        assert (info, vault_slot_hash(slot)) == (un(row["info"]), un(row["hash"]))
        assert open_sealed(vault_of(row["firm"]), info, slot) == un(case["q"])
    for slot, row, parsed_row in zip(parsed.device_slots, case["device_slots"], parsed.rows, strict=True):
        assert slot_info(parsed.header.context_bytes, parsed_row.prekey) == un(row["info"])
        assert slot_hash(slot) == un(row["hash"])


@pytest.mark.parametrize("case", cases("records", "views"))
def test_the_code_judges_and_opens_every_view(case: dict[str, Any]) -> None:
    view, own = parse_view(view_bytes(case)), device_fact(case["reader"])
    verified = verify_record(view, facts(), own=own)
    assert view.row_index == case["row"]
    assert open_as_recipient(view, verified, secret_of(case["reader"])).reveal() == un(case["root"])
    row, m = view.shard.rows[case["row"]], Point.decode(un(case["m"]))
    verify_opening(recipient_statement(view.record_hash, view.header.c0, row, m), un(case["opening_proof"]))


def test_the_code_verifies_the_senders_opening_proof() -> None:
    header, m = parse_record(BASE).header, Point.decode(un(FIRST["m"]))
    proof = un(FIRST["sender_opening_proof"])
    verify_opening(sender_statement(header.record_hash, header.c0, header.escrow_rows[0], m), proof)


def test_the_code_reads_the_notes_time() -> None:
    stated = load("records")["facts"]
    lines = [f"log {stated['log']}", *(f"witness {one['name']} {_vkey(one)}" for one in stated["witnesses"])]
    names = " ".join(one["name"] for one in stated["witnesses"])
    policy = parse_policy("\n".join([*lines, f"group w all {names}", "quorum w", ""]).encode())
    note = verify_cosigned(stated["note"].encode(), policy, log_origin="archive.example")
    assert (note.size, note.median_time_ms) == (stated["note_size"], stated["note_time_ms"])


def _vkey(witness: dict[str, str]) -> str:
    return VerifierKey(witness["name"], COSIGNATURE_V1, un(witness["public"])).encode()


@pytest.mark.parametrize("case", cases("records", "refused", reader=False, firm=False))
def test_the_code_refuses_under_the_named_rule(case: dict[str, Any]) -> None:
    def judge() -> VerifiedRecord:
        return verify_record(parse_record(spliced(BASE, case.get("splices", []))), facts(**case.get("facts", {})))

    assert refusal(judge) == case["rule"]


@pytest.mark.parametrize("case", cases("records", "refused", reader=True))
def test_the_code_refuses_to_open_what_verifies(case: dict[str, Any]) -> None:
    altered: ParsedRecord | ParsedView = parse_record(spliced(BASE, case["splices"]))
    verify_record(altered, facts())
    own = device_fact(case["reader"])
    assert isinstance(altered, ParsedRecord)
    view = parse_view(view_for(altered, {own.prekeys[0].prekey.prekey_hash}) or b"")
    verified = verify_record(view, facts(), own=own)
    assert refusal(open_row, view, verified, secret_of(case["reader"])) == case["rule"]


@pytest.mark.parametrize("case", cases("records", "refused", firm=True))
def test_the_vault_refuses_its_slot(case: dict[str, Any]) -> None:
    slot = spliced(parse_record(BASE).vault_slots[0], case["splices"])
    v_key_id = escrow_fact(case["firm"]).v_key_id
    reserved, cq = un(case["reservation_hash"]), un(case["cq"])
    assert refusal(open_vault_slot, vault_of(case["firm"]), v_key_id, reserved, slot, cq) == case["rule"]


# --- the second implementation ---


@pytest.mark.parametrize("case", cases("records"))
def test_a_second_implementation_verifies_the_record(case: dict[str, Any]) -> None:
    header, shards = record.verify_record(un(case["record"]), second_keys(case["membership"]))
    assert header.reservation_hash == un(case["reservation_hash"])
    assert header.fields["context"] == un(case["context"])
    assert (int.from_bytes(un(case["r"]), "little") * edwards.B).encode() == un(case["c0"]) == header.fields["c0"]
    assert (int.from_bytes(un(case["r"]), "little") * edwards.G_HAT).encode() == un(case["c0_hat"])
    assert [record.escrow_row(row) for row in header.escrow] == uns(case["escrow_rows"])
    assert [record.device_row(row) for shard in shards for row in shard["rows"]] == uns(case["rows"])
    assert [record.shard_hash(shard) for shard in shards] == uns(case["shard_hashes"])
    assert (header.label, header.record_hash) == (un(case["label"]), un(case["record_hash"]))
    for shard, proof in zip(shards, case["proofs"], strict=True):
        assert [one.encode() for one in header.commitments(shard)] == uns(proof["commitments"])
    assert record.session_root(un(case["m"]), un(case["q"]), header.record_hash) == un(case["root"])
    record.verify_opening_proof(header, None, un(case["m"]), un(case["sender_opening_proof"]))


@pytest.mark.parametrize("case", cases("records"))
def test_a_second_implementation_opens_the_vaults_slots(case: dict[str, Any]) -> None:
    slots = wire.parse("SessionRecord", un(case["record"]))["vault_slots"]
    for slot, row in zip(slots, case["vault_slots"], strict=True):
        ceremony, reserved = named("ceremony", row["firm"]), un(case["reservation_hash"])
        assert hashing.H("vault-slot-bytes", slot) == un(row["hash"])
        assert hashing.H("vault-slot", reserved, un(ceremony["v_key_id"])) == un(row["info"])
        args = un(ceremony["v_seed"]), un(ceremony["v_key_id"]), reserved, slot, un(case["cq"])
        assert record.open_vault_slot(*args) == un(case["q"])


@pytest.mark.parametrize("case", cases("records", "views"))
def test_a_second_implementation_opens_every_view(case: dict[str, Any]) -> None:
    header, row, slot = record.verify_view(view_bytes(case), second_keys())
    reader = named("directory", case["reader"])
    m, q = record.open_row(header, row, slot, un(reader["p"]), un(reader["hpke_seed"]))
    assert m == un(case["m"])
    assert record.session_root(m, q, header.record_hash) == un(case["root"])
    record.verify_opening_proof(header, row, m, un(case["opening_proof"]))
    if "slot" in case:
        assert hashing.H("slot", header.fields["context"], row["prekey"]) == un(case["slot"]["info"])
        assert hashing.H("slot-bytes", slot) == un(case["slot"]["hash"])
        assert header.fields["shard_hashes"] == uns(case["shard_hashes"])
        assert (header.label, header.record_hash) == (un(case["label"]), un(case["record_hash"]))


# Rules of when and where (those with `facts`) are left to the first: the second has no log.
@pytest.mark.parametrize("case", cases("records", "refused", reader=False, firm=False, facts=False))
def test_a_second_implementation_refuses_as_well(case: dict[str, Any]) -> None:
    with pytest.raises(second.Refusal) as refused:
        record.verify_record(spliced(BASE, case["splices"]), second_keys())
    assert refused.value.rule == case["rule"]


@pytest.mark.parametrize("case", cases("records", "refused", reader=True))
def test_a_second_implementation_refuses_to_open_as_well(case: dict[str, Any]) -> None:
    data = spliced(BASE, case["splices"])
    header, shards = record.verify_record(data, second_keys())
    slot, reader = wire.parse("SessionRecord", data)["device_slots"][0], named("directory", case["reader"])
    if "slot" in case:
        info = hashing.H("slot", header.fields["context"], shards[0]["rows"][0]["prekey"])
        assert (info, slot) == (un(case["slot"]["info"]), un(case["slot"]["sealed"]))
        assert hpke.open_sealed(un(reader["hpke_seed"]), info, slot) == un(case["slot"]["plaintext"])
    with pytest.raises(second.Refusal) as refused:
        record.open_row(header, shards[0]["rows"][0], slot, un(reader["p"]), un(reader["hpke_seed"]))
    assert refused.value.rule == case["rule"]


@pytest.mark.parametrize("case", cases("records", "refused", firm=True))
def test_a_second_vault_refuses_as_well(case: dict[str, Any]) -> None:
    ceremony = named("ceremony", case["firm"])
    slot = spliced(wire.parse("SessionRecord", BASE)["vault_slots"][0], case["splices"])
    with pytest.raises(second.Refusal) as refused:
        record.open_vault_slot(
            un(ceremony["v_seed"]), un(ceremony["v_key_id"]), un(case["reservation_hash"]), slot, un(case["cq"])
        )
    assert refused.value.rule == case["rule"]


def test_a_second_implementation_reads_the_notes_time() -> None:
    stated = load("records")["facts"]
    witnesses = [(one["name"], un(one["public"])) for one in stated["witnesses"]]
    assert statements.cosigned_time(stated["note"].encode(), witnesses) == stated["note_time_ms"]
