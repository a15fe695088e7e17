"""Leaves of the audit log: which statement, when, and about which case (protocol, Logs).

A leaf names its case, so that whoever judges a case knows which leaves concern it and demands their texts: nobody who
puts a package together can leave a rejection out.
"""

from __future__ import annotations

from tapeline.base.hashing import HASH_BYTES, tagged_hash
from tapeline.base.rules import Rule, require
from tapeline.crypto.limits import AUDIT_LEAF_BYTES
from tapeline.crypto.wire import encode, parse
from tapeline.governance.dsse import Envelope
from tapeline.wire.v1.objects_pb2 import AuditLeaf

CASE = "case"
ABOUT_A_CASE = frozenset(
    {
        CASE,
        "approval",
        "rejection",
        "withdrawal",
        "manifest",
        "warrant",
        "release",
        "vault-release",
        "opening",
        "closing",
        "exception",
    }
)
"""Kinds whose leaves say which case they are about; a case's own leaf names itself."""


def parse_audit_leaf(data: bytes) -> AuditLeaf:
    """Return a leaf of the exact form, within the one size limit that every reader of the log keeps.

    Raises:
        Refused: WIRE_SIZE or LEAF_TAG, or of the wire format.
    """
    leaf = parse(AuditLeaf, data, limit=AUDIT_LEAF_BYTES, what="audit leaf")
    require(len(leaf.statement_hash) == HASH_BYTES, Rule.WIRE_SIZE, "An audit leaf's hash is not 64 bytes.")
    require(len(leaf.text_hash) == HASH_BYTES, Rule.WIRE_SIZE, "An audit leaf's text hash is not 64 bytes.")
    require(
        len(leaf.about) == (HASH_BYTES if leaf.kind in ABOUT_A_CASE else 0),
        Rule.LEAF_TAG,
        "An audit leaf does not say which case it is about, or names one where there is none.",
    )
    return leaf


def make_audit_leaf(envelope: Envelope, time_ms: int) -> bytes:
    """Return the leaf of a statement."""
    return encode(
        AuditLeaf(
            kind=envelope.kind,
            statement_hash=envelope.statement_hash,
            time_ms=time_ms,
            about=about_of(envelope),
            text_hash=text_hash(envelope.raw),
        )
    )


def text_hash(text: bytes) -> bytes:
    """Return H("text", the text as it was admitted), 64 bytes.

    The statement's hash covers what is said, and not who signed it: whoever shows a text could otherwise leave a
    signature out, and what nobody entitled signed counts for nothing.
    """
    return tagged_hash("text", text)


def require_text(leaf: AuditLeaf, text: bytes) -> None:
    """Refuse a text that is not, byte for byte, what became this leaf.

    Raises:
        Refused: GATE_CHECKPOINT.
    """
    require(
        text_hash(text) == leaf.text_hash,
        Rule.GATE_CHECKPOINT,
        f"The text of a {leaf.kind} is not the one that was logged: perhaps a signature is left out.",
    )


def about_of(envelope: Envelope) -> bytes:
    """Return the hash of the case that a statement says it is about, 64 bytes; empty for kinds that are about none."""
    if envelope.kind not in ABOUT_A_CASE:
        return b""
    if envelope.kind == CASE:
        return envelope.statement_hash
    named = envelope.payload.get("case")
    digits = named if isinstance(named, str) else ""
    require(
        len(digits) == 2 * HASH_BYTES and all(digit in "0123456789abcdef" for digit in digits),
        Rule.DSSE_SYNTAX,
        f"A {envelope.kind} names no case.",
    )
    return bytes.fromhex(digits)
