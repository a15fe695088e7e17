"""Reading what a process has in memory and on disk, to search it: Linux's /proc of one's own children only."""

from __future__ import annotations

import mmap
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tapeline.base.errors import StateError
from tapeline.demo.patterns import WORD, Hit, PatternTable

CHUNK = 8 * 1024 * 1024
PAGE = mmap.PAGESIZE


class MemoryForbidden(StateError):
    """The system does not let this process read its child's memory."""


def search_process(table: PatternTable, pid: int, who: str) -> tuple[list[Hit], int]:
    """Search all memory that a child may have written to; return the hits and the number of bytes read.

    The child is stopped meanwhile, so that nothing moves from a place not yet read to one already read.

    Raises:
        MemoryForbidden: the system forbids it; nothing was proven then.
    """
    hits: list[Hit] = []
    total = 0
    with _stopped(pid):
        for piece, address in _memory(pid, table.longest):
            hits += table.search(piece, f"memory of {who}, near {address:#x}")
            total += len(piece)
    return hits, total


def search_folder(table: PatternTable, folder: Path, who: str) -> tuple[list[Hit], int]:
    """Search every file below a folder; return the hits and the number of bytes read."""
    hits: list[Hit] = []
    total = 0
    for path in sorted(item for item in folder.rglob("*") if item.is_file() and not item.is_symlink()):
        with path.open("rb") as handle:
            for piece, _ in _pieces(handle.fileno(), 0, path.stat().st_size, table.longest):
                hits += table.search(piece, f"file {path.relative_to(folder)} of {who}")
                total += len(piece)
    return hits, total


@contextmanager
def _stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _memory(pid: int, longest: int) -> Iterator[tuple[bytes, int]]:
    try:
        regions = list(_regions(Path(f"/proc/{pid}/maps").read_text("ascii", "replace")))
        memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
    except OSError as error:
        raise MemoryForbidden(
            f"This system does not let a parent read its child's memory ({error.strerror}).",
            "Run the demo on Linux with /proc mounted and kernel.yama.ptrace_scope at most 1.",
        ) from None
    try:
        for start, end in regions:
            yield from _pieces(memory, start, end, longest)
    finally:
        os.close(memory)


def _regions(maps: str) -> Iterator[tuple[int, int]]:
    """Yield the readable regions but those of mapped files that the process cannot write: those are the files."""
    for line in maps.splitlines():
        fields = line.split(maxsplit=5)
        place, access = fields[0], fields[1]
        name = fields[5] if len(fields) > 5 else ""
        if not access.startswith("r") or name in {"[vvar]", "[vvar_vclock]", "[vsyscall]"}:
            continue
        if name.startswith("/") and access[1] != "w":
            continue
        start, _, end = place.partition("-")
        yield int(start, 16), int(end, 16)


def _pieces(handle: int, start: int, end: int, longest: int) -> Iterator[tuple[bytes, int]]:
    """Read in chunks that overlap by the longest pattern and start at word boundaries."""
    overlap = -(-longest // WORD) * WORD
    position = start
    while position < end:
        wanted = min(CHUNK + overlap, end - position)
        try:
            piece = os.pread(handle, wanted, position)
        except OSError:  # a page that nobody can read, such as a guard page
            piece = b""
        if piece:
            yield piece, position
        # A short read ended at such a page: go on behind it.
        position += CHUNK if len(piece) == wanted else len(piece) // PAGE * PAGE + PAGE
