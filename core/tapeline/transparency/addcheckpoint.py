"""The body of an add-checkpoint request (C2SP tlog-witness).

old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=

example.com/behind-the-sofa
…
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tapeline.base.rules import Rule, require
from tapeline.transparency.checkpoint import Checkpoint, parse_checkpoint
from tapeline.transparency.encoding import decode_base64, decode_decimal, encode_base64
from tapeline.transparency.merkle import HASH_BYTES
from tapeline.transparency.note import MAX_NOTE_BYTES, split_note

MAX_PROOF_LINES = 63
MAX_BODY_BYTES = MAX_NOTE_BYTES + 4096


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A parsed request; the signature lines are not parsed yet, because their faults get another status."""

    old_size: int
    proof: tuple[bytes, ...]
    text: bytes
    signature_lines: bytes
    checkpoint: Checkpoint


def encode_add_checkpoint(old_size: int, proof: Sequence[bytes], note: bytes) -> bytes:
    """Return the request body for a signed checkpoint."""
    lines = [f"old {old_size}", *map(encode_base64, proof), ""]
    return "".join(line + "\n" for line in lines).encode("ascii") + note


def parse_add_checkpoint(body: bytes) -> AddCheckpoint:
    """Parse a request body strictly, up to its signature lines.

    Raises:
        Refused: NOTE_SYNTAX.
    """
    require(len(body) <= MAX_BODY_BYTES, Rule.NOTE_SYNTAX, "The request is too large.")
    head, _, note = body.partition(b"\n\n")
    old, *proof = head.decode("ascii", "replace").split("\n")  # what is not ASCII fits neither line
    require(old.startswith("old "), Rule.NOTE_SYNTAX, "The request does not start with the old size.")
    old_size = decode_decimal(old[4:], Rule.NOTE_SYNTAX, "The old size is not a canonical decimal.")
    # tlog-witness, add-checkpoint: not more than 63 consistency proof lines.
    require(len(proof) <= MAX_PROOF_LINES, Rule.NOTE_SYNTAX, "The request has too many proof lines.")
    hashes = tuple(_hash(line) for line in proof)
    text, lines = split_note(note)
    return AddCheckpoint(old_size, hashes, text, lines, parse_checkpoint(text))


def _hash(line: str) -> bytes:
    value = decode_base64(line, Rule.NOTE_SYNTAX, "A proof line is not canonical base64.")
    require(len(value) == HASH_BYTES, Rule.NOTE_SYNTAX, "A proof line is not 32 bytes long.")
    return value
