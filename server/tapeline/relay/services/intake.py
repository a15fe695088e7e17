"""The one writer: it collects submissions of all streams, judges them in order, and commits them as a group.

1. Everything queued, up to a batch, is taken.
2. Each item is judged against the ledger and the items before it; a refusal concerns that item only.
3. Leaves and rows of the whole batch are one transaction: one fsync.
4. Only then the acknowledgements are signed and sent, and the entries delivered (promise P2).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from tapeline.base.errors import TapelineError, Unavailable
from tapeline.base.rules import Refused, Rule
from tapeline.base.times import Clock
from tapeline.crypto.message.verify import ParsedMessage, parse_message
from tapeline.crypto.record.parse import ParsedRecord
from tapeline.relay.metrics import Metrics
from tapeline.relay.services.acks import Acknowledger
from tapeline.relay.services.draft import Draft, LogMoved, Placed
from tapeline.relay.services.judge_message import place_message
from tapeline.relay.services.judge_record import Used, place_record
from tapeline.relay.services.ledger import Ledger
from tapeline.relay.services.outcomes import Accepted, Rejected
from tapeline.relay.services.preparing import Preparer
from tapeline.relay.services.sessions import load_sessions
from tapeline.relay.services.submissions import IntakeLimits, SubmissionQueue, Submitted
from tapeline.relay.storage.entries import read_leaves_at
from tapeline.relay.storage.sessions import SessionRow, find_reuse
from tapeline.rpc.errors import log_internal
from tapeline.wire.v1.objects_pb2 import Ack

Deliver = Callable[[Sequence[tuple[Placed, Ack]]], None]
Refusal = tuple[Submitted, TapelineError, Ack | None]


class Intake:
    """Owns the ledger: nothing else changes it, but `services.publishing` under the same lock."""

    def __init__(
        self,
        ledger: Ledger,
        engine: AsyncEngine,
        write_lock: asyncio.Lock,
        acknowledger: Acknowledger,
        deliver: Deliver,
        clock: Clock,
        metrics: Metrics,
        limits: IntakeLimits | None = None,
    ) -> None:
        self._ledger, self._engine, self._write_lock = ledger, engine, write_lock
        self._acknowledger, self._deliver = acknowledger, deliver
        self._clock, self._metrics = clock, metrics
        self._preparer = Preparer(ledger, engine, clock)
        self._queue = SubmissionQueue(limits or IntakeLimits(), self._prepare)

    async def submit(self, item: Submitted) -> None:
        """Queue an item as soon as its device may; its outcome is replied exactly once.

        Raises:
            Unavailable: the relay is stopping.
        """
        await self._queue.put(item)

    async def run(self) -> None:
        """Process batches for ever."""
        while True:
            batch = await self._queue.take()
            self._metrics.batch_size.observe(len(batch))
            try:
                async with self._write_lock:
                    await self._process(batch)
            except Exception as error:
                # A fault of ours must not silence the other streams; these senders try again.
                log_internal("intake_failed", error)
                _reject_all(batch, _fault())
            self._queue.done(batch)

    async def drain(self) -> None:
        """Take nothing more and finish what is queued."""
        await self._queue.drain()
        self._preparer.close()

    async def _prepare(self, item: Submitted) -> None:
        """Make a record ready, or refuse it."""
        try:
            refused = await self._refusal_of(item)
        except Exception as error:
            log_internal("preparing_failed", error)
            refused = (_fault(), None)
        if refused is not None:
            self._reject(item, *refused)

    async def _refusal_of(self, item: Submitted) -> tuple[TapelineError, Ack | None] | None:
        try:
            await self._preparer.prepare(item)
        except TapelineError as error:
            return error, await self._newer(item.record, error)
        return None

    async def _process(self, batch: Sequence[Submitted]) -> None:
        parsed = self._parse(batch)
        await self._load_sessions(parsed)
        draft = Draft(self._ledger, self._clock())
        try:
            indices, refused = await self._judge(parsed, draft)
            stored = draft.is_empty or await self._store(draft)
        except BaseException:
            draft.rollback()  # the sessions in memory must never hold what the database does not
            raise
        # Refusal wait for the transaction too, since it holds the evidence of a fork.
        for item, error, newer in refused:
            self._reject(item, error, newer)
        if not stored:
            self._fail(indices, draft)
            return
        draft.commit()
        acks = self._sign(draft)
        self._deliver([(placed, acks[placed.index]) for placed in draft.placed])
        acks.update(await self._stored_acks(index for _, index in indices if index not in acks))
        for item, index in indices:
            item.answer(Accepted(acks[index]))

    def _parse(self, batch: Sequence[Submitted]) -> list[tuple[Submitted, ParsedRecord | ParsedMessage]]:
        parsed: list[tuple[Submitted, ParsedRecord | ParsedMessage]] = []
        for item in batch:
            try:
                parsed.append((item, item.record or parse_message(item.data)))
            except TapelineError as error:
                self._reject(item, error)
        return parsed

    async def _load_sessions(self, parsed: Sequence[tuple[Submitted, ParsedRecord | ParsedMessage]]) -> None:
        missing = self._ledger.sessions.missing(item.record_hash for _, item in parsed)
        if missing:
            async with self._engine.connect() as conn:
                for session in await conn.run_sync(load_sessions, missing):
                    self._ledger.sessions.put(session)

    async def _judge(
        self, parsed: Sequence[tuple[Submitted, ParsedRecord | ParsedMessage]], draft: Draft
    ) -> tuple[list[tuple[Submitted, int]], list[Refusal]]:
        """Return the accepted items with their leaf indices, and the others with their errors."""
        indices: list[tuple[Submitted, int]] = []
        refused: list[Refusal] = []
        for item, judged in parsed:
            try:
                indices.append((item, await self._judge_one(item, judged, draft)))
            except TapelineError as error:
                refused.append((item, error, await self._newer(judged, error)))
            except Exception as error:
                log_internal("judging_failed", error)
                refused.append((item, _fault(), None))
        return indices, refused

    async def _judge_one(self, item: Submitted, judged: ParsedRecord | ParsedMessage, draft: Draft) -> int:
        if isinstance(judged, ParsedMessage):
            return place_message(judged, item.data, item.device, draft)
        return await place_record(judged, item, draft, self._find_reuse)

    async def _store(self, draft: Draft) -> bool:
        try:
            with self._metrics.commit_seconds.time():
                async with self._engine.begin() as conn:
                    await conn.run_sync(draft.store)
        except (SQLAlchemyError, LogMoved) as error:
            log_internal("commit_failed", error)
            return False
        return True

    def _fail(self, indices: Sequence[tuple[Submitted, int]], draft: Draft) -> None:
        """Undo a batch that was not stored, as where the disk is full: the senders try again."""
        draft.rollback()
        for item, _ in indices:
            self._reject(item, Unavailable("The relay could not store this.", "Send again in a moment."))

    def _sign(self, draft: Draft) -> dict[int, Ack]:
        for placed in draft.placed:
            self._metrics.accepted.labels(placed.type).inc()
        return {placed.index: self._acknowledger.ack(placed.index, placed.leaf) for placed in draft.placed}

    async def _stored_acks(self, indices: Iterable[int]) -> dict[int, Ack]:
        wanted = set(indices)
        if not wanted:
            return {}
        async with self._engine.connect() as conn:
            leaves = await conn.run_sync(read_leaves_at, wanted)
        return {index: self._acknowledger.ack(index, leaf) for index, leaf in leaves.items()}

    async def _find_reuse(self, row: SessionRow) -> list[Used]:
        async with self._engine.connect() as conn:
            return await conn.run_sync(_find_one, row)

    async def _newer(self, judged: ParsedRecord | ParsedMessage | None, error: TapelineError) -> Ack | None:
        """Return the conversation's newest membership leaf, where it outdated the sender's view."""
        if (
            judged is None
            or not isinstance(error, Refused)
            or error.rule not in {Rule.REC_MEMBERSHIP_OLD, Rule.MSG_SESSION}
        ):
            return None
        if isinstance(judged, ParsedRecord):
            conversation, membership = judged.conversation, judged.membership
        else:
            session = self._ledger.sessions.get(judged.record_hash)
            conversation, membership = (session.conversation, session.row.membership) if session else (b"", b"")
        found = self._ledger.conversations.get(conversation)
        if found is None or found.newest.statement_hash == membership:
            return None
        return (await self._stored_acks([found.newest.leaf_index]))[found.newest.leaf_index]

    def _reject(self, item: Submitted, error: TapelineError, newer: Ack | None = None) -> None:
        self._metrics.refused.labels(error.rule.id if isinstance(error, Refused) else type(error).__name__).inc()
        if not isinstance(error, Unavailable):  # what was our own fault costs the sender nothing
            self._queue.refused(item)
        item.answer(Rejected(error, newer))


def _find_one(conn: Connection, row: SessionRow) -> list[Used]:
    return find_reuse(conn, [row])


def _reject_all(batch: Sequence[Submitted], error: TapelineError) -> None:
    for item in batch:
        item.answer(Rejected(error))


def _fault() -> TapelineError:
    return Unavailable("The relay met an internal error.", "Send again; tell the operator if it stays.")
