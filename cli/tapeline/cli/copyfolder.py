"""A copy of both logs and the archive as a folder, which the auditor carries away and verifies offline.

COPY/copy.json                      {"format": "tapeline-copy/1", "firms": {firm: hash of its first roster}}
COPY/archive/checkpoint             the newest cosigned note
COPY/archive/checkpoints/<size>     those of earlier copies
COPY/archive/tile/…                 hash tiles and entry bundles, by their paths of C2SP tlog-tiles
COPY/archive/objects/ab/abcd…       each object under its hash in hex
COPY/audit/…                        the same of the audit log; its objects are the signed statements
COPY/forks/<number>                 what the relay kept of devices that signed two messages for one place
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from tapeline.audit.copy import Copy, ForkCopy
from tapeline.base.errors import MalformedInput, NotFound, StateError
from tapeline.base.hashing import HASH_BYTES
from tapeline.crypto.limits import MESSAGE_BYTES
from tapeline.transparency.checkpoint import parse_checkpoint
from tapeline.transparency.note import split_note
from tapeline.transparency.tiles import TileId

FORMAT = "tapeline-copy/1"
MAX_FILE_BYTES = 64 * 1024 * 1024
LOGS = ("archive", "audit")
MAX_FORK_BYTES = HASH_BYTES + MESSAGE_BYTES


class FolderLog:
    """One log's part of a copy; reads, and writes so that a broken copy can be taken up again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def note(self) -> bytes:
        """Return the newest checkpoint note."""
        return self._read(self.folder / "checkpoint", "The copy has no checkpoint.")

    def earlier_notes(self) -> list[bytes]:
        """Return the notes of earlier copies, oldest first."""
        paths = sorted((self.folder / "checkpoints").glob("*"), key=lambda path: (len(path.name), path.name))
        return [self._read(path, "A kept checkpoint is gone.") for path in paths]

    def tile(self, tile: TileId) -> bytes:
        """Return a hash tile or entry bundle."""
        return self._read(self.folder / tile.path, "The copy lacks a tile.")

    def object(self, object_hash: bytes) -> bytes:
        """Return the object of that hash."""
        return self._read(self.object_path(object_hash), "The copy lacks an object.")

    def object_path(self, object_hash: bytes) -> Path:
        """Return where the object of that hash lies."""
        name = object_hash.hex()
        return self.folder / "objects" / name[:2] / name

    def has_tile(self, tile: TileId) -> bool:
        """Tell whether a tile was fetched before; tiles never change."""
        return (self.folder / tile.path).is_file()

    def write_tile(self, tile: TileId, data: bytes) -> None:
        """Keep a tile."""
        write_whole(self.folder / tile.path, data)

    def write_object(self, object_hash: bytes, data: bytes) -> None:
        """Keep an object."""
        write_whole(self.object_path(object_hash), data)

    def keep_tile(self, tile: TileId, data: bytes) -> None:
        """Keep a tile, unless another one is kept under its name."""
        keep_whole(self.folder / tile.path, data)

    def keep_object(self, object_hash: bytes, data: bytes) -> None:
        """Keep an object, unless another one is kept under its name."""
        keep_whole(self.object_path(object_hash), data)

    def size(self) -> int:
        """Return how many leaves the newest checkpoint counts; 0 where there is none yet."""
        current = self.folder / "checkpoint"
        return parse_checkpoint(split_note(self.note())[0]).size if current.is_file() else 0

    def write_note(self, note: bytes) -> None:
        """Make a note the newest one, and keep the one before: it convicts a log that forks later."""
        current = self.folder / "checkpoint"
        if current.is_file():
            before = current.read_bytes()
            if before != note:
                self._keep_note(before)
        write_whole(current, note)

    def _keep_note(self, note: bytes) -> None:
        text = split_note(note)[0]
        name = str(parse_checkpoint(text).size)
        kept = [*(self.folder / "checkpoints").glob(f"{name}-*"), self.folder / "checkpoints" / name]
        present = [path for path in kept if path.is_file()]
        if any(split_note(path.read_bytes())[0] == text for path in present):
            return  # the same statement, cosigned again
        # Two statements of one size convict the log: neither takes the other's place.
        write_whole(self.folder / "checkpoints" / (f"{name}-{len(present)}" if present else name), note)

    @staticmethod
    def _read(path: Path, cause: str) -> bytes:
        try:
            with path.open("rb") as handle:
                data = handle.read(MAX_FILE_BYTES + 1)
        except FileNotFoundError:
            raise NotFound(cause, "Copy again: what is there is kept.") from None
        if len(data) > MAX_FILE_BYTES:
            raise MalformedInput("A file of the copy is too large.", "Copy again into an empty folder.")
        return data


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all; for its owner only: a copy says who asked about whom."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name[:200]}.partial")
    partial.unlink(missing_ok=True)  # of a run that was cut off, with whatever mode
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
    os.replace(partial, path)


def keep_whole(path: Path, data: bytes) -> None:
    """Write a file that is not there yet; one that is there stays as it is, for it is evidence.

    Raises:
        StateError: the file is there and holds something else.
    """
    if not path.is_file():
        write_whole(path, data)
    elif path.read_bytes() != data:
        raise StateError(
            f"What was fetched differs from what the copy holds in {path}; the file stays as it is.",
            "Copy into another folder and compare both: one of them was changed.",
        )


def write_pins(folder: Path, pins: dict[str, bytes]) -> None:
    """Write copy.json."""
    content = {"format": FORMAT, "firms": {firm: pin.hex() for firm, pin in pins.items()}}
    write_whole(folder / "copy.json", json.dumps(content, indent=1).encode() + b"\n")


def open_copy(folder: Path) -> Copy:
    """Return the copy in a folder.

    Raises:
        NotFound: it is none.
        MalformedInput: its copy.json is damaged.
    """
    try:
        content = json.loads((folder / "copy.json").read_bytes())
        pins = {str(firm): bytes.fromhex(pin) for firm, pin in content["firms"].items()}
    except FileNotFoundError:
        raise NotFound(
            "The folder holds no copy (copy.json is missing).", "Make one with `tapeline audit copy`."
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise MalformedInput("The copy's copy.json is damaged.", "Copy again.") from None
    if content.get("format") != FORMAT or not pins or any(len(pin) != 64 for pin in pins.values()):
        raise MalformedInput("The copy is of another format.", "Use the version of Tapeline that made it.")
    return Copy(FolderLog(folder / "archive"), FolderLog(folder / "audit"), pins, lambda: read_forks(folder))


def write_fork(folder: Path, number: int, fork: ForkCopy) -> None:
    """Keep a fork under its number."""
    keep_whole(folder / "forks" / f"{number:08d}", fork.record_hash + fork.message)


def read_forks(folder: Path) -> Iterator[ForkCopy]:
    """Yield the kept forks, in the order of their numbers."""
    for path in sorted((folder / "forks").glob("[0-9]*")):
        with path.open("rb") as file:
            data = file.read(MAX_FORK_BYTES + 1)
        if len(data) <= MAX_FORK_BYTES:
            yield ForkCopy(data[:HASH_BYTES], data[HASH_BYTES:])


def count_forks(folder: Path) -> int:
    """Return how many forks are kept."""
    return sum(1 for _ in (folder / "forks").glob("[0-9]*"))
