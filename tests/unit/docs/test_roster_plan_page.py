"""The page about the plan shows the very example that the command prints, and names every table of it."""

from __future__ import annotations

from docs_kit import PROJECT, blocks

from tapeline.officer.plan_example import EXAMPLE
from tapeline.officer.plan_form import parse_plan

PAGE = PROJECT / "docs/guides/roster-plan.md"


def test_the_page_shows_the_example() -> None:
    assert blocks(PAGE, "toml") == [EXAMPLE]


def test_the_page_speaks_of_every_table() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name, value in parse_plan(EXAMPLE, "example").table.items():
        if isinstance(value, dict):
            assert f"`[{name}]`" in text, name
        elif isinstance(value, list) and isinstance(value[0], dict):
            assert f"`[[{name}]]`" in text, name
