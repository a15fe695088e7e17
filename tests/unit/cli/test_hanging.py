"""Text of others under a heading: whatever it holds, no line of it begins as a heading does."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.cli.hanging import MARK, hanging

HEADING = "2026-11-26 10:00:00 UTC  deadbeef  ann: "


def test_further_lines_are_marked() -> None:
    assert hanging("ann: ", "one\ntwo\n\nthree") == f"ann: one\n{MARK}two\n{MARK}\n{MARK}three"


def test_what_a_terminal_would_fold_is_folded_here() -> None:
    text = hanging("ann: ", "word " * 30, width=40)
    lines = text.split("\n")
    assert len(lines) > 3
    assert all(len(line) <= 40 for line in lines)
    assert all(line.startswith(MARK) for line in lines[1:])


def test_nothing_of_what_was_said_is_lost_by_folding() -> None:
    said = "a" * 500
    shown = hanging("ann: ", said, width=40).removeprefix("ann: ").replace(f"\n{MARK}", "")
    assert shown.strip() == said


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300), st.one_of(st.none(), st.integers(20, 120)))
def test_no_line_of_anybody_begins_at_the_edge(said: str, width: int | None) -> None:
    first, *others = hanging(HEADING, said, width=width).split("\n")
    assert first.startswith(HEADING.rstrip())
    assert all(line.startswith(MARK) for line in others)
    if width is not None:
        body = [line[len(MARK) :] for line in others]
        assert all(sum(1 if char.isascii() else 2 for char in line) <= max(width - len(MARK), 16) for line in body)


@pytest.mark.parametrize("char", ["\r", "\x1b", "\u2028", "\u2029", "\u202e", "\x85", "\v", "\f"])
def test_other_breaks_and_escapes_are_codes(char: str) -> None:
    assert char not in hanging("ann: ", f"a{char}b")
