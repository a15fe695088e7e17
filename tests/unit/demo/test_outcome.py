"""A run counts as good only where each figure is as it should be."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tapeline.demo.outcome import FRAUDS, Outcome
from tapeline.demo.spoil import SPOILS

GOOD = Outcome(
    sent=10,
    stored=10,
    sessions=4,
    in_scope=6,
    opened=6,
    matched=6,
    plaintext_hits=0,
    control_found=True,
    frauds_refused=dict.fromkeys(FRAUDS, True),
    spoilt_named=dict.fromkeys(SPOILS, True),
    complete=True,
    sentence="Complete: …",
    checks={"Something else failed.": True},
)


def test_a_good_run_has_no_faults() -> None:
    assert GOOD.faults() == []


@pytest.mark.parametrize(
    "change",
    [
        {"sent": 0, "stored": 0},
        {"stored": 9},
        {"sessions": 0},
        {"in_scope": 0, "opened": 0, "matched": 0},
        {"opened": 5},
        {"matched": 5},
        {"plaintext_hits": 1},
        {"plaintext_hits": -1},
        {"control_found": False},
        {"frauds_refused": dict.fromkeys(FRAUDS[1:], True)},
        {"frauds_refused": dict.fromkeys(FRAUDS, True) | {FRAUDS[0]: False}},
        {"spoilt_named": {}},
        {"spoilt_named": dict.fromkeys(SPOILS, True) | {"log_forked": False}},
        {"complete": False},
        {"checks": {"Something else failed.": False}},
    ],
)
def test_every_figure_counts(change: dict[str, object]) -> None:
    assert replace(GOOD, **change).faults() != []  # type: ignore[arg-type]


def test_an_unfinished_run_is_not_good() -> None:
    assert len(Outcome().faults()) == 8


def test_the_object_has_the_promised_keys() -> None:
    told = json.loads(json.dumps(GOOD.as_dict()))
    promised = {"sent", "stored", "sessions", "in_scope", "opened", "matched", "plaintext_hits"}
    assert promised | {"frauds_refused", "spoilt_named", "audit", "seconds"} <= set(told)
    assert told["audit"] == {"complete": True, "sentence": "Complete: …"}
