"""Text of others under a heading of ours: further lines are marked, so that none passes for a heading."""

from __future__ import annotations

from collections.abc import Iterator

from tapeline.base.text import printable

MARK = "    │ "
_LEAST = 16


def hanging(heading: str, body: str, *, width: int | None = None) -> str:
    """Return `heading` and `body`, whose second and further lines begin with a mark that no heading begins with.

    Args:
        heading: ours; names of others in it must be printable already.
        body: of others; made printable here, its line breaks kept.
        width: of a terminal, which would otherwise fold long lines at its left edge; None leaves them long.
    """
    lines = printable(body, limit=1 << 20, newlines=True).split("\n")
    if width is None:
        return f"\n{MARK}".join([heading + lines[0], *lines[1:]])
    room = max(width - len(MARK), _LEAST)
    folded = [piece for line in lines for piece in _fold(line, room)]
    # The first piece stands beside the heading where both fit, and below it otherwise.
    if _cells(heading) + _cells(folded[0]) <= width:
        return f"\n{MARK}".join([heading + folded[0], *folded[1:]])
    return f"\n{MARK}".join([heading.rstrip(), *folded])


def _fold(line: str, room: int) -> Iterator[str]:
    """Yield pieces of a line that surely fit, cut at a blank where there is one."""
    while _cells(line) > room:
        end = _fitting(line, room)
        blank = line.rfind(" ", 1, end + 1)
        cut = blank if blank > 0 else end
        yield line[:cut]
        line = line[cut:].removeprefix(" ")
    yield line


def _fitting(line: str, room: int) -> int:
    used = 0
    for place, char in enumerate(line):
        used += _cells(char)
        if used > room:
            return max(place, 1)
    return len(line)


def _cells(text: str) -> int:
    """Return how much room a text takes at most: what is not ASCII may be two columns wide, whatever tables say."""
    return sum(1 if char.isascii() else 2 for char in text)
