"""Judging and opening a delivered session record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from tapeline.base.errors import StateError, TapelineError
from tapeline.base.rules import Refused, Rule, require
from tapeline.client.device import Device
from tapeline.client.errors import RelayUnreachable
from tapeline.client.receive.reading import Reading
from tapeline.client.session.prekeys import PrekeyKeeper
from tapeline.client.store.inbox import SessionRow, SessionState
from tapeline.client.verdicts import SharedVerdicts
from tapeline.crypto.message.chain import ReceivingChain
from tapeline.crypto.record.facts import Facts
from tapeline.crypto.record.judge_rows import judge_absent_row
from tapeline.crypto.record.open import open_as_recipient
from tapeline.crypto.record.parse import ParsedView
from tapeline.wire.v1.objects_pb2 import Context, Leaf


class RecordReader:
    """Turns views of records into sessions to read."""

    def __init__(self, device: Device, prekeys: PrekeyKeeper, verdicts: SharedVerdicts) -> None:
        self._device = device
        self._prekeys = prekeys
        self._verdicts = verdicts

    async def read(self, data: bytes, conversation: bytes, leaf: Leaf, index: int, membership: bytes) -> Reading:
        """Return the session that a view opens.

        1. The view is the leaf's record, of this conversation.
        2. Its note is cosigned; everything below the note's size is known here.
        3. `verify_record`, with the newest statement that the conversation's own sequence has shown.
        4. The row opens to what the record commits to.

        Raises:
            Refused: of the rule broken.
            StateError: the prekey's secret half is gone.
        """
        view = self._verdicts.view(data)
        require(
            (view.record_hash, view.conversation) == (leaf.object_hash, conversation),  # 1
            Rule.LEAF_TAG,
            "The record is not the one that its leaf names.",
        )
        facts = replace(await self._facts(view, leaf, index), newest_membership=membership)  # 2
        verified = self._verdicts.record(view, facts, self._device.fact)  # 3
        secret = self._prekeys.secret(view.shard.rows[view.row_index or 0].prekey)
        if secret is None:
            raise StateError(
                "The prekey that the session was sealed to is no longer here.", "Ask the sender to send it again."
            )
        root = open_as_recipient(view, verified, secret)  # 4
        row = SessionRow(
            state=SessionState.READING,
            record_hash=verified.record_hash,
            conversation=conversation,
            device=view.sender_device,
            chain=None,
            next_index=0,
            previous=verified.record_hash,
            not_after_ms=verified.not_after_ms,
            leaf=leaf.SerializeToString(deterministic=True),
            leaf_index=index,
            view=data,
            membership=verified.membership.statement_hash,
            note_size=verified.note_size,
        )
        return Reading(row, ReceivingChain(root, verified.record_hash))

    async def judge_withheld(self, data: bytes, conversation: bytes, leaf: Leaf, index: int) -> None:
        """Judge that a session rightly has no row for this device; `data` is its header.

        Raises:
            Refused: REC-21, this device had a usable prekey in the record's view; or the header is another's (LEF-1).
        """
        header = self._verdicts.header(data)
        require(
            (header.record_hash, header.context.conversation) == (leaf.object_hash, conversation),
            Rule.LEAF_TAG,
            "The header is not that of the record that its leaf names.",
        )
        judge_absent_row(self._device.fact, await self._facts(header.context, leaf, index))

    async def judge_again(self, row: SessionRow) -> None:
        """Judge a record again when everything up to its own leaf is known: revocations count up to there.

        Raises:
            Refused: of the rule broken.
        """
        await self._ensure(row.leaf_index + 1)
        view = self._verdicts.view(row.view or b"")
        facts = await self._facts(view, Leaf.FromString(row.leaf), row.leaf_index)
        self._verdicts.record(view, facts, self._device.fact)

    async def _facts(self, view: ParsedView | Context, leaf: Leaf, index: int) -> Facts:
        directory = self._device.directory
        note = directory.shared.verified_context_note(view.archive_note)
        await self._ensure(note.size)
        return directory.state.facts(
            conversation=view.conversation,
            membership=view.membership,
            sender_device=view.sender_device,
            note=note,
            leaf_index=index,
            leaf_time_ms=leaf.relay_time_ms,
        )

    async def look_again(self) -> None:
        """Fetch the directory, unless it was within the last minute."""
        with _saying_nothing():
            await self._device.directory.fresh_note()

    async def _ensure(self, size: int) -> None:
        """Wait for the directory below `size`."""
        with _saying_nothing():
            await self._device.directory.ensure(size)


@contextmanager
def _saying_nothing() -> Iterator[None]:
    """Turn what goes wrong with the directory into an unreachable relay: it says nothing about a record."""
    try:
        yield
    except TapelineError as error:
        if isinstance(error, Refused) and error.rule is Rule.LOG_CONSISTENCY:
            raise
        raise RelayUnreachable(error.cause, error.remedy) from error
