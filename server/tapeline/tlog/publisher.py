"""The one writer of a log's checkpoints: tiles, signature, witnesses, quorum, in this order."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import httpx
import structlog
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from tapeline.base.errors import StateError
from tapeline.base.rules import Refused
from tapeline.base.times import MINUTE, SECOND, Clock
from tapeline.tlog.notes import cosigned_with, last_cosigned, store_cosigned, store_signed
from tapeline.tlog.selfcheck import check_against_witnesses, check_log
from tapeline.tlog.storage import LogTables, SqlTiles, integrate, log_size
from tapeline.tlog.trust import Trust
from tapeline.tlog.witnessing import Submission, WitnessClient, WitnessEndpoint
from tapeline.transparency.checkpoint import Checkpoint
from tapeline.transparency.cosigned import CosignedCheckpoint
from tapeline.transparency.note import Note, NoteSigner
from tapeline.transparency.proofs import consistency_proof, inclusion_proof, root

_log = structlog.get_logger("tapeline.tlog")
HEARING_MS = 5 * SECOND
"""Between two attempts to hear witnesses that were away at the start."""
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class PublisherSettings:
    """How often, and how long to wait; protocol, Defaults."""

    interval_ms: int = SECOND
    recosign_ms: int = 5 * MINUTE
    witness_timeout_ms: int = 5 * SECOND


class LogContradicted(StateError):
    """A witness holds a cosigned checkpoint that this log is not: nothing may be published of it any more."""


class LogPublisher:
    """Publishes a log that lives in a database.

    Args:
        engine: the database that also holds the records, so that leaf and record commit together.
        tables: of `log_tables`.
        signer: the log's key, whose name is the origin (tlog-policy, Defining a log).
        origin: first line of every checkpoint.
        trust: by what this log's readers judge, and which witnesses to ask.
        clock: unix milliseconds.
        write_lock: shared by every writer of the process, since SQLite has one writer.
        settings: intervals and timeouts.
        http: a client to use; by default one that reads no proxy settings from the environment.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        tables: LogTables,
        signer: NoteSigner,
        origin: str,
        trust: Trust,
        clock: Clock,
        write_lock: asyncio.Lock,
        *,
        settings: PublisherSettings | None = None,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self._engine, self._tables = engine, tables
        self._signer, self._origin = signer, origin
        self._trust = trust
        self._clock, self._write_lock = clock, write_lock
        self._settings = settings or PublisherSettings()
        self._http = http or httpx.AsyncClient(trust_env=False)
        self._client = WitnessClient(self._http, self._settings.witness_timeout_ms / SECOND)
        self._latest: CosignedCheckpoint | None = None
        self._is_refused = False
        self._hear_again_ms = 0
        self._announced: CosignedCheckpoint | None = None
        self._published = asyncio.Condition()
        self._one_at_a_time = asyncio.Lock()
        self._is_checked = False
        self._stopping = asyncio.Event()
        self._running = asyncio.Lock()

    async def start(self) -> None:
        """Check the stored log and take up its last cosigned checkpoint; `publish` and `run` begin with it too.

        Raises:
            StateError: the stored log is not the one that was signed, cosigned, and is remembered by the witnesses.
        """
        await self._read(lambda conn: check_log(conn, self._tables, self._origin, [self._signer.key]))
        await self._check_witnesses()
        self._is_checked = True
        await self._adopt()

    async def close(self) -> None:
        """Let `run` finish what it publishes at this moment, then close the connections to witnesses.

        The way to end `run`: a cancellation may fall into a statement, and the database driver then keeps its thread.
        """
        self._stopping.set()
        async with self._running:
            await self._http.aclose()

    async def follow(self, trust: Trust) -> None:
        """Judge and ask by another rule from now on, and hold the log against what its witnesses remember.

        A service starts by its founding roster, which is all that it may believe before its log is checked; the
        witnesses that the log's own rosters name since are heard here.

        Raises:
            StateError: a witness remembers another log.
        """
        self._trust = trust
        await self._check_witnesses()
        await self._adopt()

    def latest(self) -> CosignedCheckpoint | None:
        """Return the newest cosigned checkpoint, None before the first."""
        return self._latest

    def is_refused(self) -> bool:
        """Tell whether the checkpoint that was asked for last is not cosigned by the quorum."""
        return self._is_refused

    def witnesses_away(self) -> list[str]:
        """Return the witnesses that gave no cosignature when they were asked last."""
        return [endpoint.name for endpoint in self._asked() if endpoint.name in self._client.away]

    @property
    def recosign_ms(self) -> int:
        """How old a shown checkpoint becomes before an unchanged log is cosigned again."""
        return self._settings.recosign_ms

    def announced(self) -> CosignedCheckpoint | None:
        """Return the newest checkpoint that only witnesses not yet in force vouch for, None where there is none.

        It tells that a leaf is in the log where the old witnesses are gone for good; no reader believes it.
        """
        return self._announced

    async def publish(self) -> CosignedCheckpoint | None:
        """Publish what the log holds now; None where too few witnesses cosigned it.

        1. Leaves become tiles, and the checkpoint is signed and stored: a log never signs two inconsistent ones.
        2. Every witness is asked at once; some may fail.
        3. Where the quorum in force is met, by the readers' own rule, the cosigned note is stored and shown. The
           witnesses of an announced roster are asked beside the old ones, and count once their time has come.

        Raises:
            LogContradicted: a witness that was away at the start proves that this log went back or forked.
        """
        async with self._one_at_a_time:
            if not self._is_checked:
                await self.start()
            submission, signed = await self._sign()  # 1
            self._client.shown = self._latest.raw if self._latest else None
            cosignatures = await self._client.collect(submission, self._asked(), self.consistency)  # 2
            await self._hear_doubts()
            note = Note(signed.text, (*signed.signatures, *cosignatures)).encode()
            try:
                cosigned = self._trust.judge(note)
            except Refused as refusal:
                _log.warning("checkpoint_not_cosigned", size=submission.size, rule=refusal.rule.id)
                self._is_refused = True
                self._announced = self._judged_announced(note)
                return None
            self._is_refused, self._announced = False, None
            await self._show(cosigned)  # 3
            return cosigned

    async def run(self) -> None:
        """Publish until `close`: soon after growth, and an unchanged log again before its cosignatures grow stale.

        Raises:
            StateError: as `start`.
            LogContradicted: as `publish`.
        """
        async with self._running:
            if not self._is_checked:
                await self.start()
            while not self._stopping.is_set():
                try:
                    await self._hear_the_unheard()
                    if await self._is_due():
                        await self.publish()
                except LogContradicted:
                    raise
                except Exception as error:  # one failure of the database must not end publishing
                    _log.error("publishing_failed", failure=type(error).__name__)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), self._settings.interval_ms / SECOND)

    async def wait_for(self, size: int, *, timeout_s: float) -> CosignedCheckpoint:
        """Return a cosigned checkpoint of at least `size` leaves, waiting for one if need be.

        Raises:
            StateError: none came in time; retryable.
        """
        try:
            async with asyncio.timeout(timeout_s), self._published:
                while self._latest is None or self._latest.size < size:
                    await self._published.wait()
                return self._latest
        except TimeoutError:
            cause = "No checkpoint with this leaf was cosigned in time."
            raise StateError(cause, "Try again when the witnesses answer.", retryable=True) from None

    async def proof(self, index: int, size: int) -> list[bytes]:
        """Return the inclusion proof of a leaf in the log's first `size` leaves."""
        return await self._read(lambda conn: inclusion_proof(SqlTiles(conn, self._tables), index, size))

    async def consistency(self, old: int, new: int) -> list[bytes]:
        """Return the consistency proof between two sizes."""
        return await self._read(lambda conn: consistency_proof(SqlTiles(conn, self._tables), old, new))

    async def first_with(self, index: int) -> CosignedCheckpoint | None:
        """Return the earliest stored cosigned checkpoint that holds the leaf and that the log's readers believe."""
        after = 0
        while True:
            # One that they refuse must not hide those behind it; there are few, if any.
            found = await self._read(partial(cosigned_with, tables=self._tables, index=index, after=after))
            if not found:
                return None
            believed = (self._judged(raw) for _, raw in found)
            cosigned = next((one for one in believed if one is not None), None)
            if cosigned is not None:
                return cosigned
            after = found[-1][0]

    async def _hear_the_unheard(self) -> None:
        """Ask those witnesses for their memory that were away at the start: what they know may end this log."""
        if self._clock() >= self._hear_again_ms:
            self._hear_again_ms = self._clock() + HEARING_MS
            await self._hear([one for one in self._asked() if one.name not in self._client.heard])

    async def _hear_doubts(self) -> None:
        """Ask witnesses that did not follow for their memory: it is theirs and the log's signed word, or nothing."""
        doubting = [endpoint for endpoint in self._asked() if endpoint.name in self._client.doubting]
        self._client.doubting.clear()
        await self._hear(doubting)

    async def _hear(self, endpoints: Sequence[WitnessEndpoint]) -> None:
        if not endpoints:
            return
        memories = await self._client.memories(self._origin, [self._signer.key], endpoints)
        try:
            await self._read(lambda conn: check_against_witnesses(conn, self._tables, memories))
        except StateError as error:
            raise LogContradicted(error.cause, error.remedy) from None

    async def _is_due(self) -> bool:
        await self._adopt()
        size = await self._read(lambda conn: log_size(conn, self._tables))
        shown = self._latest
        if shown is None or shown.size < size:
            return True
        return self._clock() - shown.median_time_ms >= self._settings.recosign_ms

    async def _sign(self) -> tuple[Submission, Note]:
        async with self._write_lock, self._engine.begin() as conn:
            return await conn.run_sync(self._sign_in)

    def _sign_in(self, conn: Connection) -> tuple[Submission, Note]:
        size = integrate(conn, self._tables)
        text = Checkpoint(self._origin, size, root(SqlTiles(conn, self._tables), size)).encode()
        note = Note(text, (self._signer.sign(text),))
        store_signed(conn, self._tables, size, note.encode(), self._clock())
        return Submission(size, text, note.encode()), note

    async def _show(self, cosigned: CosignedCheckpoint) -> None:
        async with self._write_lock, self._engine.begin() as conn:
            await conn.run_sync(store_cosigned, self._tables, cosigned.size, cosigned.raw, self._clock())
        async with self._published:
            self._latest = cosigned
            self._published.notify_all()

    async def _adopt(self) -> None:
        """Take up what this process before its restart, or another replica, had cosigned."""
        raw = await self._read(lambda conn: last_cosigned(conn, self._tables))
        if raw is None or (self._latest is not None and raw == self._latest.raw):
            return
        cosigned = self._judged(raw)
        async with self._published:
            if cosigned is not None and (self._latest is None or cosigned.size >= self._latest.size):
                self._latest = cosigned
                self._published.notify_all()

    def _judged(self, raw: bytes) -> CosignedCheckpoint | None:
        """Return a stored note verified again; None where the readers of now would refuse it."""
        try:
            return self._trust.judge(raw)
        except Refused as refusal:
            _log.warning("stored_checkpoint_not_cosigned", rule=refusal.rule.id)
            return None

    def _asked(self) -> Sequence[WitnessEndpoint]:
        return self._trust.witnesses(self._clock())

    def _judged_announced(self, raw: bytes) -> CosignedCheckpoint | None:
        if self._trust.judge_announced is None:
            return None
        try:
            return self._trust.judge_announced(raw)
        except Refused:
            return None

    async def _check_witnesses(self) -> None:
        # Asked before the log is read: what they have seen was stored before, also by another replica.
        memories = await self._client.memories(self._origin, [self._signer.key], self._asked())
        await self._read(lambda conn: check_against_witnesses(conn, self._tables, memories))

    async def _read(self, query: Callable[[Connection], _Result]) -> _Result:
        async with self._engine.connect() as conn:
            return await conn.run_sync(query)
