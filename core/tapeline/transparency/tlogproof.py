"""An offline proof that a leaf is logged and witnessed (C2SP tlog-proof).

c2sp.org/tlog-proof@v1
index 73894
gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=

example.com/fancylog
…
"""

from __future__ import annotations

from dataclasses import dataclass

from tapeline.base.rules import Rule, require
from tapeline.transparency.checkpoint import parse_checkpoint
from tapeline.transparency.cosigned import CosignedCheckpoint, verify_cosigned
from tapeline.transparency.encoding import decode_base64, decode_decimal, encode_base64
from tapeline.transparency.merkle import HASH_BYTES, leaf_hash, verify_inclusion
from tapeline.transparency.note import MAX_NOTE_BYTES, split_note
from tapeline.transparency.policy import Policy

HEADER = "c2sp.org/tlog-proof@v1"
MAX_EXTRA_TEXT = 64 * 1024
MAX_HASHES = 63
MAX_PROOF_BYTES = MAX_NOTE_BYTES + MAX_EXTRA_TEXT + 64 * 1024


@dataclass(frozen=True, slots=True)
class TlogProof:
    """Unverified: leaf index, inclusion path, the checkpoint's note as bytes, and unauthenticated extra data."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    def encode(self) -> bytes:
        """Return the proof as it is stored in a `.tlog-proof` file."""
        extra = [] if self.extra is None else [f"extra {encode_base64(self.extra)}"]
        lines = [HEADER, *extra, f"index {self.index}", *map(encode_base64, self.path), ""]
        return "".join(line + "\n" for line in lines).encode("ascii") + self.checkpoint


def parse_tlog_proof(raw: bytes) -> TlogProof:
    """Parse the proof's own lines strictly; the checkpoint is neither parsed nor verified.

    Raises:
        Refused: POLICY_SYNTAX.
    """
    require(len(raw) <= MAX_PROOF_BYTES, Rule.POLICY_SYNTAX, "The proof is too large.")
    # tlog-proof, Format: the first empty line ends the proof's lines; the checkpoint follows verbatim.
    head, _, checkpoint = raw.partition(b"\n\n")
    require(head.isascii() and checkpoint != b"", Rule.POLICY_SYNTAX, "The proof is not followed by a checkpoint.")
    header, *lines = head.decode("ascii", "replace").split("\n")
    require(header == HEADER, Rule.POLICY_SYNTAX, "The proof does not start with its header.")
    extra, lines = _extra(lines)
    index, *path = lines or [""]
    require(index.startswith("index "), Rule.POLICY_SYNTAX, "The proof has no index line.")
    number = decode_decimal(index[6:], Rule.POLICY_SYNTAX, "The proof's index is not a canonical decimal.")
    require(len(path) <= MAX_HASHES, Rule.POLICY_SYNTAX, "The proof has too many hashes.")
    return TlogProof(number, tuple(map(_hash, path)), checkpoint, extra)


def verify_tlog_proof(
    raw: bytes, leaf: bytes, policy: Policy, *, log_origin: str | None = None
) -> tuple[int, CosignedCheckpoint]:
    """Return the leaf's index and its cosigned checkpoint (tlog-proof, Verifying a tlog proof).

    Args:
        raw: the proof.
        leaf: the leaf's data, not its hash.
        policy: trusted logs and witnesses.
        log_origin: the one log to accept; None accepts each log of the policy.

    Raises:
        Refused: POLICY_SYNTAX, NOTE_SYNTAX, NOTE_SIGNATURE, NOTE_QUORUM or LOG_INCLUSION.
    """
    proof = parse_tlog_proof(raw)
    claimed = parse_checkpoint(split_note(proof.checkpoint)[0]).origin
    cosigned = verify_cosigned(proof.checkpoint, policy, log_origin=claimed if log_origin is None else log_origin)
    verify_inclusion(leaf_hash(leaf), proof.index, cosigned.size, proof.path, cosigned.root)
    return proof.index, cosigned


def _extra(lines: list[str]) -> tuple[bytes | None, list[str]]:
    if not lines or not lines[0].startswith("extra "):
        return None, lines
    encoded = lines[0][6:]
    require(len(encoded) <= MAX_EXTRA_TEXT, Rule.POLICY_SYNTAX, "The proof's extra data is too large.")
    return decode_base64(encoded, Rule.POLICY_SYNTAX, "The proof's extra data is not canonical base64."), lines[1:]


def _hash(line: str) -> bytes:
    value = decode_base64(line, Rule.POLICY_SYNTAX, "A hash of the proof is not canonical base64.")
    require(len(value) == HASH_BYTES, Rule.POLICY_SYNTAX, "A hash of the proof is not 32 bytes long.")
    return value
