"""Holds: an officer with the legal role keeps sessions from disposal, and lets them go again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from tapeline.base.hashing import HASH_BYTES
from tapeline.governance.case import MAX_CONVERSATIONS, MAX_SUBJECTS, Subject, Window
from tapeline.governance.dsse import Envelope
from tapeline.governance.jsonform import Fields, Json
from tapeline.governance.roster import Roster
from tapeline.governance.statement import STATEMENT_HASH_BYTES, Statement, hex_list


@dataclass(frozen=True)
class Hold(Statement):
    """Keeps what the subjects or the conversations (ids of 64 bytes) exchanged in the window."""

    kind: ClassVar[str] = "hold"

    matter: str
    by: str
    subjects: tuple[Subject, ...]
    conversations: tuple[bytes, ...]
    window: Window
    reason: str
    created_ms: int

    def payload(self) -> dict[str, Json]:
        """Return the JSON object that the officer signs."""
        return {
            "matter": self.matter,
            "by": self.by,
            "subjects": [{"firm": subject.firm, "user": subject.user} for subject in self.subjects],
            "conversations": hex_list(self.conversations),
            "window": {"from_ms": self.window.from_ms, "to_ms": self.window.to_ms},
            "reason": self.reason,
            "created_ms": self.created_ms,
        }

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Build the hold from its fields."""
        return cls(
            matter=fields.text("matter", limit=256),
            by=fields.name("by"),
            subjects=fields.objects("subjects", Subject.read, limit=MAX_SUBJECTS),
            conversations=fields.hexes("conversations", HASH_BYTES, limit=MAX_CONVERSATIONS),
            window=fields.object("window", Window.read),
            reason=fields.text("reason"),
            created_ms=fields.integer("created_ms"),
        )


@dataclass(frozen=True)
class HoldRelease(Statement):
    """Ends the hold of that statement hash."""

    kind: ClassVar[str] = "hold-release"

    hold: bytes
    by: str
    reason: str
    created_ms: int

    def payload(self) -> dict[str, Json]:
        """Return the JSON object that the officer signs."""
        return {"hold": self.hold.hex(), "by": self.by, "reason": self.reason, "created_ms": self.created_ms}

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Build the release from its fields."""
        return cls(
            hold=fields.hex("hold", STATEMENT_HASH_BYTES),
            by=fields.name("by"),
            reason=fields.text("reason"),
            created_ms=fields.integer("created_ms"),
        )


def verify_hold(envelope: Envelope | bytes, roster: Roster) -> Hold:
    """Return the hold, signed by the officer with the legal role whom it names.

    Raises:
        Refused: DSSE_SYNTAX or DSSE_SIGNATURE.
    """
    parsed = Hold.envelope(envelope)
    hold = Hold.parse(parsed)
    roster.require_signed_by(parsed, hold.by, "officer", "legal")
    return hold


def verify_hold_release(envelope: Envelope | bytes, roster: Roster) -> HoldRelease:
    """Return the release of a hold, signed by the officer with the legal role whom it names.

    Raises:
        Refused: DSSE_SYNTAX or DSSE_SIGNATURE.
    """
    parsed = HoldRelease.envelope(envelope)
    release = HoldRelease.parse(parsed)
    roster.require_signed_by(parsed, release.by, "officer", "legal")
    return release
