"""The line forms of public chat logs: one line in, one typed line out, or the reason why it cannot be read.

[12:01] <nick> text                           a message; seconds may follow the minutes
channel 2009-10-20 [12:01] <nick> text        the same in a meeting log
[12:01]  * nick waves                         an action
=== nick waves                                an action too, in the oldest logs
=== nick [host] has joined #channel           a join; `---` and `***` may stand for `===`
=== nick is now known as other                a rename
[12:01] -nick- text                           a bot's notice, kept as what that nick said
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import Enum

from tapeline.base.text import printable

MAX_LINE_BYTES = 16 * 1024
MAX_NAME_BYTES = 64


class Kind(Enum):
    """What a line is."""

    MESSAGE = "message"
    ACTION = "action"
    JOIN = "join"
    LEAVE = "leave"
    RENAME = "rename"
    CHANNEL = "channel"  # topics and modes


NOTICES = frozenset({Kind.JOIN, Kind.LEAVE, Kind.RENAME, Kind.CHANNEL})


@dataclass(frozen=True, slots=True)
class LogLine:
    """One read line: seconds of the day where it bears a time, the day where it bears a date.

    `text` is what follows, exactly; for a rename the new nick.
    """

    kind: Kind
    nick: str
    text: str
    second: int | None
    day: date | None


class UnreadableLine(ValueError):
    """A line of no known form; the message is the reason and holds nothing of the line."""


_PREFIX = re.compile(
    r"(?:\S+ (?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2}) )?"
    r"(?:\[(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}))?\] ?)?",
    re.ASCII,
)
_MESSAGE = re.compile(r"<[@+%&~ ]?(?P<nick>[^<>\s]+) ?>(?: (?P<text>.*))?", re.DOTALL)
_ACTION = re.compile(r" ?\* (?P<nick>\S+)(?: (?P<text>.*))?", re.DOTALL)
_BOT = re.compile(r"-(?P<nick>[^\s-]+)- (?P<text>.*)", re.DOTALL)
_EVENT = re.compile(r"(?P<mark>===|---|\*\*\*) (?P<nick>\S+)(?: (?P<text>.*))?", re.DOTALL)
_RENAME = re.compile(r"is now known as (?P<new>\S+)\s*")
_JOIN = re.compile(r" *(?:[\[(]\S*[\])] +)?has joined\b.*", re.DOTALL)
_LEAVE = re.compile(r" *(?:[\[(]\S*[\])] +)?has (?:left|quit)\b.*", re.DOTALL)
# RFC 2812, section 2.3.1, widened to letters of every script; `mode/#channel` and `..[topic/…` are no nicks.
_NICK = re.compile(r"[\w\[\]\\`^{}|-]+")


def read_line(raw: bytes) -> LogLine:
    """Read one line, without its line break.

    Raises:
        UnreadableLine: with the reason.
    """
    if len(raw) > MAX_LINE_BYTES:
        raise UnreadableLine("longer than 16 KiB")
    try:
        line = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise UnreadableLine("not UTF-8") from None
    prefix = _PREFIX.match(line)
    if not line.strip() or prefix is None:
        raise UnreadableLine("empty")
    second, day = _second(prefix), _day(prefix)
    kind, nick, text = _body(line[prefix.end() :], timed=second is not None)
    _check_nick(nick)
    if kind is Kind.RENAME:
        _check_nick(text)
    return LogLine(kind, nick, text, second, day)


def _body(rest: str, *, timed: bool) -> tuple[Kind, str, str]:
    event = _EVENT.fullmatch(rest)
    if event is not None:
        return _event(event["mark"], event["nick"], event["text"] or "")
    if timed:
        for form, kind in ((_MESSAGE, Kind.MESSAGE), (_ACTION, Kind.ACTION), (_BOT, Kind.MESSAGE)):
            match = form.fullmatch(rest)
            if match is not None:
                return kind, match["nick"], match["text"] or ""
    raise UnreadableLine("of no known form")


def _event(mark: str, nick: str, text: str) -> tuple[Kind, str, str]:
    rename = _RENAME.fullmatch(text)
    if rename is not None:
        return Kind.RENAME, nick, rename["new"]
    if _JOIN.fullmatch(text):
        return Kind.JOIN, nick, text
    if _LEAVE.fullmatch(text):
        return Kind.LEAVE, nick, text
    if mark == "===" and text and _NICK.fullmatch(nick):
        return Kind.ACTION, nick, text
    return Kind.CHANNEL, nick, text


def _second(prefix: re.Match[str]) -> int | None:
    if prefix["hour"] is None:
        return None
    hour, minute, second = int(prefix["hour"]), int(prefix["minute"]), int(prefix["second"] or 0)
    if hour > 23 or minute > 59 or second > 60:
        raise UnreadableLine("with an impossible time")
    return (hour * 60 + minute) * 60 + second


def _day(prefix: re.Match[str]) -> date | None:
    if prefix["day"] is None:
        return None
    try:
        return date.fromisoformat(prefix["day"])
    except ValueError:
        raise UnreadableLine("with an impossible date") from None


def _check_nick(nick: str) -> None:
    # A nick becomes a user's name, which the directory takes only in this form.
    if printable(nick) != nick or len(nick.encode()) > MAX_NAME_BYTES:
        raise UnreadableLine("with a name of control characters, or of more than 64 bytes")
