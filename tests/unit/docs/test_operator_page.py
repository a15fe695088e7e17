"""The operator's page names events and checks that exist, and leaves out no service."""

from __future__ import annotations

import re

import pytest
from docs_kit import PROJECT

from tapeline.rpc.repeats import FIRST_GAP_S, LONGEST_GAP_S

PAGE = (PROJECT / "docs/guides/operator.md").read_text(encoding="utf-8")
SOURCES = "\n".join(
    path.read_text(encoding="utf-8") for room in ("server", "escrow", "cli") for path in (PROJECT / room).rglob("*.py")
)


def rows(heading: str) -> list[list[str]]:
    """Return the names in backticks of the first table below a heading, by row; the last cell is prose."""
    section = PAGE.partition(f"## {heading}")[2].partition("\n## ")[0]
    table = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [line.strip("|").split("|") for line in table]


@pytest.mark.parametrize("event", [name for row in rows("3. Logs") for name in re.findall(r"`(\w+)`", row[0])])
def test_an_event_of_the_page_is_logged_somewhere(event: str) -> None:
    assert f'"{event}"' in SOURCES


@pytest.mark.parametrize("check", [name for row in rows("4. Health") for name in re.findall(r"`(\w+)`", row[1])])
def test_a_check_of_the_page_is_made_somewhere(check: str) -> None:
    assert re.search(rf'"{check}"\]? ?[:=]', SOURCES)


def test_the_gaps_are_as_told() -> None:
    assert (FIRST_GAP_S, LONGEST_GAP_S) == (10, 3600)


def test_every_service_has_its_row_on_health_and_on_copies() -> None:
    for heading in ("1. What runs", "4. Health", "5. What to keep"):
        named = " ".join(row[0] for row in rows(heading))
        for service in ("relay", "escrow", "vault", "enroller", "witness"):
            assert service in named, heading
