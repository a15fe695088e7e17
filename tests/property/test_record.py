"""For any rows, shards and firms a session seals and opens; for any changed byte it is refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from message_kit import Session
from record_kit import World, escrow_opens, make_world, view_of

from tapeline.base.errors import TapelineError
from tapeline.crypto.limits import SHARD_ROWS
from tapeline.crypto.message.chain import ReceivingChain, SendingChain
from tapeline.crypto.message.padme import is_padded_length, pad, unpad
from tapeline.crypto.message.verify import parse_message, verify_message
from tapeline.crypto.receipt import verify_receipt
from tapeline.crypto.record.facts import Facts
from tapeline.crypto.record.open import open_as_recipient
from tapeline.crypto.record.open_escrow import open_with_m
from tapeline.crypto.record.parse import parse_record, parse_view
from tapeline.crypto.record.proof import Statement, verify_proof
from tapeline.crypto.record.verify import verify_record
from tapeline.crypto.record.view import view_for

FEW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MANY = settings(max_examples=600, deadline=None)

WORLDS = {
    1: make_world({"acme": {"ann": 1, "ben": 70}}, seed="one firm"),
    2: make_world({"acme": {"ann": 2, "ben": 34}, "bolt": {"cora": 34}}, seed="two firms"),
    4: make_world({"a": {"x": 1}, "b": {"x": 20}, "c": {"x": 25}, "d": {"x": 25}}, seed="four firms"),
}
WORLD = make_world(seed="bytes")
PENDING = WORLD.reserve()
RECORD = WORLD.create(pending=PENDING).record
BEN = WORLD.others[0]
VIEW = view_for(parse_record(RECORD), {BEN.prekey.prekey_hash}) or b""
RECEIPT = WORLD.receipts(PENDING)[0]
SESSION = Session()
MESSAGE = SESSION.forge()


def facts_with(world: World, present: set[int]) -> Facts:
    """Return facts in which only the sender and these devices exist."""
    devices = [device.fact for place, device in enumerate(world.devices) if place == 0 or place in present]
    return world.facts(devices=tuple(devices))


@FEW
@given(firms=st.sampled_from(sorted(WORLDS)), data=st.data())
def test_any_session_opens_for_its_rows_and_for_escrow_and_for_no_one_else(firms: int, data: st.DataObject) -> None:
    world = WORLDS[firms]
    places = st.sets(st.integers(1, len(world.devices) - 1))
    present = data.draw(st.one_of(places, st.just(set(range(1, len(world.devices))))))
    facts = facts_with(world, present)
    pending = world.reserve()
    created = world.create(facts, pending)
    record = parse_record(created.record)
    verified = verify_record(record, facts)

    assert len(record.shards) == max(1, -(-len(present) // SHARD_ROWS))
    assert {row.prekey for row in record.rows} == {world.devices[place].prekey.prekey_hash for place in present}
    for row in verified.escrow_rows:
        assert open_with_m(verified, escrow_opens(world, verified.c0, row), pending.q) == created.root
    for place in data.draw(st.sets(st.sampled_from(sorted(present)), max_size=3)) if present else ():
        device = world.devices[place]
        view = view_of(created.record, device)
        own = verify_record(view, facts, own=device.fact)
        assert open_as_recipient(view, own, device.secret) == created.root
    absent = [device for place, device in enumerate(world.devices) if place not in present]
    assert all(view_for(record, {device.prekey.prekey_hash}) is None for device in absent)


@st.composite
def altered(draw: st.DrawFn, original: bytes) -> bytes:
    """Change one byte, or cut, repeat or insert a stretch."""
    place = draw(st.integers(0, len(original) - 1))
    kind = draw(st.sampled_from(["flip", "flip", "flip", "cut", "insert", "truncate", "swap"]))
    if kind == "flip":
        mask = draw(st.integers(1, 255))
        return original[:place] + bytes([original[place] ^ mask]) + original[place + 1 :]
    if kind == "insert":
        return original[:place] + draw(st.binary(min_size=1, max_size=8)) + original[place:]
    length = draw(st.integers(1, 64))
    if kind == "cut":
        return original[:place] + original[place + length :]
    if kind == "truncate":
        return original[:place]
    return original[:place] + original[place : place + length][::-1] + original[place + length :]


@MANY
@given(data=altered(RECORD))
def test_any_changed_record_is_refused(data: bytes) -> None:
    if data != RECORD:
        with pytest.raises(TapelineError):
            verify_record(parse_record(data), WORLD.facts())


def test_every_single_byte_of_a_record_counts() -> None:
    world = make_world({"acme": {"ann": 1, "ben": 1}}, seed="every byte")
    record, facts = world.create().record, world.facts()
    for place in range(len(record)):
        changed = record[:place] + bytes([record[place] ^ 1 << place % 8]) + record[place + 1 :]
        with pytest.raises(TapelineError):
            verify_record(parse_record(changed), facts)


@MANY
@given(data=altered(VIEW))
def test_any_changed_view_is_refused(data: bytes) -> None:
    if data != VIEW:
        with pytest.raises(TapelineError):
            verify_record(parse_view(data), WORLD.facts(), own=BEN.fact)


@MANY
@given(data=altered(parse_record(RECORD).header.proofs[0]))
def test_any_changed_proof_is_refused(data: bytes) -> None:
    header, shard = parse_record(RECORD).header, parse_record(RECORD).shards[0]
    if data != header.proofs[0]:
        claim = Statement(header.label, header.c0, header.c0_hat, header.escrow_rows, shard.rows)
        with pytest.raises(TapelineError):
            verify_proof(claim, data)


@MANY
@given(data=altered(RECEIPT))
def test_any_changed_receipt_is_refused(data: bytes) -> None:
    vault = WORLD.escrow["acme"]
    if data != RECEIPT:
        with pytest.raises(TapelineError):
            verify_receipt(
                data, vault.signer.public, reservation_hash=PENDING.reservation_hash,
                v_key_id=vault.v_key_id, cq=PENDING.cq,
            )  # fmt: skip


@MANY
@given(data=altered(MESSAGE))
def test_any_changed_message_is_refused(data: bytes) -> None:
    if data != MESSAGE:
        with pytest.raises(TapelineError):
            verify_message(
                parse_message(data), sender_key=SESSION.key.public, record_hash=SESSION.record_hash,
                expected_index=0, expected_previous=SESSION.record_hash,
            )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(contents=st.lists(st.binary(max_size=3000), min_size=1, max_size=12), restart=st.booleans())
def test_any_messages_arrive_in_order_also_over_restarts(contents: list[bytes], restart: bool) -> None:
    session = Session()
    sending = SendingChain(session.root, session.record_hash, session.key)
    receiving = ReceivingChain(session.root, session.record_hash)
    previous = session.record_hash
    for index, content in enumerate(contents):
        sealed = sending.seal(content, client_time_ms=index, newest_leaf=index)
        verified = verify_message(
            parse_message(sealed.message), sender_key=session.key.public, record_hash=session.record_hash,
            expected_index=index, expected_previous=previous,
        )  # fmt: skip
        assert receiving.open(verified) == content
        previous = sealed.message_hash
        if restart:
            receiving = ReceivingChain.from_state(receiving.to_state(), session.record_hash)


@given(content=st.binary(max_size=4000), other=st.binary(max_size=200))
def test_padding_is_one_to_one(content: bytes, other: bytes) -> None:
    assert unpad(pad(content)) == content
    assert is_padded_length(len(pad(content)))
    with contextlib.suppress(TapelineError):
        assert pad(unpad(other)) == other


@settings(max_examples=24, deadline=None)
@given(rows=st.permutations(range(4)))
def test_no_other_order_of_rows_is_accepted(rows: list[int]) -> None:
    world = WORLDS[1]
    facts = facts_with(world, {1, 2, 3, 4})
    if rows == sorted(rows):
        return
    draft = world.draft(facts)
    draft.rows = [draft.rows[place] for place in rows]
    draft.slots = [draft.slots[place] for place in rows]
    record = parse_record(world.finish(draft))
    with pytest.raises(TapelineError):
        verify_record(record, facts)
