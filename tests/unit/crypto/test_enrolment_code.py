"""Enrolment codes: they round-trip, pin what they were made under, and refuse slips."""

from __future__ import annotations

import pytest

from tapeline.base.errors import MalformedInput
from tapeline.base.hashing import tagged_hash
from tapeline.crypto.enrolment import EnrolmentCode

ROSTER = tagged_hash("test", b"roster")
VKEY = "log.example/archive+00000000+AQ"


def code() -> EnrolmentCode:
    return EnrolmentCode.make(ROSTER, VKEY, lambda count: bytes(range(count)))


def test_round_trip() -> None:
    again = EnrolmentCode.parse(f"  {code().encode()}\n")
    assert again == code()
    assert again.one_time_text == bytes(range(16)).hex()


def test_pins_name_exactly_one_roster_and_log() -> None:
    parsed = EnrolmentCode.parse(code().encode())
    assert parsed.matches_roster(ROSTER)
    assert not parsed.matches_roster(tagged_hash("test", b"other roster"))
    assert parsed.matches_log_key(VKEY)
    assert not parsed.matches_log_key(VKEY + "x")


@pytest.mark.parametrize("place", [4, 20, 60, 100])
def test_a_slip_is_found_and_not_repeated(place: int) -> None:
    text = code().encode()
    slipped = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
    with pytest.raises(MalformedInput) as caught:
        EnrolmentCode.parse(slipped)
    assert slipped[4:20] not in str(caught.value)


@pytest.mark.parametrize("text", ["", "tl1_", "tl2_" + "A" * 112, code().encode()[:-1], code().encode() + "A"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(MalformedInput):
        EnrolmentCode.parse(text)
