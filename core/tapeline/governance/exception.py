"""Exceptions: the officers let one record be opened although it breaks a rule about the directory's view.

A record breaks such a rule where the relay withheld a directory leaf from an honest sender. Without an exception
custodians and vault leave it out; with one they release it beside the others, and every release says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from typing import ClassVar, Self

from tapeline.base.errors import TapelineError
from tapeline.base.hashing import HASH_BYTES
from tapeline.base.rules import Rule, require
from tapeline.crypto.record.verify import EXCEPTABLE
from tapeline.governance.dsse import Envelope
from tapeline.governance.jsonform import Fields, Json
from tapeline.governance.revocation import Revoked
from tapeline.governance.roster import Roster
from tapeline.governance.statement import STATEMENT_HASH_BYTES, Statement

RULES = {rule.id: rule for rule in sorted(EXCEPTABLE, key=lambda rule: rule.id)}
"""The rules that a record can be excepted from, by id: never the proof, an escrow key, a signature or a reused C0."""


@dataclass(frozen=True)
class RecordException(Statement):
    """One record may be opened in one case although it breaks one rule; unverified until `verify_exception`.

    Attributes:
        case: statement hash of the case.
        record_hash: of the record.
        rule: id, of `RULES`.
        reason: stands in the log, for custodians and auditors.
    """

    kind: ClassVar[str] = "exception"

    case: bytes
    record_hash: bytes
    rule: str
    reason: str
    created_ms: int

    def payload(self) -> dict[str, Json]:
        """Return the JSON object that the officers sign."""
        return {
            "case": self.case.hex(),
            "record_hash": self.record_hash.hex(),
            "rule": self.rule,
            "reason": self.reason,
            "created_ms": self.created_ms,
        }

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Build the exception from its fields."""
        return cls(
            case=fields.hex("case", STATEMENT_HASH_BYTES),
            record_hash=fields.hex("record_hash", HASH_BYTES),
            rule=fields.choice("rule", frozenset(RULES)),
            reason=fields.check("reason", fields.text("reason"), lambda text: text.strip() != ""),
            created_ms=fields.integer("created_ms"),
        )

    @property
    def sentence(self) -> str:
        """The session by its short name, with its rule and the officers' reason."""
        return f"session {self.record_hash.hex()[:16]}: {self.rule}, excepted by the officers: {self.reason}"


@dataclass(frozen=True, slots=True, order=True)
class Excepted:
    """A released record that breaks a rule: its hash, the rule's id, the statement hash of the exception."""

    record_hash: bytes
    rule: str
    exception: bytes

    @classmethod
    def of(cls, exception: RecordException) -> Self:
        """Return the row of a release that rests on this exception."""
        return cls(exception.record_hash, exception.rule, exception.statement_hash)

    def payload(self) -> dict[str, Json]:
        """Return the JSON row."""
        return {"record_hash": self.record_hash.hex(), "rule": self.rule, "exception": self.exception.hex()}

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Build it from its JSON row."""
        return cls(
            fields.hex("record_hash", HASH_BYTES),
            fields.choice("rule", frozenset(RULES)),
            fields.hex("exception", STATEMENT_HASH_BYTES),
        )

    @property
    def sentence(self) -> str:
        """The session by its short name, with its rule and the statement that it rests on."""
        return f"session {self.record_hash.hex()[:16]}: {self.rule}, by exception {self.exception.hex()[:16]}"


def verify_exception(envelope: Envelope | bytes, roster: Roster) -> RecordException:
    """Return the exception, signed by the officers' quorum.

    Raises:
        Refused: DSSE_SYNTAX, also for a rule that nobody can except from, or DSSE_SIGNATURE.
    """
    parsed = RecordException.envelope(envelope)
    exception = RecordException.parse(parsed)
    require(roster.has_officers_quorum(parsed), Rule.DSSE_SIGNATURE, "The officers' quorum did not sign the exception.")
    return exception


def standing_exceptions(
    logged: Iterable[Envelope], case: bytes, roster: Roster, revoked: Revoked, *, below: int | None = None
) -> tuple[RecordException, ...]:
    """Return the exceptions that stand for a case; whatever else is logged as one excepts nothing.

    The officers of the newest roster answer for them: where a roster replaces so many that no quorum of those who
    signed is left, their exception ends.

    Args:
        logged: envelopes of the audit log, in its order.
        case: statement hash.
        roster: the newest.
        revoked: what the log revokes.
        below: only revocations below this leaf count; all where it is None.
    """
    found: dict[tuple[bytes, str], RecordException] = {}
    for envelope in logged:
        try:
            exception = verify_exception(envelope, roster)
        except TapelineError:
            continue
        end = revoked.index_of(RecordException.kind, exception.statement_hash)
        stands = end is None or end >= (inf if below is None else below)
        if exception.case == case and stands:
            found.setdefault((exception.record_hash, exception.rule), exception)
    return tuple(found.values())


def exceptions_of(exceptions: Iterable[RecordException], record_hash: bytes) -> dict[Rule, RecordException]:
    """Return the rules that a record is excepted from, each with its exception."""
    return {RULES[one.rule]: one for one in exceptions if one.record_hash == record_hash}
