"""Spoilt copies: what a dishonest operator might hand to an auditor, each with what the auditor must then name.

Every function changes a copy's folder in place and returns what to expect. `sign` turns a checkpoint's text into a
cosigned note: with the log's and the witnesses' keys in hand, the spoiler of a fork is as strong as one can be.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from tapeline.audit.finding import Check, Finding
from tapeline.base.errors import NotFound
from tapeline.base.rules import Rule
from tapeline.cli.copyfolder import FolderLog
from tapeline.crypto.record.parse import parse_record
from tapeline.transparency.checkpoint import Checkpoint, parse_checkpoint
from tapeline.transparency.merkle import leaf_hash, root_of
from tapeline.transparency.note import split_note
from tapeline.transparency.tiles import ENTRIES, TILE_WIDTH, TileId, decode_bundle, encode_bundle, grow, tile_width
from tapeline.wire.v1.objects_pb2 import (
    LEAF_TYPE_MESSAGE,
    LEAF_TYPE_SESSION,
    AuditLeaf,
    Leaf,
    SessionHeader,
    SessionRecord,
)

Sign = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Expected:
    """What the auditor must report: one of these rules, about this place."""

    rules: tuple[str, ...]
    where: str

    def is_named(self, findings: Collection[Finding]) -> bool:
        """Tell whether some finding is by one of the rules and names the place."""
        return any(one.rule in self.rules and f"{self.where}," in f"{one.where}," for one in findings)


def drop_message(copy: Path, _sign: Sign | None = None) -> Expected:
    """Take one message's ciphertext out of the archive."""
    log = FolderLog(copy / "archive")
    index, leaf = _middle(_leaves(log, LEAF_TYPE_MESSAGE))
    log.object_path(leaf.object_hash).unlink()
    return Expected((Check.MISSING.value,), f"archive leaf {index}")


def drop_record(copy: Path, _sign: Sign | None = None) -> Expected:
    """Take one session's record out of the archive."""
    log = FolderLog(copy / "archive")
    index, leaf = _middle(_leaves(log, LEAF_TYPE_SESSION))
    log.object_path(leaf.object_hash).unlink()
    return Expected((Check.MISSING.value,), f"archive leaf {index}")


def change_proof(copy: Path, _sign: Sign | None = None) -> Expected:
    """Change one byte of a session record's proof."""
    log = FolderLog(copy / "archive")
    index, leaf = _middle(_leaves(log, LEAF_TYPE_SESSION))
    record = SessionRecord.FromString(log.object(leaf.object_hash))
    header = SessionHeader.FromString(record.header)
    proof = bytearray(header.proofs[0])
    proof[40] ^= 1  # in the response z, whose low bytes keep it a canonical scalar
    header.proofs[0] = bytes(proof)
    record.header = header.SerializeToString(deterministic=True)
    log.write_object(leaf.object_hash, record.SerializeToString(deterministic=True))
    return Expected((Rule.REC_PROOF.id,), f"archive leaf {index}")


def swap_leaves(copy: Path, sign: Sign | None = None) -> Expected:
    """Swap two messages' leaves of one conversation and make all tiles anew, so that they agree with the swap."""
    log = FolderLog(copy / "archive")
    leaves = list(_leaves(log, LEAF_TYPE_MESSAGE))
    first, second = next(
        (one, other) for one, other in pairwise(leaves) if one[1].conversation_tag == other[1].conversation_tag
    )
    entries = read_entries(log)
    entries[first[0]], entries[second[0]] = entries[second[0]], entries[first[0]]
    _rebuild(log, entries, sign)
    return Expected((Rule.LEAF_SEQUENCE.id,), f"archive leaf {first[0]}")


def remove_warrant(copy: Path, _sign: Sign | None = None) -> Expected:
    """Take a warrant, under which custodians released, out of the audit log's statements."""
    log = FolderLog(copy / "audit")
    for index, entry in enumerate(read_entries(log)):
        leaf = AuditLeaf.FromString(entry)
        if leaf.kind == "warrant":
            log.object_path(leaf.statement_hash).unlink()
            return Expected((Check.MISSING.value,), f"audit leaf {index}")
    raise NotFound("The copy holds no warrant.", "Run step 5 before.")


def fork_log(copy: Path, sign: Sign | None = None) -> Expected:
    """Rewrite a leaf that a later session's checkpoint covers, and make and sign all above it anew."""
    log = FolderLog(copy / "archive")
    sessions = list(_leaves(log, LEAF_TYPE_SESSION))
    notes = [parse_record(log.object(leaf.object_hash)).archive_note for _, leaf in sessions]
    size = parse_checkpoint(split_note(notes[-1])[0]).size
    index = sessions[notes.index(notes[-1])][0]  # the auditor names the first session that bears the note
    entries = read_entries(log)
    rewritten = Leaf.FromString(entries[size - 1])
    rewritten.relay_time_ms -= 1
    entries[size - 1] = rewritten.SerializeToString(deterministic=True)
    _rebuild(log, entries, sign)
    # Without keys it is no other history of the log, only entries that its checkpoint does not state.
    return Expected((Check.FORK.value if sign else Check.ROOT.value,), f"archive leaf {index}")


SPOILS: dict[str, Callable[[Path, Sign | None], Expected]] = {
    "message_dropped": drop_message,
    "leaves_swapped": swap_leaves,
    "proof_byte_changed": change_proof,
    "warrant_removed": remove_warrant,
    "log_forked": fork_log,
    "record_missing": drop_record,
}


def read_entries(log: FolderLog) -> list[bytes]:
    """Return every entry of a log's copy."""
    size = parse_checkpoint(split_note(log.note())[0]).size
    entries: list[bytes] = []
    for index in range(-(-size // TILE_WIDTH)):
        width = tile_width(ENTRIES, index, size)
        entries += decode_bundle(log.tile(TileId(ENTRIES, index, width)), width)
    return entries


def _leaves(log: FolderLog, wanted: int) -> Iterator[tuple[int, Leaf]]:
    for index, entry in enumerate(read_entries(log)):
        leaf = Leaf.FromString(entry)
        if leaf.type == wanted:
            yield index, leaf


def _middle(leaves: Iterator[tuple[int, Leaf]]) -> tuple[int, Leaf]:
    everything = list(leaves)
    return everything[len(everything) // 2]


class _Tiles:
    """The tiles of a log in the making."""

    def __init__(self) -> None:
        self.made: dict[tuple[int, int], bytes] = {}

    def read_tile(self, level: int, index: int, width: int) -> bytes:
        return self.made[level, index][: 32 * width]


def _rebuild(log: FolderLog, entries: Sequence[bytes], sign: Sign | None) -> None:
    """Write entry bundles and hash tiles for other entries; with keys in hand, the checkpoint too."""
    hashes = [leaf_hash(entry) for entry in entries]
    for tile, data in grow(_Tiles(), 0, hashes):
        log.write_tile(tile, data)
    for start in range(0, len(entries), TILE_WIDTH):
        chunk = entries[start : start + TILE_WIDTH]
        log.write_tile(TileId(ENTRIES, start // TILE_WIDTH, len(chunk)), encode_bundle(chunk))
    if sign is not None:
        origin = parse_checkpoint(split_note(log.note())[0]).origin
        text = Checkpoint(origin, len(entries), root_of(hashes)).encode()
        (log.folder / "checkpoint").write_bytes(sign(text))
