"""Who needs to see which membership statements: they name people, and carry the salts that make tags readable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tapeline.relay.services.conversations import Conversation, Person


@dataclass(frozen=True, slots=True)
class Need:
    """The statements that a caller may see: of each conversation, by tag, those up to a leaf index.

    A chain is shown from its genesis, since nothing else verifies what follows.
    """

    until: Mapping[bytes, int]
    everything: bool = False

    def covers(self, tag: bytes, leaf_index: int) -> bool:
        """Tell whether the membership leaf of a conversation's tag at that index may be shown."""
        return self.everything or leaf_index <= self.until.get(tag, -1)


ALL = Need({}, everything=True)
NONE = Need({})


def of_member(person: Person, conversations: Iterable[Conversation]) -> Need:
    """Return what a user's devices need: everything up to now where a member, up to the removal where removed."""
    return Need({one.tag: one.shown_until(person) for one in conversations})
