"""Messages of opened sessions: each in its place in the log, signed by its sender, opened, in the order of the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tapeline.base.errors import MalformedInput, TapelineError
from tapeline.base.rules import Refused, Rule, require
from tapeline.crypto.message.content import parse_content
from tapeline.crypto.message.export import export_key
from tapeline.crypto.message.open import open_with_key
from tapeline.crypto.message.verify import ParsedMessage, VerifiedMessage, parse_message, verify_alone, verify_message
from tapeline.crypto.record.verify import VerifiedRecord
from tapeline.directory import ending
from tapeline.directory.ending import Ending
from tapeline.directory.state import DirectoryState
from tapeline.review.bundles import Problem
from tapeline.review.combining import OpenedSession
from tapeline.review.leaves import ReplayedArchive
from tapeline.wire.v1.content_pb2 import Content
from tapeline.wire.v1.objects_pb2 import Leaf, LeafType
from tapeline.wire.v1.relay_pb2 import ArchivedObject


@dataclass(frozen=True)
class ReadMessage:
    """One message as the reviewer reads it.

    Attributes:
        leaf_index, time_ms: its place and relay time in the archive.
        conversation: id.
        firm, user, device: of the sender.
        record_hash, index: its session and place in it.
        message_hash: 64 bytes; replies, edits and deletions name it.
        raw: what the sender sealed, as it was opened.
        content: the same decoded; None where it does not decode, which hides nothing: `raw` is shown.
        remarks: what is wrong with it, each a finding too.
        repeats: archive leaves at which the same content was sent again under the same id.
    """

    leaf_index: int
    time_ms: int
    conversation: bytes
    firm: str
    user: str
    device: str
    record_hash: bytes
    index: int
    message_hash: bytes
    client_time_ms: int
    raw: bytes
    content: Content | None
    remarks: tuple[str, ...] = ()
    repeats: tuple[int, ...] = ()


@dataclass(frozen=True)
class SessionMessages:
    """A session's messages in the window, and what is wrong with them; `gaps` names missing indices."""

    record_hash: bytes
    messages: tuple[ReadMessage, ...]
    received: tuple[int, ...]
    gaps: tuple[int, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Located:
    """A parsed message whose leaf is the replayed archive's own at that index."""

    index: int
    time_ms: int
    message: ParsedMessage


def locate(received: Sequence[ArchivedObject], archive: ReplayedArchive) -> list[Located]:
    """Return the messages, each held against the archive's leaf at its index.

    Raises:
        Refused: REC-23 or LEF-1, where an object is not the leaf's that the cosigned log holds.
    """
    return [_locate(one, archive) for one in received]


def read_session(opened: OpenedSession, located: Sequence[Located], directory: DirectoryState) -> SessionMessages:
    """Verify and open one session's messages, in order; what does not hold becomes a problem, and the rest is read.

    What opens is shown whatever is wrong with it: a content that does not decode, a message after the session's end.
    """
    record = opened.session.verified
    ended = ending.endings(directory, ending.OpenedSession.of(record))
    mine = sorted((one for one in located if one.message.record_hash == record.record_hash), key=_message_index)
    messages: list[ReadMessage] = []
    problems: list[Problem] = []
    previous: VerifiedMessage | None = None
    for one in mine:
        try:
            verified = _verified(one.message, record, previous)
            previous = verified
            read, wrong = _read(one, verified, opened, ended)
            messages.append(read)
            problems.extend(_problem(record, one, error) for error in wrong)
        except (Refused, MalformedInput) as error:
            problems.append(_problem(record, one, error))
            previous = None
    return SessionMessages(
        record_hash=record.record_hash,
        messages=tuple(messages),
        received=tuple(one.index for one in mine),
        gaps=_gaps([one.message.index for one in mine]),
        problems=tuple(problems),
    )


def _locate(one: ArchivedObject, archive: ReplayedArchive) -> Located:
    require(
        one.index < len(archive.leaves) and archive.leaves[one.index] == one.leaf,
        Rule.REC_INCLUSION,
        "A message's leaf is not in the replayed archive.",
    )
    leaf: Leaf = archive.parsed[one.index]
    parsed = parse_message(one.object)
    require(
        (leaf.type, leaf.object_hash) == (LeafType.LEAF_TYPE_MESSAGE, parsed.message_hash),
        Rule.LEAF_TAG,
        "An archive leaf is another message's.",
    )
    return Located(one.index, leaf.relay_time_ms, parsed)


def _verified(message: ParsedMessage, record: VerifiedRecord, previous: VerifiedMessage | None) -> VerifiedMessage:
    """Check signature and chain; the first message of a window has its predecessor outside it."""
    key = record.sender.device.device_key
    if previous is None and message.index > 0:
        return verify_alone(message, sender_key=key)
    return verify_message(
        message,
        sender_key=key,
        record_hash=record.record_hash,
        expected_index=0 if previous is None else previous.index + 1,
        expected_previous=record.record_hash if previous is None else previous.message_hash,
    )


def _read(
    one: Located, verified: VerifiedMessage, opened: OpenedSession, ended: Sequence[Ending]
) -> tuple[ReadMessage, list[TapelineError]]:
    """Return the message, and what is wrong with it although it opens."""
    record = opened.session.verified
    raw = open_with_key(verified, export_key(opened.root, verified.index))
    content, wrong = _decoded(raw)
    wrong += _after_the_end(one, ended)
    device = record.sender.device
    read = ReadMessage(
        leaf_index=one.index,
        time_ms=one.time_ms,
        conversation=record.conversation,
        firm=device.firm,
        user=device.user,
        device=device.device_name,
        record_hash=record.record_hash,
        index=verified.index,
        message_hash=verified.message_hash,
        client_time_ms=verified.header.client_time_ms,
        raw=raw,
        content=content,
        remarks=tuple(error.cause for error in wrong),
    )
    return read, wrong


def _decoded(raw: bytes) -> tuple[Content | None, list[TapelineError]]:
    try:
        return parse_content(raw), []
    except (Refused, MalformedInput) as error:
        return None, [error]


def _after_the_end(one: Located, ended: Sequence[Ending]) -> list[TapelineError]:
    try:
        ending.require_open(ended, one.index, one.time_ms)
    except Refused as refused:
        return [refused]
    return []


def _gaps(indices: Sequence[int]) -> tuple[int, ...]:
    """Return the indices missing between the first and the last."""
    if not indices:
        return ()
    return tuple(sorted(set(range(min(indices), max(indices) + 1)) - set(indices)))


def _problem(record: VerifiedRecord, one: Located, error: TapelineError) -> Problem:
    rule = error.rule.id if isinstance(error, Refused) else ""
    return Problem(record.sender.device.user, rule, f"message {one.message.index}: {error.cause}")


def _message_index(one: Located) -> int:
    return one.message.index
