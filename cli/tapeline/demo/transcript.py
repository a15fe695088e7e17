"""A chat log as a script for the replay: who speaks, what is said when, to whom, and what could not be read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tapeline.base.errors import MalformedInput
from tapeline.demo.logforms import NOTICES, Kind, LogLine, UnreadableLine, read_line

MAX_FILE_BYTES = 16 * 1024 * 1024
HALF_DAY = 12 * 3600
# A log is written in order: a step back by less is a late line, by more the clock's roll-over.
ROLLOVER = 3600

# The directed forms are "nick: …" and "nick, …".
_ADDRESS = re.compile(r"(?P<nick>[^\s:,]+)[:,](?:\s|$)")


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the log; `second` counts from the log's first midnight and never decreases.

    `to` is the person a message is directed to, who also speaks in this log; else None.
    """

    line: int
    kind: Kind
    nick: str
    text: str
    second: int
    to: str | None = None

    @property
    def spoken(self) -> bool:
        """Whether somebody says it: a message or an action."""
        return self.kind not in NOTICES


@dataclass(frozen=True, slots=True)
class Unread:
    """A line that could not be read, by its number from 1, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Transcript:
    """A whole log. `speakers` in the order in which they first speak."""

    name: str
    lines: int
    events: tuple[Event, ...]
    unread: tuple[Unread, ...]
    speakers: tuple[str, ...]

    def count(self, *kinds: Kind) -> int:
        """Return how many events are of one of the kinds."""
        return sum(event.kind in kinds for event in self.events)

    @property
    def directed(self) -> int:
        """How many messages also go one-to-one."""
        return sum(event.to is not None for event in self.events)

    @property
    def pairs(self) -> frozenset[frozenset[str]]:
        """The unordered pairs between whom one-to-one messages go."""
        return frozenset(frozenset({event.nick, event.to}) for event in self.events if event.to is not None)

    def reasons(self) -> dict[str, int]:
        """Return how many lines could not be read, by reason."""
        return dict(Counter(unread.reason for unread in self.unread))


def load_transcript(path: Path) -> Transcript:
    """Read a log file of at most 16 MiB.

    Raises:
        MalformedInput: too large, or nobody speaks in it.
    """
    with path.open("rb") as handle:
        data = handle.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise MalformedInput("The log is larger than 16 MiB.", "Cut it into parts and give each with --transcript.")
    transcript = parse_transcript(data, name=path.name)
    if not transcript.speakers:
        raise MalformedInput("Nobody speaks in this log.", "Give a log of lines such as `[12:01] <nick> text`.")
    return transcript


def parse_transcript(data: bytes, *, name: str) -> Transcript:
    """Read a log; each of its lines becomes an event or an unread line, none is dropped."""
    # Cut at newlines only: logs hold the other characters that `splitlines` would cut at.
    raw_lines = data.split(b"\n")
    if raw_lines[-1] == b"":
        raw_lines.pop()
    read: list[tuple[int, LogLine]] = []
    unread: list[Unread] = []
    for number, raw in enumerate(raw_lines, start=1):
        try:
            read.append((number, read_line(raw.removesuffix(b"\r"))))
        except UnreadableLine as reason:
            unread.append(Unread(number, str(reason)))
    speakers = tuple(dict.fromkeys(line.nick for _, line in read if line.kind not in NOTICES))
    return Transcript(name, len(raw_lines), tuple(_events(read, speakers)), tuple(unread), speakers)


def _events(read: Sequence[tuple[int, LogLine]], speakers: Sequence[str]) -> Iterable[Event]:
    clock = _Clock([line for _, line in read])
    known = {nick: nick for nick in speakers}
    folded = {nick.casefold(): nick for nick in reversed(speakers)}
    for number, line in read:
        second = clock.advance(line)
        to = _addressee(line, known, folded) if line.kind is Kind.MESSAGE else None
        yield Event(number, line.kind, line.nick, line.text, second, to)


def _addressee(line: LogLine, known: dict[str, str], folded: dict[str, str]) -> str | None:
    """Return the other person the text starts with; IRC nicks compare without case."""
    match = _ADDRESS.match(line.text)
    if match is None:
        return None
    found = known.get(match["nick"]) or folded.get(match["nick"].casefold())
    return None if found == line.nick else found


class _Clock:
    """Turns times of the day into seconds since the first midnight, over roll-overs and dates."""

    def __init__(self, lines: Sequence[LogLine]) -> None:
        hours = {line.second // 3600 for line in lines if line.second is not None}
        # A clock that shows 12 and never 0 nor 13 counts half days: its 12:59 is followed by 01:00.
        half_days = 12 in hours and hours <= set(range(1, 13))
        self._step = HALF_DAY if half_days else 2 * HALF_DAY
        self._first: date | None = None
        self._shift = 0
        self._latest = 0
        self._started = False

    def advance(self, line: LogLine) -> int:
        if line.second is not None:
            self._latest = (
                max(self._latest, self._reading(line.second, line.day))
                if self._started
                else self._reading(line.second, line.day)
            )
            self._started = True
        return self._latest

    def _reading(self, second: int, day: date | None) -> int:
        if day is not None:
            self._first = self._first or day
            return (day - self._first).days * 2 * HALF_DAY + second
        while self._started and second + self._shift < self._latest - ROLLOVER:
            self._shift += self._step
        return second + self._shift
