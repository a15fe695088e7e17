"""The warrant: names case, approvals and manifest by hash, is public in the audit log, and carries no key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from tapeline.base.rules import Rule, require
from tapeline.governance.dsse import Envelope
from tapeline.governance.jsonform import Fields, Json
from tapeline.governance.roster import Roster
from tapeline.governance.statement import STATEMENT_HASH_BYTES, Statement, hex_list

MAX_APPROVALS = 256


@dataclass(frozen=True)
class Warrant(Statement):
    """Worthless without what it names; `approvals` are statement hashes in increasing order."""

    kind: ClassVar[str] = "warrant"

    case: bytes
    approvals: tuple[bytes, ...]
    manifest: bytes
    created_ms: int
    not_after_ms: int

    def payload(self) -> dict[str, Json]:
        """Return the JSON object that the escrow service signs."""
        return {
            "case": self.case.hex(),
            "approvals": hex_list(self.approvals),
            "manifest": self.manifest.hex(),
            "created_ms": self.created_ms,
            "not_after_ms": self.not_after_ms,
        }

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Build the warrant from its fields."""
        approvals = fields.hexes("approvals", STATEMENT_HASH_BYTES, limit=MAX_APPROVALS)
        require(
            list(approvals) == sorted(set(approvals)),
            Rule.DSSE_SYNTAX,
            "A warrant's approvals are doubled or unsorted.",
        )
        return cls(
            case=fields.hex("case", STATEMENT_HASH_BYTES),
            approvals=approvals,
            manifest=fields.hex("manifest", STATEMENT_HASH_BYTES),
            created_ms=fields.integer("created_ms"),
            not_after_ms=fields.integer("not_after_ms"),
        )


def verify_warrant(
    envelope: Envelope | bytes,
    roster: Roster,
    *,
    case: bytes,
    approvals: frozenset[bytes],
    manifest: bytes,
    at_ms: int,
) -> Warrant:
    """Return the warrant, signed by the escrow service, valid at `at_ms`, over exactly these statement hashes.

    Raises:
        Refused: DSSE_SYNTAX or GATE_WARRANT.
    """
    parsed = Warrant.envelope(envelope)
    warrant = Warrant.parse(parsed)
    require(parsed.signed_by(roster.escrow_key), Rule.GATE_WARRANT, "The escrow service did not sign the warrant.")
    require(
        (warrant.case, frozenset(warrant.approvals), warrant.manifest) == (case, approvals, manifest),
        Rule.GATE_WARRANT,
        "The warrant names another case, other approvals or another manifest.",
    )
    require(at_ms < warrant.not_after_ms, Rule.GATE_WARRANT, "The warrant is expired.")
    return warrant
