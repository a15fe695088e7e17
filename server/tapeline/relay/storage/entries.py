"""Entries: every leaf of the archive with the object that it names."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import cast

from sqlalchemy import Connection, Select, func, insert, select

from tapeline.relay.storage.schema import archive, conversation, directory_object, entry
from tapeline.tlog.storage import append_leaves
from tapeline.wire.v1.objects_pb2 import LeafType

DIRECTORY_TYPES = (
    LeafType.LEAF_TYPE_ROSTER,
    LeafType.LEAF_TYPE_CERTIFICATE,
    LeafType.LEAF_TYPE_REVOCATION,
    LeafType.LEAF_TYPE_DEVICE,
    LeafType.LEAF_TYPE_PREKEY,
    LeafType.LEAF_TYPE_MEMBERSHIP,
)


@dataclass(frozen=True, slots=True)
class NewEntry:
    """A leaf and its object, before they are stored; `conversation` is the row number of the relay's own table."""

    type: LeafType
    leaf: bytes
    object: bytes
    conversation: int | None = None
    sequence: int | None = None


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """A leaf and its object, as stored."""

    index: int
    type: LeafType
    leaf: bytes
    object: bytes
    sequence: int | None


@dataclass(frozen=True, slots=True)
class ConversationRow:
    """A conversation's row number, id, tag, and the sequence of its next leaf."""

    number: int
    id: bytes
    tag: bytes
    next_sequence: int


def append_entries(conn: Connection, entries: Sequence[NewEntry], expected_first: int) -> bool:
    """Append leaves and objects in the caller's transaction; False where the log is not where the caller thinks."""
    first = append_leaves(conn, archive, [new.leaf for new in entries])
    if first != expected_first:
        return False
    rows = [
        {
            "leaf_index": first + place,
            "type": int(new.type),
            "conversation": new.conversation,
            "sequence": new.sequence,
            "object": new.object,
        }
        for place, new in enumerate(entries)
    ]
    conn.execute(insert(entry), rows)
    return True


def add_conversation(conn: Connection, number: int, identifier: bytes, tag: bytes) -> None:
    """Add the row of a conversation whose genesis is appended in the same transaction."""
    conn.execute(insert(conversation).values(number=number, id=identifier, tag=tag))


def add_directory_object(conn: Connection, index: int, object_hash: bytes) -> None:
    """Remember an object of the directory by its hash, so that publishing it again finds its leaf."""
    conn.execute(insert(directory_object).values(leaf_index=index, object_hash=object_hash))


def find_directory_object(conn: Connection, object_hash: bytes) -> int | None:
    """Return the leaf index of a stored directory object."""
    query = select(directory_object.c.leaf_index).where(directory_object.c.object_hash == object_hash)
    found: int | None = conn.execute(query).scalar()
    return found


def read_conversations(conn: Connection) -> list[ConversationRow]:
    """Return every conversation with the sequence of its next leaf."""
    query = (
        select(conversation.c.number, conversation.c.id, conversation.c.tag, func.max(entry.c.sequence))
        .join(entry, entry.c.conversation == conversation.c.number)
        .group_by(conversation.c.number)
    )
    return [ConversationRow(number, id_, tag, last + 1) for number, id_, tag, last in conn.execute(query)]


def read_conversation_entries(conn: Connection, number: int, since: int, limit: int) -> list[StoredEntry]:
    """Return a conversation's entries from sequence `since` on, in order."""
    query = _entries().where(entry.c.conversation == number, entry.c.sequence >= since)
    return _stored(conn, query.order_by(entry.c.sequence).limit(limit))


def read_entries(
    conn: Connection, since: int, below: int, limit: int, types: Collection[LeafType] | None = None
) -> list[StoredEntry]:
    """Return entries with `since` ≤ leaf index < `below`, in order; of the given types only, where told."""
    query = _entries().where(entry.c.leaf_index >= since, entry.c.leaf_index < below)
    if types is not None:
        query = query.where(entry.c.type.in_([int(each) for each in types]))
    return _stored(conn, query.order_by(entry.c.leaf_index).limit(limit))


def read_directory(conn: Connection, since: int, below: int, limit: int) -> list[StoredEntry]:
    """Return directory entries with `since` ≤ leaf index < `below`, in order; messages between them cost nothing."""
    column = directory_object.c.leaf_index
    query = _entries().join(directory_object, column == entry.c.leaf_index).where(column >= since, column < below)
    return _stored(conn, query.order_by(column).limit(limit))


def read_entry(conn: Connection, index: int) -> StoredEntry | None:
    """Return the entry of a leaf."""
    found = _stored(conn, _entries().where(entry.c.leaf_index == index))
    return found[0] if found else None


def read_entries_at(conn: Connection, indices: Collection[int]) -> list[StoredEntry]:
    """Return entries by their leaf index, in order."""
    return _stored(conn, _entries().where(entry.c.leaf_index.in_(indices)).order_by(entry.c.leaf_index))


def read_leaves_at(conn: Connection, indices: Collection[int]) -> dict[int, bytes]:
    """Return leaves by their index."""
    query = select(archive.leaf.c.index, archive.leaf.c.data).where(archive.leaf.c.index.in_(indices))
    return {row[0]: row[1] for row in conn.execute(query)}


def _entries() -> Select[int, int, bytes, bytes, int | None]:
    return select(entry.c.leaf_index, entry.c.type, archive.leaf.c.data, entry.c.object, entry.c.sequence).join(
        archive.leaf, archive.leaf.c.index == entry.c.leaf_index
    )


def _stored(conn: Connection, query: Select[int, int, bytes, bytes, int | None]) -> list[StoredEntry]:
    return [
        StoredEntry(index, cast("LeafType", type_), leaf, object_, sequence)  # at run time a LeafType is an int
        for index, type_, leaf, object_, sequence in conn.execute(query)
    ]
