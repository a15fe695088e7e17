"""Revocations: of a statement by its maker, of anything by the officers' quorum; never undone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from tapeline.base.hashing import HASH_BYTES
from tapeline.base.rules import Rule, require
from tapeline.crypto.signing import PUBLIC_BYTES
from tapeline.governance.dsse import Envelope
from tapeline.governance.jsonform import Fields, Json, is_name
from tapeline.governance.roster import Roster
from tapeline.governance.statement import Statement

BY_STATEMENT_HASH = ("case", "approval", "manifest", "warrant")
BY_OBJECT_HASH = ("device", "escrow-key", "vault-key")
TARGET_KINDS = (*BY_STATEMENT_HASH, *BY_OBJECT_HASH, "person", "key")

_MAKER_ROLES: Mapping[str, str] = {"case": "reviewer", "approval": "approver", "device": "enroller"}


@dataclass(frozen=True)
class Revocation(Statement):
    """From its leaf on, the gate, the directory and new certificates leave the target out; unverified until
    `verify_revocation`.

    Officers and witnesses are the exception: they end by roster only. A chain of rosters verifies from itself, so a
    revoked officer's signature counts under rosters and revocations until a roster leaves the officer out.

    Attributes:
        target_kind: of `TARGET_KINDS`.
        target: hex of a statement hash, device entry hash, escrow or vault key id (64 bytes) or Ed25519 key (32);
            of a person the roster id.
        by: roster id of the maker; empty for the officers' quorum, or for the service that made a warrant or manifest.
    """

    kind: ClassVar[str] = "revocation"

    target_kind: str
    target: str
    by: str
    reason: str
    created_ms: int

    def payload(self) -> dict[str, Json]:
        """Return the JSON object that is signed."""
        return {
            "target_kind": self.target_kind,
            "target": self.target,
            "by": self.by,
            "reason": self.reason,
            "created_ms": self.created_ms,
        }

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Build the revocation from its fields."""
        kind = fields.choice("target_kind", TARGET_KINDS)
        length = PUBLIC_BYTES if kind == "key" else HASH_BYTES
        target = fields.name("target") if kind == "person" else fields.hex("target", length).hex()
        by = fields.text("by", limit=64)
        return cls(
            target_kind=kind,
            target=target,
            by=fields.check("by", by, lambda text: text == "" or is_name(text)),
            reason=fields.text("reason"),
            created_ms=fields.integer("created_ms"),
        )


def verify_revocation(envelope: Envelope | bytes, roster: Roster) -> Revocation:
    """Return the revocation, signed by one who may make it.

    The officers' quorum may revoke anything; a reviewer a case; an approver an approval; an enroller a device; the
    relay a manifest; the escrow service a warrant. Whether case or approval was the maker's own is for
    `Revoked.covers` to judge, which knows the statement.

    Raises:
        Refused: DSSE_SYNTAX or DSSE_SIGNATURE.
    """
    parsed = Revocation.envelope(envelope)
    require(
        is_authorised(parsed, roster),
        Rule.DSSE_SIGNATURE,
        "Neither the maker nor the officers' quorum signed the revocation.",
    )
    return Revocation.parse(parsed)


def is_authorised(envelope: Envelope, roster: Roster) -> bool:
    """Tell whether one who may make the revocation, by this roster, signed it."""
    revocation = Revocation.parse(envelope)
    by_officers = revocation.by == "" and roster.has_officers_quorum(envelope)
    return (
        by_officers or _made_by_service(envelope, revocation, roster) or _made_by_person(envelope, revocation, roster)
    )


def _made_by_service(envelope: Envelope, revocation: Revocation, roster: Roster) -> bool:
    key = {"manifest": roster.relay_key, "warrant": roster.escrow_key}.get(revocation.target_kind)
    return revocation.by == "" and key is not None and envelope.signed_by(key)


def _made_by_person(envelope: Envelope, revocation: Revocation, roster: Roster) -> bool:
    person = roster.find(revocation.by)
    role = _MAKER_ROLES.get(revocation.target_kind)
    return person is not None and role in person.roles and envelope.signed_by(person.key)


class Revoked:
    """What a log's revocations say, with the index of the leaf that says it first."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, str, str], int] = {}

    def add(self, index: int, revocation: Revocation) -> None:
        """Take a verified revocation; the first leaf counts, in whatever order one who sees a part is shown them."""
        key = (revocation.target_kind, revocation.target, revocation.by)
        self._first[key] = min(index, self._first.get(key, index))

    def index_of(self, kind: str, target: bytes | str, *, maker: str | None = None) -> int | None:
        """Return the first leaf that revokes the target, None where none does.

        A revocation by a person counts for a case or an approval only where the person is its `maker`.
        """
        text = target.hex() if isinstance(target, bytes) else target
        found = [
            index
            for (of, what, by), index in self._first.items()
            if (of, what) == (kind, text) and (by in {"", maker} or kind not in {"case", "approval"})
        ]
        return min(found, default=None)

    def covers(self, kind: str, target: bytes | str, *, maker: str | None = None) -> bool:
        """Tell whether the target is revoked."""
        return self.index_of(kind, target, maker=maker) is not None
