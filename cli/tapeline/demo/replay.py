"""What the clients are told to say: a transcript's events as posts, and users dealt out to client processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tapeline.demo.logforms import Kind
from tapeline.demo.transcript import Event, Transcript

MAX_HOSTS = 4
USERS_IN_A_HOST = 4
"""Up to so many users in a process while there are fewer than `MAX_HOSTS`."""

Pair = frozenset[str]


@dataclass(frozen=True, slots=True)
class Post:
    """One message to send: by whom, where, what."""

    user: str
    conversation: bytes
    kind: str
    subject: str
    text: str
    line: int

    def as_command(self) -> dict[str, Any]:
        """Return the post as the client process reads it."""
        return {
            "user": self.user,
            "conversation": self.conversation.hex(),
            "kind": self.kind,
            "subject": self.subject,
            "text": self.text,
            "line": self.line,
        }


def deal(users: Sequence[str]) -> list[list[str]]:
    """Deal users out to at most four processes, evenly."""
    hosts = min(MAX_HOSTS, -(-len(users) // USERS_IN_A_HOST))
    return [list(users[start::hosts]) for start in range(hosts)]


def posts_of(event: Event, keeper: str, channel: bytes, pairs: Mapping[Pair, bytes]) -> Iterator[Post]:
    """Yield what an event makes somebody say: in the channel, and one-to-one where it is directed.

    Joins, leaves, renames and topics become notices of the channel's keeper, who began the conversation: whom they
    are about may have no device.
    """
    if not event.spoken:
        kind = "topic" if event.kind is Kind.CHANNEL else event.kind.value
        yield Post(keeper, channel, kind, event.nick, event.text, event.line)
        return
    yield Post(event.nick, channel, event.kind.value, "", event.text, event.line)
    if event.to is not None:
        pair = pairs[frozenset({event.nick, event.to})]
        yield Post(event.nick, pair, event.kind.value, "", event.text, event.line)


def beginners(transcript: Transcript) -> dict[Pair, str]:
    """Return for each pair that talks one-to-one who does so first."""
    first: dict[Pair, str] = {}
    for event in transcript.events:
        if event.to is not None:
            first.setdefault(frozenset({event.nick, event.to}), event.nick)
    return first


def chunks(posts: Sequence[Post], size: int) -> Iterator[Sequence[Post]]:
    """Cut posts into runs that are sent together; each is acknowledged before the next begins."""
    return (posts[start : start + size] for start in range(0, len(posts), size))
