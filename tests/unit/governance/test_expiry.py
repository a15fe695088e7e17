"""Warnings before things end by time: at 60, 30 and 7 days, in the order of their ends, and afterwards."""

from __future__ import annotations

import pytest
from gov_kit import key, make_certificate, make_roster

from tapeline.base.times import DAY, HOUR, time_text
from tapeline.crypto.device import VerifiedDevice
from tapeline.governance.expiry import (
    Expiring,
    Stage,
    of_certificate,
    of_device,
    of_firm,
    of_roster,
    stage_at,
    warnings_at,
)

ENDS = 2_000_000_000_000


def thing(ends_ms: int = ENDS, begins_ms: int = 0) -> Expiring:
    return Expiring("The lease", ends_ms, "nobody may enter", "Sign another.", begins_ms)


@pytest.mark.parametrize(
    ("left_ms", "stage"),
    [
        (60 * DAY + 1, None),
        (60 * DAY, Stage.TWO_MONTHS),
        (30 * DAY + 1, Stage.TWO_MONTHS),
        (30 * DAY, Stage.MONTH),
        (7 * DAY + 1, Stage.MONTH),
        (7 * DAY, Stage.WEEK),
        (1, Stage.WEEK),
        (0, Stage.ENDED),
        (-400 * DAY, Stage.ENDED),
    ],
)
def test_each_stage_begins_on_its_day(left_ms: int, stage: Stage | None) -> None:
    assert stage_at(ENDS - left_ms, thing()) is stage


def test_a_short_life_is_not_warned_of_from_its_birth_on() -> None:
    of_a_month = thing(begins_ms=ENDS - 30 * DAY)
    assert stage_at(of_a_month.begins_ms, of_a_month) is None
    assert stage_at(ENDS - 7 * DAY, of_a_month) is Stage.WEEK
    of_a_week = thing(begins_ms=ENDS - 7 * DAY)
    assert stage_at(ENDS - 1, of_a_week) is None
    assert stage_at(ENDS, of_a_week) is Stage.ENDED


def test_the_nearest_end_comes_first_and_what_is_far_is_left_out() -> None:
    things = [thing(ENDS + 40 * DAY), thing(ENDS + 400 * DAY), thing(ENDS - DAY), thing(ENDS + DAY)]
    found = warnings_at(ENDS, things)
    assert [one.thing.ends_ms for one in found] == [ENDS - DAY, ENDS + DAY, ENDS + 40 * DAY]
    assert [one.days for one in found] == [0, 1, 40]


@pytest.mark.parametrize(
    ("left_ms", "words"),
    [(9 * DAY + HOUR, "ends in 9 days"), (DAY, "ends in 1 day,"), (HOUR, "ends today"), (-1, "ended at")],
)
def test_a_warning_is_one_sentence_with_the_time_in_utc(left_ms: int, words: str) -> None:
    (warning,) = warnings_at(ENDS - left_ms, [thing()])
    assert words in warning.cause
    assert f"{time_text(ENDS)} UTC" in warning.cause
    assert "nobody may enter" in warning.cause


def test_rosters_escrow_keys_and_devices_say_when_they_end() -> None:
    roster = make_roster()
    certificate = make_certificate(roster)
    entry = VerifiedDevice(bytes(64), bytes(32), "acme", "ann", bytes(32), key("ann").public, "laptop", 5, ENDS)
    things = [of_roster(roster), of_certificate(certificate), of_device(entry)]
    assert [one.ends_ms for one in things] == [roster.expires_ms, certificate.not_after_ms, ENDS]
    assert ["acme" in things[0].what, "epoch 1" in things[1].what, "laptop" in things[2].what] == [True] * 3
    assert (things[1].begins_ms, things[2].begins_ms) == (certificate.active_from_ms, 5)


def test_of_a_firm_only_what_is_to_be_renewed_is_told() -> None:
    roster = make_roster()
    first, second = (make_certificate(roster, epoch=epoch) for epoch in (1, 2))
    other = make_certificate(roster, retention_class="ten-years")
    foreign = make_certificate(make_roster("bolt"), epoch=9)
    told = [one.what for one in of_firm(roster, [second, first, other, foreign])]
    assert len(told) == 3  # not epoch 1, which epoch 2 took over from
    assert ["version 1" in told[0], "epoch 2" in told[1], "ten-years" in told[2]] == [True] * 3
