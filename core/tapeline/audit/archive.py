"""Replaying the archive: every leaf with its object, through the one directory and the one `verify_record`.

For each leaf, in the order of the log:

1. it is a canonical leaf, dated no earlier than the one before; its conversation goes on by one;
2. the copy holds its object, whose hash is the leaf's;
3. a directory object verifies against all before it;
4. a session record's note is cosigned and of this log; the record verifies by the facts of its place;
   session id, cq, reservation and C0 are new;
5. a message is its session's next, names the one before, is signed by the session's device, and came before the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from tapeline.audit.copy import LogCopy
from tapeline.audit.finding import Check, Findings, Progress, short
from tapeline.audit.logtree import ReadLog
from tapeline.audit.notes import NoteTable
from tapeline.audit.sequence import Order
from tapeline.audit.sessions import SessionTable
from tapeline.base.errors import NotFound, TapelineError
from tapeline.base.rules import Refused, Rule
from tapeline.crypto.limits import LEAF_BYTES
from tapeline.crypto.message.verify import parse_message
from tapeline.crypto.record.excepted import verify_with_exceptions
from tapeline.crypto.record.parse import ParsedRecord, parse_record
from tapeline.crypto.record.proof import Statement, verify_proof
from tapeline.crypto.record.verify import EXCEPTABLE, verify_record
from tapeline.crypto.wire import parse
from tapeline.directory.checked import NUMBERED
from tapeline.directory.state import DirectoryState
from tapeline.wire.v1.objects_pb2 import (
    LEAF_TYPE_CERTIFICATE,
    LEAF_TYPE_MEMBERSHIP,
    LEAF_TYPE_MESSAGE,
    LEAF_TYPE_REVOCATION,
    LEAF_TYPE_ROSTER,
    LEAF_TYPE_SESSION,
    Leaf,
    LeafType,
)

Place = tuple[bytes, int]
"""Record hash and message index."""
IN_CONVERSATION = frozenset({LEAF_TYPE_MEMBERSHIP, LEAF_TYPE_SESSION, LEAF_TYPE_MESSAGE})
MIRRORED = frozenset({LEAF_TYPE_ROSTER, LEAF_TYPE_CERTIFICATE, LEAF_TYPE_REVOCATION})


@dataclass
class Tally:
    """How much there is, and how much of it is as it should be."""

    messages: int = 0
    messages_sound: int = 0
    sessions: int = 0
    sessions_sound: int = 0
    gaps: int = 0


class ArchiveReplay:
    """One pass over the archive log; `watched` then holds the hash of the message at each place that was asked for."""

    def __init__(
        self,
        log: ReadLog,
        copy: LogCopy,
        state: DirectoryState,
        notes: NoteTable,
        findings: Findings,
        watch: Iterable[Place] = (),
    ) -> None:
        self._log = log
        self._copy = copy
        self._state = state
        self._notes = notes
        self._findings = findings
        self._order = Order(findings)
        self.sessions = SessionTable(state, findings)
        self.tally = Tally()
        self.mirrored: list[bytes] = []
        self.watched: dict[Place, bytes | None] = dict.fromkeys(watch)

    def run(self, progress: Progress) -> None:
        """Replay every leaf."""
        for index, entry in enumerate(self._log.entries):
            try:
                leaf = parse(Leaf, entry, limit=LEAF_BYTES, what="leaf of the archive log")
            except TapelineError as error:
                self._findings.refused(error, self._log.where(index))
            else:
                self._leaf(index, leaf)
            progress("archive leaves", index + 1, len(self._log.entries))
        self.sessions.report_orphans()
        self.tally.gaps = self._order.gaps

    def _leaf(self, index: int, leaf: Leaf) -> None:
        where = f"{self._log.where(index)}, {_name(leaf)} {short(leaf.object_hash)}"
        self._order.time(leaf, where)  # 1
        if leaf.type in IN_CONVERSATION:
            self._order.sequence(leaf, where)
        if leaf.type in NUMBERED:
            self._order.directory(leaf, where)
            self._state.put_aside(index, leaf)  # counted, whatever its object is
        if leaf.type in MIRRORED:
            self.mirrored.append(leaf.object_hash)
        self.tally.messages += leaf.type == LEAF_TYPE_MESSAGE
        self.tally.sessions += leaf.type == LEAF_TYPE_SESSION
        try:
            obj = self._copy.object(leaf.object_hash)  # 2
            self._object(index, leaf, obj, where)
        except NotFound:
            self._findings.add(Check.MISSING, f"The copy lacks the {_name(leaf)}.", where)
        except TapelineError as error:
            self._findings.refused(error, where)

    def _object(self, index: int, leaf: Leaf, obj: bytes, where: str) -> None:
        if leaf.type == LEAF_TYPE_SESSION:
            self._note_leaf(index, leaf)
            self._session(index, leaf, obj, where)
        elif leaf.type == LEAF_TYPE_MESSAGE:
            self._note_leaf(index, leaf)
            self._message(index, leaf, obj, where)
        else:
            self._state.apply(index, leaf, obj)  # 3

    def _session(self, index: int, leaf: Leaf, obj: bytes, where: str) -> None:
        record = parse_record(obj)
        if record.record_hash != leaf.object_hash:
            self._findings.add(Check.OTHER_BYTES, "The record is not the one that its leaf names.", where)
            self._name_bad_proofs(record, where)
            return
        self._require_tag(leaf, record.conversation)
        note = self._notes.believe(record.archive_note, where)
        if note is None:
            return
        facts = self._state.facts(
            conversation=record.conversation,
            membership=record.membership,
            sender_device=record.sender_device,
            note=note,
            leaf_index=index,
            leaf_time_ms=leaf.relay_time_ms,
        )
        try:
            verified = verify_record(record, facts)  # 4
        except Refused:
            with suppress(Refused):
                self.sessions.unsound[record.record_hash] = verify_with_exceptions(record, facts, EXCEPTABLE)[1]
            raise
        self.sessions.add(verified, where)
        self.tally.sessions_sound += 1

    def _name_bad_proofs(self, record: ParsedRecord, where: str) -> None:
        """Say of an altered record which proofs do not hold, since its signature alone would hide it."""
        header = record.header
        for shard, proof in zip(record.shards, header.proofs, strict=False):
            try:
                verify_proof(Statement(header.label, header.c0, header.c0_hat, header.escrow_rows, shard.rows), proof)
            except TapelineError as error:
                self._findings.refused(error, f"{where}, proof of shard {shard.number}")

    def _message(self, index: int, leaf: Leaf, obj: bytes, where: str) -> None:
        message = parse_message(obj)
        if message.message_hash != leaf.object_hash:
            self._findings.add(Check.OTHER_BYTES, "The message is not the one that its leaf names.", where)
            return
        if (message.record_hash, message.index) in self.watched:
            self.watched[message.record_hash, message.index] = message.message_hash
        session = self.sessions.get(message.record_hash)
        if session is not None:
            self._require_tag(leaf, session.record.conversation)
        self.tally.messages_sound += self.sessions.message(message, index, leaf.relay_time_ms, where)  # 5

    def _require_tag(self, leaf: Leaf, conversation: bytes) -> None:
        if self._state.membership(conversation).tag != leaf.conversation_tag:
            raise Refused(Rule.LEAF_TAG, "The leaf's tag is another conversation's.")

    def _note_leaf(self, index: int, leaf: Leaf) -> None:
        try:
            self._state.note_leaf(index, leaf)
        except Refused as refusal:
            # Order and times are reported above, where the count goes on after a fault.
            if refusal.rule not in {Rule.LEAF_SEQUENCE, Rule.LEAF_TIME}:
                raise


def _name(leaf: Leaf) -> str:
    known = leaf.type in LeafType.values()
    return LeafType.Name(leaf.type).removeprefix("LEAF_TYPE_").lower() if known else "entry of an unknown type"
