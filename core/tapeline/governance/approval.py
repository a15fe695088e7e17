"""Approvals, rejections, withdrawals: an approver's word on one exact case, of which the last counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from tapeline.governance.jsonform import Fields, Json
from tapeline.governance.statement import STATEMENT_HASH_BYTES, Statement


@dataclass(frozen=True)
class Approval(Statement):
    """A yes to the case of that statement hash, until it expires; unverified (see approvals)."""

    kind: ClassVar[str] = "approval"

    case: bytes
    approver: str
    comment: str
    created_ms: int
    expires_ms: int

    def payload(self) -> dict[str, Json]:
        """Return the JSON object that the approver signs."""
        return {
            "case": self.case.hex(),
            "approver": self.approver,
            "comment": self.comment,
            "created_ms": self.created_ms,
            "expires_ms": self.expires_ms,
        }

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Build the approval from its fields."""
        return cls(
            case=fields.hex("case", STATEMENT_HASH_BYTES),
            approver=fields.name("approver"),
            comment=fields.text("comment"),
            created_ms=fields.integer("created_ms"),
            expires_ms=fields.integer("expires_ms"),
        )


@dataclass(frozen=True)
class _Word(Statement):
    """What rejections and withdrawals say alike."""

    case: bytes
    approver: str
    comment: str
    created_ms: int

    def payload(self) -> dict[str, Json]:
        """Return the JSON object that the approver signs."""
        return {
            "case": self.case.hex(),
            "approver": self.approver,
            "comment": self.comment,
            "created_ms": self.created_ms,
        }

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Build the statement from its fields."""
        return cls(
            case=fields.hex("case", STATEMENT_HASH_BYTES),
            approver=fields.name("approver"),
            comment=fields.text("comment"),
            created_ms=fields.integer("created_ms"),
        )


@dataclass(frozen=True)
class Rejection(_Word):
    """A no to the case of that statement hash: takes the approver's own approval away, and no other's."""

    kind: ClassVar[str] = "rejection"


@dataclass(frozen=True)
class Withdrawal(_Word):
    """Takes the approver's own approval or rejection back, as though there had been none."""

    kind: ClassVar[str] = "withdrawal"
