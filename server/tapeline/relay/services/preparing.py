"""Making a record ready for the writer, outside its lock and off the event loop.

A point takes 0.1 ms to decode and a row 0.5 ms to verify, a record may have 1,536 of them, and anybody who is enrolled
may send one. So the cheapest checks come first, the others run in a thread, and a small record never waits behind a
large one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine

from tapeline.base.rules import Rule, require
from tapeline.base.times import Clock
from tapeline.crypto.record.parse import context_of, parse_record
from tapeline.crypto.record.verify import verify_record
from tapeline.relay.services.ledger import Ledger
from tapeline.relay.services.sessions import load_sessions
from tapeline.relay.services.submissions import Submitted

SMALL_BYTES = 48 * 1024
"""About 32 rows."""

T = TypeVar("T")


class Preparer:
    """Judges records by the directory as of now; the writer judges them again when it gives them a leaf."""

    def __init__(self, ledger: Ledger, engine: AsyncEngine, clock: Clock) -> None:
        self._ledger, self._engine, self._clock = ledger, engine, clock
        self._small = ThreadPoolExecutor(1, "small-records")
        self._large = ThreadPoolExecutor(1, "large-records")

    async def prepare(self, item: Submitted) -> None:
        """Fill in the parsed record, and that its proofs hold.

        1. Who claims to have made it, in which conversation: no point is decoded for that.
        2. Strict form, every point, the hash.
        3. A record that is stored already is not verified again.
        4. `verify_record`, with facts as of now.

        Raises:
            Refused, MalformedInput: of the rule broken.
        """
        self._require_plausible(item)  # 1
        record = item.record = await self._in_thread(item, lambda: parse_record(item.data))  # 2
        if not await self._is_stored(record.record_hash):  # 3
            now = max(self._clock(), self._ledger.last_time_ms)
            leaf_index = self._ledger.next_index
            facts = self._ledger.directory.facts_of(record, leaf_index=leaf_index, leaf_time_ms=now)
            await self._in_thread(item, lambda: verify_record(record, facts))  # 4
            item.is_proven = True

    def close(self) -> None:
        """Let the threads end."""
        for pool in (self._small, self._large):
            pool.shutdown(wait=False, cancel_futures=True)

    def _require_plausible(self, item: Submitted) -> None:
        context = context_of(item.data)
        require(context.sender_device == item.device, Rule.REC_SENDER, "The record is of another device than sends it.")
        conversation = self._ledger.conversations.get(context.conversation)
        require(conversation is not None, Rule.REC_DEPLOYMENT, "The record is of a conversation unknown here.")
        assert conversation is not None
        person = self._ledger.directory.device(item.device).person
        require(
            any(person in statement.people for statement in conversation.statements),
            Rule.REC_SENDER,
            "The sender device is no member's.",
        )

    async def _is_stored(self, record_hash: bytes) -> bool:
        if self._ledger.sessions.get(record_hash) is None:
            async with self._engine.connect() as conn:
                for session in await conn.run_sync(load_sessions, [record_hash]):
                    self._ledger.sessions.put(session)
        return self._ledger.sessions.get(record_hash) is not None

    async def _in_thread(self, item: Submitted, work: Callable[[], T]) -> T:
        pool = self._small if len(item.data) <= SMALL_BYTES else self._large
        return await asyncio.get_running_loop().run_in_executor(pool, work)
