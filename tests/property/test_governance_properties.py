"""Properties of governance: JSON has one spelling, periods are sound, no random damage passes the gate."""

from __future__ import annotations

import json
from functools import cache

import pytest
from gov_kit import T0, Matter, key, make_case, make_roster, sign, sign_roster, successor, with_people
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.base.errors import TapelineError
from tapeline.base.rules import Refused, Rule
from tapeline.base.times import HOUR
from tapeline.crypto.record.parse import parse_record
from tapeline.governance.case import Case, Window
from tapeline.governance.chain import RosterChain, guarded
from tapeline.governance.dsse import parse_envelope
from tapeline.governance.gate import pass_gate
from tapeline.governance.gate_input import AgentMemory, Consent, GateInput
from tapeline.governance.jsonform import MAX_INTEGER, decode_json, encode_json
from tapeline.governance.scope import meets_window
from tapeline.wire.v1.escrow_pb2 import WarrantPackage

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
LEAVES = st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | TEXTS
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8
)


def depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 1


@given(VALUES.filter(lambda value: depth(value) <= 8))
def test_json_has_one_spelling_and_it_reads_back(value: object) -> None:
    assert decode_json(encode_json(value)) == value  # type: ignore[arg-type]


@given(VALUES.filter(lambda value: depth(value) <= 8), st.sampled_from([None, 2]), st.booleans())
def test_another_spelling_is_refused(value: object, indent: int | None, escape: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=escape).encode()
    if text == encode_json(value):  # type: ignore[arg-type]
        return
    with pytest.raises(Refused) as refusal:
        decode_json(text)
    assert refusal.value.rule is Rule.DSSE_SYNTAX


@given(st.binary(max_size=200))
def test_any_bytes_parse_or_are_refused(data: bytes) -> None:
    with pytest.raises(TapelineError):
        Case.parse(data)


@given(st.data())
def test_one_changed_byte_of_an_envelope_never_keeps_a_signature(data: st.DataObject) -> None:
    envelope = bytearray(sign(make_case(), "acme/rita"))
    place = data.draw(st.integers(0, len(envelope) - 1))
    envelope[place] ^= data.draw(st.integers(1, 255))
    try:
        parsed = parse_envelope(bytes(envelope), "case")
    except TapelineError:
        return
    assert not parsed.signed_by(key("acme/rita").public)


SPANS = st.tuples(st.integers(0, 30), st.integers(0, 30)).map(sorted)


@given(SPANS, SPANS)
def test_intervals_meet_exactly_when_they_share_a_moment(window: list[int], session: list[int]) -> None:
    case = make_case(window=Window(*window))
    shared = set(range(window[0], window[1] + 1)) & set(range(session[0], session[1] + 1))
    assert meets_window(case, *session) == bool(shared)


FIRST = make_roster()
POOL = [(f"new{number}", {"approver"}, "legal") for number in range(3)]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sets(st.integers(0, 2)), st.integers(0, 100)), max_size=5), st.integers(0, 400))
def test_no_change_counts_before_it_was_public_for_the_delay(changes: list[tuple[set[int], int]], at: int) -> None:
    chain, seen = RosterChain.pin(FIRST.statement_hash), T0
    chain.add(sign_roster(FIRST), seen)
    history = [(seen - 1000 * HOUR, guarded(FIRST))]
    for chosen, wait in changes:
        seen += wait * HOUR
        people = with_people(FIRST, *(POOL[number] for number in sorted(chosen)))
        chain.add(sign_roster(successor(chain.current, people=people)), seen)
        history.append((seen, guarded(chain.current)))
    moment = T0 + at * HOUR
    # Whatever is in force was said by some version that had been public for 72 hours by then.
    assert any(chain.in_force(moment) == said and seen_ms + 72 * HOUR <= moment for seen_ms, said in history)
    # And the newest one's word counts 72 hours after it, whatever came before.
    assert chain.in_force(seen + 72 * HOUR) == guarded(chain.current)


@cache
def _good() -> tuple[Matter, bytes]:
    matter = Matter()
    return matter, matter.package().SerializeToString()


PARTS = ("warrant", "case_statement", "manifest", "audit_note", "archive_note")


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(PARTS), st.data())
def test_no_damaged_document_passes_the_gate(part: str, data: st.DataObject) -> None:
    matter, encoded = _good()
    package = WarrantPackage.FromString(encoded)
    damaged = bytearray(getattr(package, part))
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    setattr(package, part, bytes(damaged))
    with pytest.raises(TapelineError):
        _judge(matter, package)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_damaged_record_passes_the_gate(data: st.DataObject) -> None:
    matter, encoded = _good()
    package = WarrantPackage.FromString(encoded)
    record = bytearray(package.records[0].record)
    record[data.draw(st.integers(0, len(record) - 1))] ^= data.draw(st.integers(1, 255))
    package.records[0].record = bytes(record)
    try:
        passed = _judge(matter, package)
    except TapelineError:
        return
    # Custodians need no content of device slots; each slot's hash is in the record all the same. The others go on.
    sound = {parse_record(one.record).record_hash for one in package.records[1:]}
    assert {session.verified.record_hash for session in passed.sessions} == sound


def _judge(matter: Matter, package: WarrantPackage):  # type: ignore[no-untyped-def]
    taken = GateInput.from_package(package, matter.archive.state, pinned_roster=matter.archive.pinned["acme"])
    consent = Consent(unattended_classes=frozenset({"five-years"}))
    return pass_gate(taken, AgentMemory(), consent, matter.now_ms)
