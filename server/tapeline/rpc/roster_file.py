"""The file of the founding roster, which everything is pinned to."""

from __future__ import annotations

from pathlib import Path

from tapeline.base.errors import MalformedInput

MAX_ROSTER_FILE = 8 * 1024 * 1024


def read_founding_roster(path: Path) -> bytes:
    """Return the bytes of the founding roster's file.

    Raises:
        MalformedInput: unreadable or too large.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_ROSTER_FILE + 1)
    except OSError:
        raise MalformedInput("The roster file cannot be read.", "Check --roster.") from None
    if len(data) > MAX_ROSTER_FILE:
        raise MalformedInput("The roster file is too large.", "Check --roster.")
    return data
