"""The check before a log starts: what is stored must be what was signed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from tapeline.base.errors import StateError, TapelineError
from tapeline.tlog.notes import last_cosigned, last_signed
from tapeline.tlog.storage import LogTables, SqlTiles, integrated_size, log_size, read_leaves
from tapeline.transparency.checkpoint import Checkpoint, parse_checkpoint
from tapeline.transparency.keys import VerifierKey
from tapeline.transparency.merkle import HASH_BYTES, leaf_hash
from tapeline.transparency.note import parse_note, verify_note_signature
from tapeline.transparency.proofs import root
from tapeline.transparency.tiles import TILE_WIDTH, tile_width

_REMEDY = "Restore a backup that holds every leaf of the last cosigned checkpoint; never start from an older one."


def check_log(conn: Connection, tables: LogTables, origin: str, keys: Sequence[VerifierKey]) -> None:
    """Refuse a log that lost or changed leaves under its last signed or cosigned checkpoint.

    1. Every leaf's data hashes to its place in the tiles, without gaps. Reads the whole log, some microseconds a leaf.
    2. The tiles lead to the root of the last cosigned checkpoint, and of the last that was signed for witnesses.

    Raises:
        StateError: what is stored is not what was signed.
    """
    _check_leaves(conn, tables)  # 1
    for raw in (last_cosigned(conn, tables), last_signed(conn, tables)):  # 2
        if raw is not None:
            _check_note(conn, tables, raw, origin, keys)


def check_against_witnesses(conn: Connection, tables: LogTables, memories: Sequence[Checkpoint]) -> None:
    """Refuse a log that a witness remembers larger or otherwise: a backup that is whole in itself but too old.

    Raises:
        StateError: a verified checkpoint of a witness is not of this log.
    """
    for checkpoint in memories:
        _check_checkpoint(conn, tables, checkpoint)


def _check_leaves(conn: Connection, tables: LogTables) -> None:
    reader, size = SqlTiles(conn, tables), integrated_size(conn, tables)
    if size > log_size(conn, tables):
        raise StateError("The log has lost leaves that were in its tiles.", _REMEDY)
    for index in range((size + TILE_WIDTH - 1) // TILE_WIDTH):
        width = tile_width(0, index, size)
        entries = read_leaves(conn, tables, index * TILE_WIDTH, width)
        hashes = b"".join(map(leaf_hash, entries))
        if len(hashes) != width * HASH_BYTES or hashes != reader.read_tile(0, index, width):
            raise StateError("A leaf of the log was changed or lost.", _REMEDY)


def _check_note(conn: Connection, tables: LogTables, raw: bytes, origin: str, keys: Sequence[VerifierKey]) -> None:
    try:
        note = parse_note(raw)
        checkpoint = parse_checkpoint(note.text)
        verify_note_signature(note, keys)
    except TapelineError as error:
        raise StateError(
            "The last checkpoint was not signed by this log's key.", "Start with the log's own key."
        ) from error
    if checkpoint.origin != origin:
        raise StateError("The last checkpoint is of another origin.", "Start with the log's own origin.")
    _check_checkpoint(conn, tables, checkpoint)


def _check_checkpoint(conn: Connection, tables: LogTables, checkpoint: Checkpoint) -> None:
    if checkpoint.size > integrated_size(conn, tables):
        raise StateError("The log is shorter than its last checkpoint.", _REMEDY)
    if root(SqlTiles(conn, tables), checkpoint.size) != checkpoint.root:
        raise StateError("The log is inconsistent with its last checkpoint.", _REMEDY)
