"""The opening: a reviewer's own report of what was opened, when and with which build; labelled a self-report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from tapeline.base.hashing import HASH_BYTES
from tapeline.base.rules import Rule, require
from tapeline.governance.dsse import Envelope
from tapeline.governance.jsonform import Fields, Json
from tapeline.governance.manifest import MAX_SESSIONS
from tapeline.governance.roster import Roster
from tapeline.governance.statement import STATEMENT_HASH_BYTES, Statement, hex_list
from tapeline.transparency import merkle


@dataclass(frozen=True)
class Opening(Statement):
    """What the reviewer says to have opened; `build` names the software and its version."""

    kind: ClassVar[str] = "opening"

    case: bytes
    warrant_leaf: bytes
    reviewer: str
    record_hashes: tuple[bytes, ...]
    messages: int
    opened_ms: int
    build: str

    def payload(self) -> dict[str, Json]:
        """Return the JSON object that the reviewer signs."""
        return {
            "case": self.case.hex(),
            "warrant_leaf": self.warrant_leaf.hex(),
            "reviewer": self.reviewer,
            "count": len(self.record_hashes),
            "record_hashes": hex_list(self.record_hashes),
            "messages": self.messages,
            "opened_ms": self.opened_ms,
            "build": self.build,
            "self_report": True,
        }

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Build the opening from its fields."""
        hashes = fields.hexes("record_hashes", HASH_BYTES, limit=MAX_SESSIONS)
        fields.integer("count", len(hashes), len(hashes))
        require(list(hashes) == sorted(set(hashes)), Rule.DSSE_SYNTAX, "An opening's records are doubled or unsorted.")
        fields.check("self_report", fields.flag("self_report"), bool)
        return cls(
            case=fields.hex("case", STATEMENT_HASH_BYTES),
            warrant_leaf=fields.hex("warrant_leaf", merkle.HASH_BYTES),
            reviewer=fields.name("reviewer"),
            record_hashes=hashes,
            messages=fields.integer("messages"),
            opened_ms=fields.integer("opened_ms"),
            build=fields.text("build", limit=256),
        )


def verify_opening(envelope: Envelope | bytes, roster: Roster) -> Opening:
    """Return the opening, signed by the reviewer of the roster whom it names.

    Raises:
        Refused: DSSE_SYNTAX or DSSE_SIGNATURE.
    """
    parsed = Opening.envelope(envelope)
    opening = Opening.parse(parsed)
    roster.require_signed_by(parsed, opening.reviewer, "reviewer")
    return opening
