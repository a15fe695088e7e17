"""One SQLCipher database behind one thread, with group commit.

All jobs that wait when the thread turns to them run in one transaction, each in a savepoint of its own: a job that
fails undoes itself alone, and nobody hears of success before the commit. Durability: WAL with `synchronous=NORMAL`
loses nothing when the process dies (SIGKILL); a power cut may undo the last commits, which is sound here, because
outbox, cursors, receiving chains and history go back together and the relay delivers again from the cursor, while
sending chains live in memory only. What must outlive a power cut too, such as a prekey's secret half before its public
half is published, asks for `durable`.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from sqlite3 import Connection
from typing import Generic, TypeVar

import sqlcipher3

from tapeline.base.errors import StateError
from tapeline.client.errors import ClientClosed, StoreProblem
from tapeline.client.store.keys import StoreKey
from tapeline.client.store.schema import migrate
from tapeline.local.folder import FolderLock

T = TypeVar("T")
Job = Callable[[Connection], T]
_GROUP = 256
_PRAGMAS = (
    "PRAGMA cipher_memory_security = OFF",  # locks every buffer; the process holds the same plaintext anyway
    "PRAGMA journal_mode = WAL",
    "PRAGMA secure_delete = ON",
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
)


@dataclass(slots=True)
class _Task(Generic[T]):
    job: Job[T]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[T]
    durable: bool
    result: T | None = None
    error: BaseException | None = field(default=None)


class Database:
    """Runs jobs, functions of a connection, one group after the other."""

    def __init__(self, connection: Connection, path: Path, lock: FolderLock | None = None) -> None:
        self._connection = connection
        self._lock = lock
        self.path = path
        self._tasks: queue.SimpleQueue[_Task[object] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="tapeline-store", daemon=True)
        self._closed = False
        self._thread.start()

    @classmethod
    async def open(cls, path: Path, key: StoreKey, lock: FolderLock | None = None) -> Database:
        """Open or create the database file; `lock` is let go when it is closed.

        Raises:
            StoreProblem: wrong key, altered file, or a store of a later version.
        """
        return cls(await asyncio.to_thread(connect_database, path, key), path, lock)

    async def run(self, job: Job[T], *, durable: bool = False) -> T:
        """Return what the job returns, once its group is committed."""
        if self._closed:
            raise ClientClosed("The store is closed.", "Open the client again.")
        loop = asyncio.get_running_loop()
        task = _Task(job, loop, loop.create_future(), durable)
        self._tasks.put(task)
        # A cancelled caller must not cancel the job: the transaction goes on, only nobody waits for it.
        return await asyncio.shield(task.future)

    async def close(self) -> None:
        """Finish what waits, then close the file."""
        if not self._closed:
            self._closed = True
            self._tasks.put(None)
            await asyncio.to_thread(self._thread.join)
            if self._lock is not None:
                self._lock.release()

    def _serve(self) -> None:
        while (first := self._tasks.get()) is not None:
            group, last = self._collect(first)
            self._commit(group)
            _deliver(group)
            if last:
                break
        self._connection.close()

    def _collect(self, first: _Task[object]) -> tuple[list[_Task[object]], bool]:
        group = [first]
        while len(group) < _GROUP:
            try:
                task = self._tasks.get_nowait()
            except queue.Empty:
                break
            if task is None:
                return group, True
            group.append(task)
        return group, False

    def _commit(self, group: list[_Task[object]]) -> None:
        try:
            level = "FULL" if any(task.durable for task in group) else "NORMAL"
            self._connection.execute(f"PRAGMA synchronous = {level}")
            self._connection.execute("BEGIN IMMEDIATE")
            for task in group:
                self._run_one(task)
            self._connection.execute("COMMIT")
        except sqlcipher3.Error as error:
            with suppress(sqlcipher3.Error):
                self._connection.execute("ROLLBACK")
            for task in group:
                task.error = task.error or _as_problem(error)

    def _run_one(self, task: _Task[object]) -> None:
        self._connection.execute("SAVEPOINT job")
        try:
            task.result = task.job(self._connection)
        except Exception as error:  # handed to the caller, whose job it was
            task.error = _of_job(error)
            self._connection.execute("ROLLBACK TO job")
        self._connection.execute("RELEASE job")


def _deliver(group: list[_Task[object]]) -> None:
    """Wake the callers of one group: one wake-up for each loop, not for each job."""
    for loop in {task.loop for task in group}:
        mine = [task for task in group if task.loop is loop]
        with suppress(RuntimeError):  # the loop ended; its callers are gone
            loop.call_soon_threadsafe(_resolve, mine)


def _resolve(tasks: list[_Task[object]]) -> None:
    for task in tasks:
        if task.future.done():
            continue
        if task.error is None:
            task.future.set_result(task.result)
        else:
            task.future.set_exception(task.error)


def connect_database(path: Path, key: StoreKey) -> Connection:
    """Return a connection to the database file, made where there is none, its tables brought up to date."""
    connection: Connection = sqlcipher3.connect(str(path), isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA cipher_log_level = NONE")  # it would write to the application's stderr
        # A raw key: SQLCipher derives nothing itself; the pages' authentication key differs by the file's own salt.
        connection.execute(f"PRAGMA key = \"x'{key.key.reveal().hex()}'\"")
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        migrate(connection)
    except (sqlcipher3.Error, MemoryError) as error:  # a wrong key may also show as an absurd page size
        connection.close()
        raise _as_problem(error) from None
    except StoreProblem:
        connection.close()
        raise
    return connection


def _of_job(error: Exception) -> Exception:
    """Tell what a job gave the database that it can not hold, which is the job's fault, from a store that fails."""
    if isinstance(error, sqlcipher3.DataError | sqlcipher3.IntegrityError | sqlcipher3.ProgrammingError):
        return StateError("What was to be stored does not fit the store.", "Report it; the rest goes on.")
    return _as_problem(error) if isinstance(error, sqlcipher3.Error) else error


def _as_problem(_error: BaseException) -> StoreProblem:
    # The library's own text is left out: it may quote what it was given.
    return StoreProblem(
        "The store does not open: the passphrase is wrong, or the file was altered.",
        "Check the passphrase; if it is right, enrol the device anew and report the altered file.",
    )
