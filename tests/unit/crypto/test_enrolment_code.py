"""Enrolment codes: they round-trip, pin what they were made under, and refuse slips."""

from __future__ import annotations

import pytest

from tapeline.base.errors import MalformedInput
from tapeline.base.hashing import tagged_hash
from tapeline.crypto.enrolment import PREFIX, EnrolmentCode, format_enrolment, log_key_hash, new_code, parse_enrolment

ROSTER = tagged_hash("test", b"roster")
CODE = EnrolmentCode(new_code(lambda count: bytes(range(count))), ROSTER, log_key_hash("log.example/archive+0+AQ"))
TEXT = format_enrolment(CODE)


def test_round_trip_through_a_mail_programs_line_breaks() -> None:
    assert parse_enrolment(f"  {TEXT[:50]}\n {TEXT[50:]}\n") == CODE


def test_the_one_time_part_is_not_shown() -> None:
    assert CODE.code not in repr(CODE)


@pytest.mark.parametrize("place", [20, 60, 100])
def test_a_slip_is_found_and_not_repeated(place: int) -> None:
    slipped = TEXT[:place] + ("A" if TEXT[place] != "A" else "B") + TEXT[place + 1 :]
    with pytest.raises(MalformedInput) as caught:
        parse_enrolment(slipped)
    assert slipped[18:30] not in str(caught.value)


@pytest.mark.parametrize("text", ["", PREFIX, TEXT.removeprefix(PREFIX), TEXT[:-1], TEXT + "AAAA"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(MalformedInput):
        parse_enrolment(text)
