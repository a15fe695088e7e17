"""Ciphertext under a warrant: the relay passes steps 1 to 4 of the gate itself before it hands any out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from sqlalchemy.ext.asyncio import AsyncEngine

from tapeline.base.times import Clock
from tapeline.crypto.wire import decode
from tapeline.governance.gate import pass_gate_before_ciphertext
from tapeline.governance.gate_input import BeforeCiphertext, GateInput
from tapeline.governance.scope import in_window
from tapeline.relay.services.ledger import Ledger
from tapeline.relay.services.syncing import prove_all
from tapeline.relay.storage.review import read_memory, read_session_messages, write_memory
from tapeline.wire.v1.escrow_pb2 import WarrantPackage
from tapeline.wire.v1.objects_pb2 import Leaf
from tapeline.wire.v1.relay_pb2 import ArchivedObject


class Warranted:
    """Judges warrant packages and reads what they cover."""

    def __init__(self, ledger: Ledger, engine: AsyncEngine, write_lock: asyncio.Lock, clock: Clock) -> None:
        self._ledger, self._engine, self._write_lock = ledger, engine, write_lock
        self._clock = clock

    async def messages(self, firm: str, package_bytes: bytes) -> AsyncIterator[ArchivedObject]:
        """Yield the messages of the sessions asked for whose leaves lie in the window, proven in the package's note.

        The sessions asked for are the package's records, or without any the manifest's all.

        Raises:
            Refused: GOV-*, GAT-1 to GAT-6.
        """
        package = parse_package(package_bytes)
        before = await self._judge(firm, package)
        asked = [one.record_hash for one in before.manifest.sessions]
        if package.records:
            wanted = {decode(Leaf, one.leaf, what="record's leaf").object_hash for one in package.records}
            asked = [record_hash for record_hash in asked if record_hash in wanted]
        for record_hash in asked:
            for message in await self._read(record_hash, before):
                yield message

    async def _judge(self, firm: str, package: WarrantPackage) -> BeforeCiphertext:
        # Under the writer's lock the directory stands still, so that the gate may run in a thread.
        async with self._write_lock:
            directory = self._ledger.directory
            pinned = directory.rosters.chain(firm).at(1).statement_hash
            given = GateInput.from_package(package, directory, pinned_roster=pinned)
            async with self._engine.begin() as conn:
                memory = await conn.run_sync(read_memory, firm)
                before = await asyncio.to_thread(pass_gate_before_ciphertext, given, memory, self._clock())
                await conn.run_sync(write_memory, firm, before.memory)
        return before

    async def _read(self, record_hash: bytes, before: BeforeCiphertext) -> list[ArchivedObject]:
        size = before.archive.size
        async with self._engine.connect() as conn:
            rows = await conn.run_sync(read_session_messages, record_hash, size)
            kept = [row for row in rows if in_window(before.case, Leaf.FromString(row[1]).relay_time_ms)]
            proofs = await conn.run_sync(prove_all, [index for index, _, _ in kept], size)
        return [
            ArchivedObject(index=index, leaf=leaf, object=obj, proof=proof)
            for (index, leaf, obj), proof in zip(kept, proofs, strict=True)
        ]


def parse_package(data: bytes) -> WarrantPackage:
    """Return a package; what it holds is judged by the gate.

    Raises:
        MalformedInput, Refused: as `decode`.
    """
    return decode(WarrantPackage, data, what="warrant package")
