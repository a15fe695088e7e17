"""Fetching a copy: hash tiles over HTTP, entries and objects with an auditor's token; a broken copy goes on.

Entries and hash tiles come on different ways, and the auditor holds the ones against the others.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tapeline.base.errors import MalformedInput, StateError, Unavailable
from tapeline.cli.copyfolder import LOGS, FolderLog, open_copy, write_pins
from tapeline.transparency.checkpoint import parse_checkpoint
from tapeline.transparency.merkle import HASH_BYTES
from tapeline.transparency.note import MAX_NOTE_BYTES, split_note
from tapeline.transparency.tiles import (
    ENTRIES,
    TILE_WIDTH,
    TileId,
    changed_tiles,
    decode_bundle,
    encode_bundle,
)

HTTP_SECONDS = 30


@dataclass(frozen=True, slots=True)
class LoggedItem:
    """An entry of a log with its object; the object is empty where the service does not hand it out."""

    index: int
    leaf: bytes
    object_hash: bytes
    object: bytes


Items = Callable[[int], Iterator[LoggedItem]]
"""Returns the items of a log from an index on, in order; may end early, and may go beyond the checkpoint."""
Report = Callable[[str, int, int], None]


def begin_copy(folder: Path, pins: dict[str, bytes]) -> bool:
    """Pin a new copy's deployment before anything is fetched; tell whether there is a copy of it already.

    Raises:
        StateError: the folder holds a copy of another deployment, or files of an unknown one.
    """
    if (folder / "copy.json").exists():
        if open_copy(folder).pins != pins:
            raise StateError("The folder holds a copy of another deployment.", "Copy into another folder.")
        return any((folder / log).exists() for log in LOGS)
    if folder.exists() and any(folder.iterdir()):
        raise StateError(
            "The folder is not empty, and says of no deployment that it is its copy.", "Copy into another folder."
        )
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_pins(folder, pins)
    return False


def copy_log(name: str, url: str, items: Items, folder: FolderLog, report: Report) -> int:
    """Bring a log's copy up to its newest checkpoint; return the number of its leaves.

    Raises:
        Unavailable: the service does not answer.
        StateError: it does not hand out every entry that its checkpoint counts, or hands out another than is kept.
    """
    note = _get(f"{url}/checkpoint", MAX_NOTE_BYTES)
    size = parse_checkpoint(split_note(note)[0]).size
    for tile in changed_tiles(0, size):
        if not folder.has_tile(tile):
            folder.keep_tile(tile, _hash_tile(url, tile))
    _copy_entries(name, size, items, folder, report)
    folder.write_note(note)  # last: a checkpoint in the folder says that all below it is there
    return size


def _copy_entries(name: str, size: int, items: Items, folder: FolderLog, report: Report) -> None:
    start = _entries_there(folder, size)
    bundle: list[bytes] = []
    position = start
    while position < size:
        before = position
        for item in items(position):
            if position == size:
                break
            if item.index != position:
                raise MalformedInput(f"The {name} log's entries do not come in order.", "Report its operator.")
            if item.object:
                folder.keep_object(item.object_hash, item.object)
            bundle.append(item.leaf)
            position += 1
            if len(bundle) == TILE_WIDTH or position == size:
                folder.keep_tile(TileId(ENTRIES, (position - 1) // TILE_WIDTH, len(bundle)), encode_bundle(bundle))
                bundle = []
            report(f"{name} log", position, size)
        if position == before:
            raise StateError(f"The service hands out {position} of {size} entries of the {name} log.", "Report it.")


def _entries_there(folder: FolderLog, size: int) -> int:
    """Return how many entries are kept in whole bundles; their objects were written before them."""
    index = 0
    while index < size // TILE_WIDTH and folder.has_tile(TileId(ENTRIES, index)):
        decode_bundle(folder.tile(TileId(ENTRIES, index)), TILE_WIDTH)
        index += 1
    return index * TILE_WIDTH


def _hash_tile(url: str, tile: TileId) -> bytes:
    """Return a tile of hashes; one that was cut off on its way must not stay in the folder for ever."""
    size = tile.width * HASH_BYTES
    data = _get(f"{url}/{tile.path}", size)
    if len(data) != size:
        raise Unavailable("A tile came only in part.", "Copy again: what is there is kept.")
    return data


def _get(url: str, limit: int) -> bytes:
    if not url.startswith(("http://", "https://")):
        raise MalformedInput("The address of the tiles is not one of HTTP.", "Give it as http://host:port.")
    try:
        with urllib.request.urlopen(url, timeout=HTTP_SECONDS) as response:  # noqa: S310 - the scheme is checked
            data: bytes = response.read(limit + 1)
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError, ValueError):
        raise Unavailable("The log's tiles are not to be had.", "Check the address, and that it runs.") from None
    if len(data) > limit:
        raise MalformedInput("A tile or checkpoint is too large.", "Report the log's operator.")
    return data
