"""Lengths, counts and points of a record, before anything else is judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from record_kit import SeededRng, World, make_world

from tapeline.base.rules import Refused, Rule
from tapeline.crypto import limits
from tapeline.crypto.group import Scalar
from tapeline.crypto.record.facts import DeviceFact, Facts
from tapeline.crypto.record.parse import parse_record
from tapeline.crypto.wire import encode
from tapeline.wire.v1 import objects_pb2 as pb

WORLD = make_world(seed="parse")
RECORD = WORLD.create().record
RNG = SeededRng("parse")


def refused(change: Callable[[pb.SessionRecord, pb.SessionHeader, pb.Context, pb.Shard], None]) -> Rule:
    """Change the record at any depth, put it together again, and tell which rule refuses to parse it."""
    record = pb.SessionRecord.FromString(RECORD)
    header = pb.SessionHeader.FromString(record.header)
    context, shard = pb.Context.FromString(header.context), pb.Shard.FromString(record.shards[0])
    change(record, header, context, shard)
    header.context = encode(context)
    record.header = encode(header)
    record.shards[0] = encode(shard)
    with pytest.raises(Refused) as caught:
        parse_record(encode(record))
    return caught.value.rule


def set_in(part: int, field: str, value: object) -> Callable[..., None]:
    def change(*parts: object) -> None:
        setattr(parts[part], field, value)

    return change


def repeat_in(part: int, field: str, times: int) -> Callable[..., None]:
    """Repeat a list's first entry."""

    def change(*parts: object) -> None:
        listed = getattr(parts[part], field)
        listed.extend([listed[0]] * times)

    return change


def set_first(part: int, field: str, value: object, inner: str | None = None) -> Callable[..., None]:
    def change(*parts: object) -> None:
        listed = getattr(parts[part], field)
        if inner is None:
            listed[0] = value
        else:
            setattr(listed[0], inner, value)

    return change


RECORD_PART, HEADER, CONTEXT, SHARD = range(4)
WRONG = {
    "deployment": set_in(CONTEXT, "deployment", bytes(31)),
    "session id": set_in(CONTEXT, "session_id", bytes(33)),
    "conversation": set_in(CONTEXT, "conversation", b""),
    "sender": set_in(CONTEXT, "sender_device", bytes(63)),
    "membership": set_in(CONTEXT, "membership", bytes(65)),
    "note": set_in(CONTEXT, "archive_note", bytes(limits.NOTE_BYTES + 1)),
    "escrow key ids": set_first(CONTEXT, "escrow_key_ids", bytes(63)),
    "vault key ids": set_first(CONTEXT, "v_key_ids", bytes(63)),
    "firms": repeat_in(CONTEXT, "firms", limits.FIRMS),
    "classes": repeat_in(CONTEXT, "retention_classes", limits.FIRMS),
    "number of key ids": repeat_in(CONTEXT, "escrow_key_ids", limits.FIRMS),
    "cq": set_in(HEADER, "cq", bytes(32)),
    "signature": set_in(HEADER, "signature", bytes(63)),
    "receipts": repeat_in(HEADER, "receipts", limits.FIRMS),
    "escrow rows": repeat_in(HEADER, "escrow_rows", limits.FIRMS),
    "escrow row's key id": set_first(HEADER, "escrow_rows", b"", "key_id"),
    "shard hash": set_first(HEADER, "shard_hashes", bytes(32)),
    "proof": set_first(HEADER, "proofs", bytes(63)),
    "prekey": set_first(SHARD, "rows", bytes(63), "prekey"),
    "slot hash": set_first(SHARD, "slot_hashes", bytes(32)),
    "rows": repeat_in(SHARD, "rows", limits.SHARD_ROWS),
    "vault slot": set_first(RECORD_PART, "vault_slots", bytes(limits.SLOT_BYTES - 1)),
    "device slot": set_first(RECORD_PART, "device_slots", bytes(limits.SLOT_BYTES + 1)),
    "shards": repeat_in(RECORD_PART, "shards", limits.ROWS // limits.SHARD_ROWS),
}


@pytest.mark.rule(Rule.WIRE_SIZE)
@pytest.mark.parametrize("what", WRONG)
def test_fields_of_a_wrong_length_and_lists_too_long_are_refused(what: str) -> None:
    assert refused(WRONG[what]) is Rule.WIRE_SIZE


IDENTITY, ORDER_8 = b"\1" + bytes(31), bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")
NOT_CANONICAL = (2**255 - 18).to_bytes(32, "little")


@pytest.mark.rule(Rule.GROUP_POINT)
@pytest.mark.parametrize("point", [IDENTITY, ORDER_8, NOT_CANONICAL, b""], ids=["identity", "torsion", "form", "empty"])
@pytest.mark.parametrize(
    "where",
    [
        lambda point: set_in(HEADER, "c0", point),
        lambda point: set_in(HEADER, "c0_hat", point),
        lambda point: set_first(HEADER, "escrow_rows", point, "point"),
        lambda point: set_first(HEADER, "escrow_rows", point, "sealed"),
        lambda point: set_first(SHARD, "rows", point, "point"),
        lambda point: set_first(SHARD, "rows", point, "sealed"),
    ],
    ids=["C0", "C0 hat", "E", "C_e", "P", "C_i"],
)
def test_points_outside_the_group_are_refused(where: Callable[[bytes], Callable[..., None]], point: bytes) -> None:
    assert refused(where(point)) is Rule.GROUP_POINT


def test_the_unchanged_record_parses() -> None:
    assert parse_record(RECORD).header.record_hash == parse_record(RECORD).record_hash


# --- how many devices one session can have ---


def crowd(world: World, count: int) -> Facts:
    """Return facts with `count` more devices, each with a point of its own."""
    fact = world.others[0].fact
    return world.facts(devices=tuple(_one_more(fact, number) for number in range(count)))


def _one_more(fact: DeviceFact, number: int) -> DeviceFact:
    entry_hash, prekey_hash = (tag + number.to_bytes(63, "big") for tag in (b"d", b"p"))
    prekey = replace(fact.prekeys[0].prekey, prekey_hash=prekey_hash, point=Scalar.random(RNG).base_mul())
    return replace(
        fact, device=replace(fact.device, entry_hash=entry_hash), prekeys=(replace(fact.prekeys[0], prekey=prekey),)
    )


@pytest.mark.rule(Rule.WIRE_SIZE)
def test_more_devices_than_a_session_can_have_are_refused_before_sealing() -> None:
    with pytest.raises(Refused) as caught:
        WORLD.create(crowd(WORLD, limits.ROWS + 1))
    assert caught.value.rule is Rule.WIRE_SIZE
    assert "devices" in caught.value.cause


@pytest.mark.rule(Rule.WIRE_SIZE)
def test_a_record_over_2_mib_is_not_made() -> None:
    with pytest.raises(Refused) as caught:
        WORLD.create(crowd(WORLD, limits.ROWS))
    assert caught.value.rule is Rule.WIRE_SIZE
    assert "bytes" in caught.value.cause


def test_a_record_of_1500_devices_is_within_the_limit() -> None:
    record = parse_record(WORLD.create(crowd(WORLD, 1500)).record)
    assert len(record.rows) == 1500
