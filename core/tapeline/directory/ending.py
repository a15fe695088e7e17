"""When a session has ended (protocol, Session record): one answer for relay, reader, workspace and auditor.

Each of them judges by leaves alone: an ending holds for the leaves above its own that are dated from a time on. So a
relay that asks before it logs a message, and an auditor who asks seven years later, reach the same answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tapeline.base.rules import Rule, require
from tapeline.crypto.limits import JOIN_GRACE_MS
from tapeline.crypto.membership import VerifiedMembership
from tapeline.crypto.record.verify import VerifiedRecord
from tapeline.directory.lookup import Lookup

START = -1
"""Below every leaf: such an ending counts by time alone."""


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """What of a verified record decides when its session ends.

    Attributes:
        membership: hash of the statement that its context names.
        sender_device: hash of the sender's entry.
        note_size: size of the context's archive note; what lies below is in its view.
        leaf_index: of the record.
        not_after_ms: from the context.
    """

    membership: bytes
    sender_device: bytes
    note_size: int
    leaf_index: int
    not_after_ms: int

    @classmethod
    def of(cls, record: VerifiedRecord) -> OpenedSession:
        """Return what decides about a verified record's session."""
        return cls(
            membership=record.membership.statement_hash,
            sender_device=record.sender.device.entry_hash,
            note_size=record.note_size,
            leaf_index=record.leaf_index,
            not_after_ms=record.not_after_ms,
        )


@dataclass(frozen=True, slots=True)
class Ending:
    """The session is over for leaves above `index` that are dated `from_ms` or later."""

    index: int
    from_ms: int
    cause: str

    def covers(self, leaf_index: int, leaf_time_ms: int) -> bool:
        """Tell whether a leaf comes after this ending."""
        return leaf_index > self.index and leaf_time_ms >= self.from_ms


def endings(directory: Lookup, session: OpenedSession, *, join_grace_ms: int = JOIN_GRACE_MS) -> tuple[Ending, ...]:
    """Return everything known that ends a session, each cause once and at its earliest.

    1. Its time runs out.
    2. The conversation gets a newer membership statement.
    3. A member's device is revoked, at once; or one joins that the record could not know, after a grace, so that
       honest messages under way are not lost.
    4. The sender's device gets a newer prekey.
    5. A firm enters a new epoch of the conversation's class, or one of its escrow keys is revoked.
    """
    found = [Ending(START, session.not_after_ms, "its time has run out")]  # 1
    known = directory.memberships.by_hash(session.membership)
    if known is None:
        return tuple(found)
    statement = known[1]
    following = directory.memberships.next_after(known[0], statement.conversation)
    found += _at_earliest([following], "the members have changed")  # 2
    found += _device_endings(directory, session, statement, join_grace_ms)  # 3
    renewed = directory.prekeys.next_after(session.sender_device, session.leaf_index)
    found += _at_earliest([renewed], "the sender has a new prekey")  # 4
    found += _at_earliest(_key_changes(directory, session, statement), "an escrow key has changed")  # 5
    return tuple(found)


def require_open(known: Sequence[Ending], leaf_index: int, leaf_time_ms: int) -> None:
    """Refuse under MSG-1 a message whose leaf, real or expected, comes after an ending of its session."""
    ending = next((one for one in known if one.covers(leaf_index, leaf_time_ms)), None)
    require(ending is None, Rule.MSG_SESSION, f"The session is over: {'' if ending is None else ending.cause}.")


def _device_endings(
    directory: Lookup, session: OpenedSession, statement: VerifiedMembership, join_grace_ms: int
) -> Iterator[Ending]:
    revoked: list[int | None] = []
    joined: list[tuple[int, int]] = []
    for firm, user in statement.people:
        for entry_hash in directory.devices.hashes_of((firm, user)):
            revocation = directory.revocations.index_of(firm, "device", entry_hash)
            revoked.append(_after(revocation, session.leaf_index))
            first = directory.prekeys.first_leaf(entry_hash)
            # A device without a prekey misses nothing yet; one in the view has its row, or was stale and knows it.
            if first is not None and first[0] >= session.note_size and entry_hash != session.sender_device:
                joined.append(first)
    yield from _at_earliest(revoked, "a member's device was revoked")
    if joined:
        index, time_ms = min(joined)
        yield Ending(index, time_ms + join_grace_ms, "the members' devices have changed")


def _key_changes(directory: Lookup, session: OpenedSession, statement: VerifiedMembership) -> Iterator[int | None]:
    for firm, retention_class in statement.firms:
        for key in directory.escrow_keys(firm):
            if key.retention_class == retention_class:
                yield _after(key.leaf_index, session.leaf_index)
            yield _after(key.revoked_index, session.leaf_index)


def _after(index: int | None, leaf_index: int) -> int | None:
    return index if index is not None and index > leaf_index else None


def _at_earliest(indices: Iterable[int | None], cause: str) -> list[Ending]:
    earliest = min((index for index in indices if index is not None), default=None)
    return [] if earliest is None else [Ending(earliest, 0, cause)]
