"""Facts for the judges of records: the view below a record's note, and what changed up to its leaf."""

from __future__ import annotations

from tapeline.base.rules import Refused, Rule, refusing
from tapeline.crypto.membership import VerifiedMembership
from tapeline.crypto.record.facts import DeviceFact, Facts
from tapeline.crypto.record.parse import ParsedRecord, ParsedView
from tapeline.directory.lookup import EVERYTHING, Lookup
from tapeline.governance.case import Subject
from tapeline.governance.scope import SessionFact
from tapeline.transparency.cosigned import CosignedCheckpoint


class FactBuilder(Lookup):
    """Builds what `verify_record` and the scope of a case are judged by."""

    def facts(
        self,
        *,
        conversation: bytes,
        membership: bytes,
        sender_device: bytes,
        note: CosignedCheckpoint,
        leaf_index: int,
        leaf_time_ms: int,
    ) -> Facts:
        """Return what a record is judged by: the view below the note's size, and what changed up to its leaf.

        Args:
            conversation: id that the context names.
            membership: hash of the statement that the context names.
            sender_device: hash of the entry that the context names.
            note: verified, see `verify_archive_note`.
            leaf_index, leaf_time_ms: the record's own leaf, real or expected.

        Raises:
            Refused: REC_DEPLOYMENT (no such statement in that conversation) or REC_SENDER (no such device).
            NotFound: the conversation is not known.
        """
        statement_index, statement = self._statement(conversation, membership)
        newest = self.memberships.newest(conversation, below=leaf_index)[1]
        devices = [
            self._device_fact(entry_hash, note.size)
            for member in statement.members
            for entry_hash in self.devices.hashes_of((member.firm, member.user))
        ]
        return Facts(
            deployment=self.deployment,
            archive_note=note.raw,
            note_size=note.size,
            note_time_ms=note.median_time_ms,
            directory_leaves=self.numbers.count_below(note.size),
            leaf_index=leaf_index,
            leaf_time_ms=leaf_time_ms,
            membership=statement,
            membership_leaf_index=statement_index,
            newest_membership=newest.statement_hash,
            sender=self._sender(sender_device, note.size),
            devices=tuple(device for device in devices if device.leaf_index < note.size),
            escrow=tuple(
                key
                for firm, _ in statement.firms
                for key in self.escrow.facts(firm, below=note.size, at_ms=note.median_time_ms)
            ),
        )

    def facts_of(self, record: ParsedRecord | ParsedView, *, leaf_index: int, leaf_time_ms: int) -> Facts:
        """Return the facts for a parsed record, after verifying the archive note that its context names.

        Raises:
            Refused: REC_NOTE, and as `facts`.
        """
        with refusing(Rule.REC_NOTE, "The record's archive note is not cosigned, or is another log's."):
            self.verify_archive_note(record.archive_note)
        return self.facts(
            conversation=record.conversation,
            membership=record.membership,
            sender_device=record.sender_device,
            note=self.verify_archive_note(record.archive_note),
            leaf_index=leaf_index,
            leaf_time_ms=leaf_time_ms,
        )

    def session_fact(
        self, record: ParsedRecord, *, leaf_index: int, leaf_time_ms: int, messages: int = 0
    ) -> SessionFact:
        """Return what decides whether a case may open the record; the record itself is not verified here.

        Raises:
            Refused: REC_SENDER, or REC_GHOST_ROW where a row's prekey is not in the directory.
        """
        context = record.context
        sender = self._sender(record.sender_device, EVERYTHING).device
        return SessionFact(
            record_hash=record.record_hash,
            conversation=record.conversation,
            sender=Subject(sender.firm, sender.user),
            users=frozenset(self._row_user(row.prekey) for row in record.rows),
            classes=tuple(zip(context.firms, context.retention_classes, strict=False)),
            leaf_index=leaf_index,
            leaf_time_ms=leaf_time_ms,
            not_after_ms=context.not_after_ms,
            messages=messages,
        )

    def _statement(self, conversation: bytes, statement_hash: bytes) -> tuple[int, VerifiedMembership]:
        found = self.memberships.by_hash(statement_hash)
        if found is None or found[1].conversation != conversation:
            raise Refused(Rule.REC_DEPLOYMENT, "The record names a membership statement that its conversation lacks.")
        return found

    def _sender(self, entry_hash: bytes, below: int) -> DeviceFact:
        if self.devices.get(entry_hash) is None:
            raise Refused(Rule.REC_SENDER, "The record's sender device is not in the directory.")
        return self._device_fact(entry_hash, below)

    def _row_user(self, prekey_hash: bytes) -> Subject:
        owner = self.prekeys.owner(prekey_hash)
        known = None if owner is None else self.devices.get(owner)
        if known is None:
            raise Refused(Rule.REC_GHOST_ROW, "A row names a prekey that is not in the directory.")
        return Subject(known[1].firm, known[1].user)
