"""Ciphertext under a warrant: the relay passes steps 1 to 4 of the gate itself before it hands any out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from google.protobuf.message import DecodeError
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from tapeline.base.errors import LimitExceeded, MalformedInput
from tapeline.base.rules import Rule, refusing, require
from tapeline.base.times import Clock
from tapeline.crypto.bounds import require_bounded
from tapeline.crypto.record.facts import Facts
from tapeline.crypto.record.parse import ParsedRecord, ParsedView
from tapeline.crypto.wire import decode
from tapeline.directory.state import DirectoryState
from tapeline.governance.certificate import EscrowCertificate
from tapeline.governance.gate import pass_gate_before_ciphertext
from tapeline.governance.gate_input import AgentMemory, BeforeCiphertext, GateInput
from tapeline.governance.roster import Roster
from tapeline.governance.scope import SessionFact, in_window
from tapeline.relay.services.ledger import Ledger
from tapeline.relay.services.syncing import prove_all
from tapeline.relay.storage.review import read_memory, read_session_messages, write_memory
from tapeline.transparency.checkpoint import parse_checkpoint
from tapeline.transparency.cosigned import CosignedCheckpoint
from tapeline.transparency.keys import parse_vkey
from tapeline.transparency.note import parse_note, verify_note_signature
from tapeline.wire.v1.escrow_pb2 import WarrantPackage
from tapeline.wire.v1.objects_pb2 import Leaf
from tapeline.wire.v1.relay_pb2 import ArchivedObject

WAITING = 16
"""Packages that may wait for the gate; one is judged at a time."""

T = TypeVar("T")


class Warranted:
    """Judges warrant packages and reads what they cover."""

    def __init__(self, ledger: Ledger, engine: AsyncEngine, write_lock: asyncio.Lock, clock: Clock) -> None:
        self._ledger, self._engine, self._write_lock = ledger, engine, write_lock
        self._clock = clock
        self._gate = ThreadPoolExecutor(1, "gate")
        self._waiting = 0

    async def messages(self, firm: str, package_bytes: bytes) -> AsyncIterator[ArchivedObject]:
        """Yield the messages of the sessions asked for whose leaves lie in the window, proven in the package's note.

        The sessions asked for are the package's records, or without any the manifest's all.

        Raises:
            Refused: GOV-*, GAT-1 to GAT-6.
            LimitExceeded: too many packages wait.
        """
        package = parse_package(package_bytes)
        wanted = {decode(Leaf, one.leaf, what="record's leaf").object_hash for one in package.records}
        before = await self._judge(firm, package)
        listed = [one.record_hash for one in before.manifest.sessions]
        require(wanted <= set(listed), Rule.GATE_MANIFEST, "A session asked for is not in the manifest.")
        for record_hash in listed:
            if not wanted or record_hash in wanted:
                for message in await self._read(record_hash, before):
                    yield message

    def close(self) -> None:
        """Let the thread end."""
        self._gate.shutdown(wait=False, cancel_futures=True)

    async def _judge(self, firm: str, package: WarrantPackage) -> BeforeCiphertext:
        """Pass the gate in a thread, while the writer goes on.

        1. The audit note is the log's own, over as many leaves as there are: junk ends here.
        2. Steps 1 to 4. The records are left out: the relay itself put the sessions of the manifest into scope, and
           of the records it needs no more than their names.
        3. The newest audit checkpoint is remembered, whichever package was judged last.
        """
        directory = self._ledger.directory
        _require_own_note(package, directory.roster(firm))  # 1
        del package.records[:]
        pinned = directory.rosters.chain(firm).at(1).statement_hash
        archive = OnLoop(directory, asyncio.get_running_loop())
        async with self._engine.connect() as conn:
            memory = await conn.run_sync(read_memory, firm)
        now = self._clock()

        def judge() -> BeforeCiphertext:
            require_bounded(package, "warrant package")
            given = GateInput.from_package(package, archive, pinned_roster=pinned)
            return pass_gate_before_ciphertext(given, memory, now)

        before = await self._in_turn(judge)  # 2
        async with self._write_lock, self._engine.begin() as conn:
            await conn.run_sync(_remember, firm, before.memory)  # 3
        return before

    async def _in_turn(self, work: Callable[[], T]) -> T:
        if self._waiting >= WAITING:
            raise LimitExceeded("Too many warrants are being judged.", "Ask again in a moment.")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._gate, work)
        finally:
            self._waiting -= 1

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


class OnLoop:
    """The directory as the gate's thread asks it: each answer is made on the event loop, where nothing moves under it.

    Implements `ArchiveView`.
    """

    def __init__(self, directory: DirectoryState, loop: asyncio.AbstractEventLoop) -> None:
        self._directory, self._loop = directory, loop

    def verify_archive_note(self, note: bytes) -> CosignedCheckpoint:
        """Return a believed archive checkpoint."""
        return self._ask(lambda: self._directory.verify_archive_note(note))

    def facts_of(self, record: ParsedRecord | ParsedView, *, leaf_index: int, leaf_time_ms: int) -> Facts:
        """Return what the record is judged by."""
        return self._ask(lambda: self._directory.facts_of(record, leaf_index=leaf_index, leaf_time_ms=leaf_time_ms))

    def session_fact(
        self, record: ParsedRecord, *, leaf_index: int, leaf_time_ms: int, messages: int = 0
    ) -> SessionFact:
        """Return what decides about its scope."""
        return self._ask(
            lambda: self._directory.session_fact(
                record, leaf_index=leaf_index, leaf_time_ms=leaf_time_ms, messages=messages
            )
        )

    def certificate_of(self, escrow_key_id: bytes) -> EscrowCertificate:
        """Return the certificate of an escrow key."""
        return self._ask(lambda: self._directory.certificate_of(escrow_key_id))

    def _ask(self, work: Callable[[], T]) -> T:
        async def run() -> T:
            return work()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()


def parse_package(data: bytes) -> WarrantPackage:
    """Return a package; what it holds is judged by the gate, and its integers by the thread that passes it."""
    try:
        return WarrantPackage.FromString(data)
    except DecodeError:
        raise MalformedInput("The warrant package does not decode.", "Make the package again.") from None


def _require_own_note(package: WarrantPackage, roster: Roster) -> None:
    note = parse_note(package.audit_note)
    with refusing(Rule.GATE_CHECKPOINT, "The audit checkpoint is not the audit log's."):
        verify_note_signature(note, [parse_vkey(roster.audit_log)])
    require(
        parse_checkpoint(note.text).size == len(package.audit_leaves),
        Rule.GATE_CHECKPOINT,
        "The leaves are not all those of the checkpoint.",
    )


def _remember(conn: Connection, firm: str, memory: AgentMemory) -> None:
    """Keep the newest checkpoint that was seen: another package may have been judged meanwhile."""
    if memory.audit_size >= read_memory(conn, firm).audit_size:
        write_memory(conn, firm, memory)
