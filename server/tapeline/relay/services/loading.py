"""Rebuilding the relay's memory from its database at the start."""

from __future__ import annotations

from sqlalchemy import Connection

from tapeline.directory.state import DirectoryState
from tapeline.relay.services.conversations import Statement
from tapeline.relay.services.ledger import Ledger
from tapeline.relay.storage.entries import StoredEntry, read_conversations, read_directory, read_entry
from tapeline.relay.storage.schema import archive
from tapeline.relay.storage.sessions import next_session_number
from tapeline.tlog.storage import log_size
from tapeline.wire.v1.objects_pb2 import Leaf, LeafType

PAGE = 512


def load_ledger(conn: Connection, directory: DirectoryState, origin: str) -> Ledger:
    """Replay the directory's objects, and take up conversations and the log's end; messages are not read."""
    ledger = Ledger(directory, origin)
    ledger.conversations.load(read_conversations(conn))
    ledger.next_index = log_size(conn, archive)
    since = 0
    while page := read_directory(conn, since, ledger.next_index, PAGE):
        for entry in page:
            _replay(ledger, entry)
        since = page[-1].index + 1
    last = read_entry(conn, ledger.next_index - 1)
    if last is not None:
        ledger.last_time_ms = Leaf.FromString(last.leaf).relay_time_ms
    ledger.next_session = next_session_number(conn)
    return ledger


def _replay(ledger: Ledger, entry: StoredEntry) -> None:
    leaf = Leaf.FromString(entry.leaf)
    ledger.directory.apply(entry.index, leaf, entry.object)
    if entry.type == LeafType.LEAF_TYPE_MEMBERSHIP:
        identifier = ledger.directory.conversation_by_tag(leaf.conversation_tag)
        assert identifier is not None
        membership = ledger.directory.membership(identifier)
        statement = Statement(entry.index, leaf.conversation_sequence, membership.statement_hash, membership.people)
        ledger.conversations.add_statement(identifier, statement)
