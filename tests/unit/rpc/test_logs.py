"""A service's log: bare values, one form for libraries and ourselves, and nothing that floods."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from enum import Enum
from typing import Any

import pytest
import structlog

from tapeline.base.rules import Rule
from tapeline.rpc.logs import LogFormat, LogLevel, LogSettings, configure_logs
from tapeline.rpc.repeats import LONGEST_GAP_S, MAX_KINDS, Repeats


@pytest.fixture(autouse=True)
def configuration() -> Iterator[None]:
    """Give other tests structlog and logging back as they were."""
    root = logging.getLogger()
    before, handlers, level = structlog.get_config(), list(root.handlers), root.level
    yield
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    out, err = capsys.readouterr()
    assert out == ""
    return [json.loads(line) for line in err.splitlines()]


class Colour(Enum):
    RED = "a long explanation"


def test_values_are_bare_and_the_form_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("vault", LogSettings(format=LogFormat.JSON))
    log = structlog.get_logger("tapeline.x")
    log.info("one", rule=Rule.NOTE_QUORUM, colour=Colour.RED, key=b"\x01" * 32, text="a\x1b[2J", count=3, none=None)
    (line,) = lines(capsys)
    assert list(line)[:4] == ["timestamp", "level", "service", "event"]
    assert line["service"] == "vault"
    assert (line["rule"], line["colour"], line["key"], line["text"]) == ("LOG-3", "red", "bytes", "a\\x1b[2J")
    assert (line["count"], line["none"]) == (3, None)


def test_the_level_is_kept_to(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("relay", LogSettings(LogLevel.WARNING, LogFormat.JSON))
    log = structlog.get_logger()
    log.info("quiet")
    log.warning("loud")
    assert [line["event"] for line in lines(capsys)] == ["loud"]


def test_columns_are_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("relay", LogSettings(format=LogFormat.CONSOLE))
    structlog.get_logger().warning("loud", rule=Rule.NOTE_QUORUM)
    out, err = capsys.readouterr()
    assert out == ""
    assert "loud" in err
    assert "LOG-3" in err
    assert not err.startswith("{")


def test_a_librarys_line_takes_the_same_form_without_its_values(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("relay", LogSettings(format=LogFormat.JSON))
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
    try:
        int("secret text of a user")
    except ValueError:
        logging.getLogger("other").exception("while handling %s", "secret value")
    logging.getLogger("other").info("chatter")
    first, second = lines(capsys)
    assert (first["event"], first["library"], first["text"]) == (
        "library", "uvicorn.error", "Invalid HTTP request received."
    )  # fmt: skip
    assert second["error"] == "ValueError"
    assert "secret" not in json.dumps(second)


class Told:
    """Counts what passes, under a clock that the test turns."""

    def __init__(self) -> None:
        self.now = 0.0
        self.repeats = Repeats(lambda: self.now)

    def __call__(self, event: str = "witness_failed", level: str = "warning", **fields: Any) -> int | None:
        """Return how many were left out before, None where this one is dropped."""
        try:
            return int(self.repeats(None, "", {"event": event, "level": level, **fields}).get("repeated", 0))
        except structlog.DropEvent:
            return None


def test_a_day_of_one_trouble_is_a_page_not_a_quarter_of_a_million_lines() -> None:
    told = Told()
    count = 0
    for second in range(86_400):
        told.now = float(second)
        count += told(size=second) is not None
    assert 24 <= count <= 40


def test_the_first_is_told_at_once_and_the_next_says_how_many_were_not() -> None:
    told = Told()
    assert told() == 0
    assert [told() for _ in range(5)] == [None] * 5
    told.now = 10.0
    assert told() == 5
    told.now = 29.0
    assert told() is None
    told.now = 30.0
    assert told() == 1


def test_what_was_quiet_begins_anew() -> None:
    told = Told()
    for second in range(0, 4000, 5):
        told.now = float(second)
        told()
    told.now += 3 * LONGEST_GAP_S
    assert told() is not None
    told.now += 5
    assert told() is None
    told.now += 5
    assert told() is not None


def test_one_trouble_does_not_hide_another_and_what_happened_is_always_told() -> None:
    told = Told()
    assert told(witness="w1") == 0
    assert told(witness="w2") == 0
    assert told("case_filed", "info") == 0
    assert told("case_filed", "info") == 0


def test_kinds_of_trouble_are_bounded() -> None:
    told = Told()
    for number in range(3 * MAX_KINDS):
        told(f"trouble {number}")
    assert len(told.repeats._kinds) == MAX_KINDS
    assert sys.getsizeof(told.repeats._kinds) < 2**20
