"""One thing is told as one thing, wherever people read a count."""

from __future__ import annotations

import re

import pytest
from docs_kit import PROJECT

from tapeline.base.text import plural

_COUNTED = re.compile(
    r"\{(?:len\([^{}]*\)|[\w.]+)(?::,)?\} (?:findings|bundles|warrants|releases|leaves|conversations)\b"
)


@pytest.mark.parametrize(
    ("count", "told"), [(0, "0 leaves"), (1, "1 leaf"), (2, "2 leaves"), (12_345, "12,345 leaves")]
)
def test_a_count_agrees_with_its_noun(count: int, told: str) -> None:
    assert plural(count, "leaf", "leaves") == told


def test_no_command_counts_these_by_hand() -> None:
    by_hand = [
        f"{path.name}: {found}"
        for room in ("cli/tapeline/cli", "escrow/tapeline/review", "core/tapeline/audit")
        for path in (PROJECT / room).rglob("*.py")
        for found in _COUNTED.findall(path.read_text(encoding="utf-8"))
        if not path.name.startswith(("logtree", "notes"))  # sizes of forged logs, never one
    ]
    assert by_hand == []
