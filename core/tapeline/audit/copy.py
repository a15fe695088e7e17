"""What the auditor reads: two logs as tiles with their objects, wherever they are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from tapeline.transparency.tiles import TileId


class LogCopy(Protocol):
    """One log's copy; every method raises NotFound for what the copy does not hold."""

    def note(self) -> bytes:
        """Return the newest checkpoint note."""

    def earlier_notes(self) -> list[bytes]:
        """Return the checkpoint notes of earlier copies, oldest first."""

    def tile(self, tile: TileId) -> bytes:
        """Return a hash tile, or an entry bundle where the tile's level is `tiles.ENTRIES`."""

    def object(self, object_hash: bytes) -> bytes:
        """Return the object or statement of that hash (64 bytes)."""


@dataclass(frozen=True, slots=True)
class ForkCopy:
    """A second message for a place of a session (record hash, 64 bytes), as the relay kept it."""

    record_hash: bytes
    message: bytes


@dataclass(frozen=True, slots=True)
class Copy:
    """A whole copy.

    `pins` gives for each firm the statement hash of its first roster, which the auditor trusts; `forks` the relay's
    evidence of devices that signed two messages for one place.
    """

    archive: LogCopy
    audit: LogCopy
    pins: dict[str, bytes]
    forks: Callable[[], Iterable[ForkCopy]] = tuple
