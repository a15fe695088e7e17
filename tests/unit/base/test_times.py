"""Times that others wrote are shown, whatever they are."""

from __future__ import annotations

import pytest

from tapeline.base.times import time_text


def test_a_time_is_shown_in_utc() -> None:
    assert time_text(1_700_000_000_999) == "2023-11-14 22:13:20"


@pytest.mark.parametrize("time_ms", [2**63, 2**64 - 1, 10**15, -(10**18)])
def test_a_time_beyond_the_calendar_is_shown_as_a_number(time_ms: int) -> None:
    assert time_text(time_ms) == f"{time_ms} ms"
