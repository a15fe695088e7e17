"""One person's statements are bounded by the hour and by the day, so that nobody makes the audit log too long."""

from __future__ import annotations

import pytest

from tapeline.base.errors import LimitExceeded
from tapeline.base.times import DAY, HOUR
from tapeline.escrow.quotas import BoardLimits, Quotas


class Now:
    now_ms = 1_800_000_000_000

    def __call__(self) -> int:
        return self.now_ms


def test_an_hour_and_a_day_each_have_their_bound() -> None:
    now = Now()
    quotas = Quotas(BoardLimits(an_hour=2, a_day=3), now)
    for step in (0, 0, HOUR):
        now.now_ms += step
        quotas.require_room("adah", "rejection")
        quotas.note("adah", "rejection")
        if not step:
            continue
        with pytest.raises(LimitExceeded, match="a day"):
            quotas.require_room("adah", "rejection")
    quotas.require_room("adah", "approval")
    quotas.require_room("abel", "rejection")
    now.now_ms += DAY
    quotas.require_room("adah", "rejection")


def test_one_transaction_counts_what_it_logs_itself() -> None:
    quotas = Quotas(BoardLimits(an_hour=2, a_day=3), Now())
    quotas.require_room("adah", "approval", more=1)
    with pytest.raises(LimitExceeded, match="an hour"):
        quotas.require_room("adah", "approval", more=2)
