"""Entering statements of the audit log into the archive: rosters, escrow-key certificates, revocations."""

from __future__ import annotations

from tapeline.base.rules import Rule, require
from tapeline.directory.state import DirectoryState
from tapeline.governance.auditleaf import parse_audit_leaf, text_hash
from tapeline.governance.dsse import parse_envelope
from tapeline.transparency.merkle import leaf_hash, verify_inclusion
from tapeline.transparency.tlogproof import parse_tlog_proof
from tapeline.wire.v1.objects_pb2 import LeafType

MIRRORED = {
    LeafType.LEAF_TYPE_ROSTER: "roster",
    LeafType.LEAF_TYPE_CERTIFICATE: "escrow-key",
    LeafType.LEAF_TYPE_REVOCATION: "revocation",
}


def require_in_audit_log(
    directory: DirectoryState, firm: str, type_: LeafType, dsse: bytes, proof: bytes, now_ms: int
) -> None:
    """Refuse a statement that is not a leaf of the firm's audit log under a cosigned checkpoint.

    The archive learns a roster a little later than the audit log, or much later where the old witnesses are gone. So
    the witnesses in force here count, those of announced rosters, and those of the very roster that is mirrored.

    Args:
        directory: as of now.
        firm: whose audit log.
        type_: one of `MIRRORED`.
        dsse: the statement.
        proof: a tlog-proof, whose extra data is the AuditLeaf.
        now_ms: unix milliseconds.

    Raises:
        Refused: LOG-4 (another statement's leaf), or of the proof's form, signatures and path.
    """
    kind = MIRRORED[type_]
    parsed = parse_tlog_proof(proof)
    leaf_bytes = parsed.extra or b""
    leaf = parse_audit_leaf(leaf_bytes)
    statement = parse_envelope(dsse, kind)
    require(
        (leaf.kind, leaf.statement_hash, leaf.text_hash) == (kind, statement.statement_hash, text_hash(dsse)),
        Rule.LOG_INCLUSION,
        "The audit leaf is another statement's.",
    )
    chain = directory.rosters.chain(firm)
    if type_ == LeafType.LEAF_TYPE_ROSTER:
        chain = chain.copy()
        chain.add(dsse, None)
    cosigned = chain.verify_announced_audit_note(parsed.checkpoint, now_ms)
    verify_inclusion(leaf_hash(leaf_bytes), parsed.index, cosigned.size, parsed.path, cosigned.root)
