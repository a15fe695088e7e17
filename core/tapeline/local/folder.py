"""One process for each data folder: a lock of the kernel's, which ends with the process however it ends."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tapeline.base.errors import StateError

LOCK_FILE = "lock"
"""Stays behind empty of meaning: only the kernel's lock on it counts, so a copy or a crash leaves nothing to clean."""
_RETRY_S = 0.05
_MAX_PID = 20


class FolderHeld(StateError):
    """Another process works on the folder."""


class FolderLock:
    """Exclusive use of a folder from `hold` to `release`, or to the end of the process.

    Two processes on one folder would each keep in memory what the other changes on disk: a relay would refuse messages
    for good, a device would number two messages alike. So the lock comes before anything is read or written.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def hold(cls, folder: Path, *, wait_s: float = 0.0) -> Self:
        """Take the lock of a folder that exists.

        Args:
            folder: the data folder; its file `lock` is made where it is absent, for its owner only.
            wait_s: how long to try while another process has it.

        Raises:
            StateError: there is no such folder.
            FolderHeld: another process has it, or this one has it already.
        """
        if not folder.is_dir():
            raise StateError(f"There is no folder {folder.name}.", "Check the path of the data folder.")
        # Python's descriptors are not inherited by programs that this process starts, so no child keeps the lock.
        descriptor = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(descriptor, time.monotonic() + wait_s, folder)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor)

    def release(self) -> None:
        """Let others have the folder; once is enough."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.release()

    def __del__(self) -> None:
        self.release()


def _lock(descriptor: int, deadline: float, folder: Path) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise _held(descriptor, folder) from None
            time.sleep(_RETRY_S)
        else:
            return


def _held(descriptor: int, folder: Path) -> FolderHeld:
    pid = os.pread(descriptor, _MAX_PID, 0).strip()
    # A process may hold the lock and not have written its number yet; a kernel may hold it for one on another machine.
    who = f" (process {pid.decode()})" if pid.isdigit() else ""
    return FolderHeld(
        f"Another process{who} works on the folder {folder.name}.",
        "Stop it, or wait until it has ended; two at once would damage what it holds.",
        retryable=True,
    )
