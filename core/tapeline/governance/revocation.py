"""Revocations: of a statement by its maker, of anything by the officers' quorum; never undone, but for readmissions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from tapeline.base.ed25519 import PUBLIC_BYTES
from tapeline.base.hashing import HASH_BYTES
from tapeline.base.rules import Rule, require
from tapeline.governance.dsse import Envelope
from tapeline.governance.jsonform import Fields, Json, is_name
from tapeline.governance.roster import Roster
from tapeline.governance.statement import Statement

BY_STATEMENT_HASH = ("case", "approval", "manifest", "warrant", "exception")
BY_OBJECT_HASH = ("device", "escrow-key", "vault-key")
USER, READMISSION = "user", "readmission"
"""A user leaves: all devices so far end, and none enters the directory, until a readmission of the same user."""
BY_NAME = ("person", USER, READMISSION)
TARGET_KINDS = (*BY_STATEMENT_HASH, *BY_OBJECT_HASH, *BY_NAME, "key")

MAKER_ROLES: Mapping[str, str] = {"case": "reviewer", "approval": "approver", "device": "enroller"}


@dataclass(frozen=True)
class Revocation(Statement):
    """From its leaf on, the gate, the directory and new certificates leave the target out; unverified until
    `verify_revocation`.

    Officers and witnesses are the exception: they end by roster only. A chain of rosters verifies from itself, so a
    revoked officer's signature counts under rosters and revocations until a roster leaves the officer out.

    Attributes:
        target_kind: of `TARGET_KINDS`.
        target: hex of a statement hash, device entry hash, escrow or vault key id (64 bytes) or Ed25519 key (32);
            of a person the roster id; of a user, and of a readmission, the user's name.
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
        target = fields.name("target") if kind in BY_NAME else fields.hex("target", length).hex()
        by = fields.text("by", limit=64)
        return cls(
            target_kind=kind,
            target=target,
            by=fields.check("by", by, lambda text: text == "" or is_name(text)),
            reason=fields.text("reason"),
            created_ms=fields.integer("created_ms"),
        )


@dataclass(frozen=True, slots=True)
class Maker:
    """Who made a revocation: a person by roster id and key, a service by its key, the officers by neither."""

    person: str = ""
    key: bytes = b""


def verify_revocation(envelope: Envelope | bytes, roster: Roster, revoked: Revoked) -> Revocation:
    """Return the revocation, signed by one who may make it now.

    The officers' quorum may revoke anything; a reviewer a case; an approver an approval; an enroller a device; the
    relay a manifest; the escrow service a warrant. Whether case or approval was the maker's own is for
    `Revoked.covers` to judge, which knows the statement.

    Args:
        envelope: DSSE.
        roster: the newest.
        revoked: what was revoked before.

    Raises:
        Refused: DSSE_SYNTAX, DSSE_SIGNATURE, or GATE_REVOKED where the maker is revoked.
    """
    parsed = Revocation.envelope(envelope)
    revocation = Revocation.parse(parsed)
    maker = maker_of(parsed, roster)
    require(maker is not None, Rule.DSSE_SIGNATURE, "Neither the maker nor the officers' quorum signed the revocation.")
    require(
        maker is None or not revoked.ended(maker), Rule.GATE_REVOKED, "One who is revoked revokes nothing any more."
    )
    return revocation


def maker_of(envelope: Envelope, roster: Roster) -> Maker | None:
    """Return who made the revocation and may make it by this roster; None where nobody such signed it.

    Whether the maker was revoked before is for `Revoked`, which knows the order.
    """
    revocation = Revocation.parse(envelope)
    if revocation.by == "" and roster.has_officers_quorum(envelope):
        return Maker()
    return _service(envelope, revocation, roster) or _person(envelope, revocation, roster)


def _service(envelope: Envelope, revocation: Revocation, roster: Roster) -> Maker | None:
    key = {"manifest": roster.relay_key, "warrant": roster.escrow_key}.get(revocation.target_kind)
    return Maker(key=key) if revocation.by == "" and key is not None and envelope.signed_by(key) else None


def _person(envelope: Envelope, revocation: Revocation, roster: Roster) -> Maker | None:
    person = roster.find(revocation.by)
    role = MAKER_ROLES.get(revocation.target_kind)
    if person is None or role not in person.roles or not envelope.signed_by(person.key):
        return None
    return Maker(person.id, person.key)


class Revoked:
    """What a log's revocations say, with the index of the leaf that says it first.

    A revocation counts unless its maker, or the maker's key, was revoked before it. People and keys are revoked by the
    officers alone, who end by roster only: so no revocation of theirs depends on another, and what counts is the same
    in whatever order one who sees a part of the log is shown it.
    """

    def __init__(self) -> None:
        self._said: dict[tuple[str, str], dict[tuple[str, Maker], int]] = {}

    def copy(self) -> Revoked:
        """Return one that grows apart from this one."""
        other = Revoked()
        other._said = {target: dict(said) for target, said in self._said.items()}
        return other

    def add(self, index: int, revocation: Revocation, maker: Maker) -> None:
        """Take a revocation that its maker signed; the first leaf of the same one counts."""
        said = self._said.setdefault((revocation.target_kind, revocation.target), {})
        name = (revocation.by, maker)
        said[name] = min(index, said.get(name, index))

    def index_of(self, kind: str, target: bytes | str, *, maker: str | None = None) -> int | None:
        """Return the first leaf that revokes the target, None where none does.

        A revocation by a person counts for a case or an approval only where the person is its `maker`.
        """
        text = target.hex() if isinstance(target, bytes) else target
        found = [
            index
            for (by, who), index in self._said.get((kind, text), {}).items()
            if (by in {"", maker} or kind not in {"case", "approval"}) and not self.ended(who, before=index)
        ]
        return min(found, default=None)

    def covers(self, kind: str, target: bytes | str, *, maker: str | None = None) -> bool:
        """Tell whether the target is revoked."""
        return self.index_of(kind, target, maker=maker) is not None

    def ended(self, maker: Maker, *, before: int | None = None) -> bool:
        """Tell whether a maker, or their key, was revoked below a leaf; ever, where none is given."""
        ends = (
            self.index_of("person", maker.person) if maker.person else None,
            self.index_of("key", maker.key) if maker.key else None,
        )
        return any(end is not None and (before is None or end < before) for end in ends)
