"""What the README and the guides show, taken out of them so that it can be run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PAGES = (PROJECT / "README.md", *sorted((PROJECT / "docs/guides").glob("*.md")))

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(tapeline [^`]+)`")


def blocks(page: Path, language: str) -> list[str]:
    """Return the fenced blocks of one language, in the page's order."""
    return [body for found, body in _FENCE.findall(page.read_text(encoding="utf-8")) if found == language]


def command_lines(page: Path) -> list[list[str]]:
    """Return every `tapeline …` of a page, split as a shell would, without redirection; in blocks and in sentences."""
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    prose = _FENCE.sub("", page.read_text(encoding="utf-8"))
    found = [shlex.split(line, comments=True) for line in (*lines, *_INLINE.findall(prose))]
    return [_unredirected(words) for words in found if words[:1] == ["tapeline"]]


def _unredirected(words: list[str]) -> list[str]:
    return words[: words.index(">")] if ">" in words else words
