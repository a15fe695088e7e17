"""Inclusion proofs in the background: every acknowledged or delivered leaf must soon lie under a cosigned note."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from tapeline.base.rules import Refused, Rule
from tapeline.base.times import SECOND
from tapeline.client.alarms import Alarms
from tapeline.client.device import Device
from tapeline.client.leafcheck import parse_leaf, require_not_postdated
from tapeline.client.store import leaves
from tapeline.client.store.leaves import PendingLeaf
from tapeline.client.transport.methods import PROVE
from tapeline.crypto.record.dating import require_included
from tapeline.transparency.cosigned import CosignedCheckpoint
from tapeline.wire.v1.common_pb2 import ProofRequest

BATCH = 256
GRACE_MS = 30 * SECOND
LeafKey = tuple[int, bytes]
"""Index and leaf: the relay may promise two leaves at one index, and only one of them can be in the log."""


@dataclass(frozen=True, slots=True)
class Logged:
    """A leaf proven under a cosigned note."""

    leaf_index: int
    note_size: int
    note_time_ms: int


class Proofs:
    """Keeps what waits for a note, proves it when one comes, and alarms when none does."""

    def __init__(self, device: Device, alarms: Alarms) -> None:
        self._device = device
        self._alarms = alarms
        self._pending: dict[LeafKey, PendingLeaf] = {}
        self._at_index: dict[int, PendingLeaf] = {}
        self._waiting: dict[LeafKey, list[asyncio.Future[Logged]]] = {}
        self._overdue: set[LeafKey] = set()
        self._since_ms = 0

    async def restore(self) -> None:
        """Load what the store holds."""
        for one in await self._device.database.run(leaves.load_pending):
            self._pending[one.key] = self._at_index[one.leaf_index] = one

    async def add(self, pending: Iterable[PendingLeaf]) -> None:
        """Take leaves that the caller stored; two at one index are an alarm (LOG-5), with both signatures kept.

        The log holds one of them at most. What the other promised is off the record, whatever was said of it.
        """
        for one in pending:
            other = self._at_index.setdefault(one.leaf_index, one)
            if self._pending.setdefault(one.key, one) is one and other.leaf != one.leaf:
                cause = f"The relay acknowledged two leaves at index {one.leaf_index}."
                await self._alarms.raise_now(Refused(Rule.LOG_CONSISTENCY, cause), acks=(other.ack(), one.ack()))

    async def wait(self, index: int, leaf: bytes) -> Logged:
        """Return when this leaf is proven at that index.

        Raises:
            Refused: REC-22 or REC-23, its proof fails.
        """
        future: asyncio.Future[Logged] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault((index, leaf), []).append(future)
        newest = self._device.directory.shared.notes.newest
        if (index, leaf) not in self._pending and newest is not None:
            self._resolve((index, leaf), newest)
        return await future

    async def on_note(self, note: CosignedCheckpoint) -> list[int]:
        """Prove what lies below the note's size; return the indices that are proven now."""
        proven: list[PendingLeaf] = []
        shared = self._device.directory.shared
        due = [one for one in self._pending.values() if one.leaf_index < note.size]
        for start in range(0, len(due), BATCH):
            # One client asks, its neighbours find the answer.
            async with shared.proving:
                proven += await self._prove(due[start : start + BATCH], note)
        if proven:
            await self._device.database.run(partial(leaves.settle, proven=proven))
        for one in proven:
            self._pending.pop(one.key, None)
            if self._at_index.get(one.leaf_index) is one:
                del self._at_index[one.leaf_index]
            self._overdue.discard(one.key)
            self._resolve(one.key, note)
        return [one.leaf_index for one in proven]

    def connected(self) -> None:
        """Count from now: while the relay was out of reach, no note could come."""
        self._since_ms = self._device.clock()

    async def check_overdue(self) -> None:
        """Alarm about leaves that were not proven within the maximum merge delay (REC-23); for connected clients."""
        limit = self._device.clock() - self._device.directory.state.roster().merge_delay_ms - GRACE_MS
        for one in list(self._pending.values()):
            if max(one.seen_ms, self._since_ms) < limit:
                cause = f"The acknowledged leaf {one.leaf_index} is under no cosigned checkpoint in time."
                await self._alarm_once(one, Refused(Rule.REC_INCLUSION, cause))

    async def _alarm_once(self, one: PendingLeaf, refused: Refused) -> None:
        """Alarm about a leaf, with the relay's signed word for it as evidence."""
        if one.key not in self._overdue:
            self._overdue.add(one.key)
            await self._alarms.raise_now(refused, acks=(one.ack(),))

    async def _prove(self, due: list[PendingLeaf], note: CosignedCheckpoint) -> list[PendingLeaf]:
        shared = self._device.directory.shared
        missing = [one for one in due if not shared.is_proven(one.leaf_index, one.leaf)]
        if missing:
            request = ProofRequest(indices=[one.leaf_index for one in missing], size=note.size)
            answer = await self._device.caller.call(PROVE, request)
            paths = {proof.index: proof.hashes for proof in answer.proofs}
            for one in missing:
                if await self._holds(one, list(paths.get(one.leaf_index, [])), note):
                    shared.note_proven(one.leaf_index, one.leaf)
        return [one for one in due if shared.is_proven(one.leaf_index, one.leaf)]

    async def _holds(self, one: PendingLeaf, path: list[bytes], note: CosignedCheckpoint) -> bool:
        """Tell whether the leaf is proven; a failure is alarmed once and ends its waiting."""
        try:
            require_included(one.leaf, one.leaf_index, note.size, path, note.root)
            require_not_postdated(one.leaf_index, parse_leaf(one.leaf), note)
        except Refused as refused:
            await self._alarm_once(one, refused)
            for future in self._waiting.pop(one.key, []):
                if not future.done():
                    future.set_exception(refused)
            return False
        return True

    def _resolve(self, key: LeafKey, note: CosignedCheckpoint) -> None:
        for future in self._waiting.pop(key, []):
            if not future.done():
                future.set_result(Logged(key[0], note.size, note.median_time_ms))
