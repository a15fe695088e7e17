"""The case: whose conversations a reviewer asks to open, why, and the fresh key that everything is sealed to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from tapeline.base.hashing import HASH_BYTES
from tapeline.base.rules import Rule, require
from tapeline.governance.dsse import Envelope
from tapeline.governance.jsonform import Fields, Json
from tapeline.governance.person import HPKE_PUBLIC_BYTES, Person
from tapeline.governance.roster import Roster
from tapeline.governance.statement import Statement, hex_list

MAX_SUBJECTS = 1024
MAX_CONVERSATIONS = 1024


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """A user of a firm."""

    firm: str
    user: str

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Build the subject from its JSON row."""
        return cls(firm=fields.name("firm"), user=fields.name("user"))


@dataclass(frozen=True, slots=True)
class Window:
    """A span of relay time, both ends included, in unix milliseconds."""

    from_ms: int
    to_ms: int

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Build the window from its JSON object."""
        return cls(from_ms=fields.integer("from_ms"), to_ms=fields.integer("to_ms"))


@dataclass(frozen=True)
class Case(Statement):
    """A reviewer's request; `verify_case` says whether it is one.

    Attributes:
        matter: the file's name.
        purpose, legal_basis: for the approvers.
        firm: whose escrow keys it asks for; the organisation of the roster.
        requester: id of the person who wants to know.
        subjects: at least one.
        conversations: ids (64 bytes); empty for all of the subjects'.
        window: relay time.
        retention_class: empty for every class.
        created_ms, expires_ms: unix milliseconds.
        hpke_public: 1216 bytes, made for this case and destroyed at its closing.
    """

    kind: ClassVar[str] = "case"

    matter: str
    purpose: str
    legal_basis: str
    firm: str
    requester: str
    subjects: tuple[Subject, ...]
    conversations: tuple[bytes, ...]
    window: Window
    retention_class: str
    created_ms: int
    expires_ms: int
    hpke_public: bytes

    def payload(self) -> dict[str, Json]:
        """Return the JSON object that the reviewer signs."""
        return {
            "matter": self.matter,
            "purpose": self.purpose,
            "legal_basis": self.legal_basis,
            "firm": self.firm,
            "requester": self.requester,
            "subjects": [{"firm": subject.firm, "user": subject.user} for subject in self.subjects],
            "conversations": hex_list(self.conversations),
            "window": {"from_ms": self.window.from_ms, "to_ms": self.window.to_ms},
            "retention_class": self.retention_class,
            "created_ms": self.created_ms,
            "expires_ms": self.expires_ms,
            "hpke_public": self.hpke_public.hex(),
        }

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Build the case from its fields."""
        return cls(
            matter=fields.text("matter", limit=256),
            purpose=fields.text("purpose"),
            legal_basis=fields.text("legal_basis"),
            firm=fields.name("firm"),
            requester=fields.name("requester"),
            subjects=fields.objects("subjects", Subject.read, limit=MAX_SUBJECTS),
            conversations=fields.hexes("conversations", HASH_BYTES, limit=MAX_CONVERSATIONS),
            window=fields.object("window", Window.read),
            retention_class=fields.text("retention_class", limit=64),
            created_ms=fields.integer("created_ms"),
            expires_ms=fields.integer("expires_ms"),
            hpke_public=fields.hex("hpke_public", HPKE_PUBLIC_BYTES),
        )


def verify_case(envelope: Envelope | bytes, roster: Roster, at_ms: int) -> Case:
    """Return the case, signed by a reviewer of the roster, of its firm, well-formed, and open at `at_ms`.

    Raises:
        Refused: DSSE_SYNTAX or CASE_SIGNATURE.
    """
    parsed = Case.envelope(envelope)
    case = Case.parse(parsed)
    require(case_signers(parsed, roster) != (), Rule.CASE_SIGNATURE, "No reviewer of the roster signed the case.")
    require(case.firm == roster.organisation, Rule.CASE_SIGNATURE, "The case asks for another firm's keys.")
    fault = _fault(case)
    require(fault == "", Rule.CASE_SIGNATURE, f"The case {fault}.")
    # No lower bound on created_ms: the reviewer's clock proves nothing, and an early case opens no more.
    require(at_ms < case.expires_ms, Rule.CASE_SIGNATURE, "The case is expired.")
    return case


def case_signers(envelope: Envelope, roster: Roster) -> tuple[Person, ...]:
    """Return the reviewers of the roster who signed the case."""
    return tuple(person for person in roster.with_role("reviewer") if envelope.signed_by(person.key))


def _fault(case: Case) -> str:
    """Return what makes a case ill-formed, in words; empty where nothing does."""
    faults = (
        ("names no subject", not case.subjects),
        ("names a subject twice", len(set(case.subjects)) < len(case.subjects)),
        ("names a conversation twice", len(set(case.conversations)) < len(case.conversations)),
        ("has a window that ends before it begins", case.window.from_ms > case.window.to_ms),
        ("expires before it was made", case.created_ms >= case.expires_ms),
        ("has no matter", not case.matter.strip()),
        ("has no purpose", not case.purpose.strip()),
    )
    return next((fault for fault, holds in faults if holds), "")
