"""The manifest: the relay's frozen list of the sessions in a case's scope."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from tapeline.base.hashing import HASH_BYTES
from tapeline.base.rules import Rule, require
from tapeline.governance.dsse import Envelope
from tapeline.governance.jsonform import Fields, Json
from tapeline.governance.roster import Roster
from tapeline.governance.statement import STATEMENT_HASH_BYTES, Statement
from tapeline.transparency.encoding import decode_base64, encode_base64
from tapeline.transparency.note import MAX_NOTE_BYTES

MAX_SESSIONS = 16_384
NOTICE = "Edits and deletions sent after the window lie outside this list."
"""Governance, Scope: the manifest says that later edits may lie outside."""


@dataclass(frozen=True, slots=True)
class ManifestSession:
    """One session: record hash, place and relay time of its leaf, its end, and how many messages the window holds."""

    record_hash: bytes
    leaf_index: int
    session_leaf_time_ms: int
    not_after_ms: int
    messages: int

    def payload(self) -> dict[str, Json]:
        """Return the JSON row."""
        return {
            "record_hash": self.record_hash.hex(),
            "leaf_index": self.leaf_index,
            "session_leaf_time_ms": self.session_leaf_time_ms,
            "not_after_ms": self.not_after_ms,
            "messages": self.messages,
        }

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Build the session from its JSON row."""
        return cls(
            record_hash=fields.hex("record_hash", HASH_BYTES),
            leaf_index=fields.integer("leaf_index"),
            session_leaf_time_ms=fields.integer("session_leaf_time_ms"),
            not_after_ms=fields.integer("not_after_ms"),
            messages=fields.integer("messages"),
        )


@dataclass(frozen=True)
class Manifest(Statement):
    """The list for one case, in the order of the log; unverified until `verify_manifest`.

    Attributes:
        case: statement hash of the case.
        sessions: in increasing order of leaf index.
        archive_note: the cosigned archive checkpoint that the list was made at.
    """

    kind: ClassVar[str] = "manifest"

    case: bytes
    sessions: tuple[ManifestSession, ...]
    archive_note: bytes
    created_ms: int

    @property
    def messages(self) -> int:
        """The number of messages of all sessions within the window."""
        return sum(session.messages for session in self.sessions)

    def payload(self) -> dict[str, Json]:
        """Return the JSON object that the relay signs."""
        return {
            "case": self.case.hex(),
            "sessions": [session.payload() for session in self.sessions],
            "count": len(self.sessions),
            "messages": self.messages,
            "archive_note": encode_base64(self.archive_note),
            "created_ms": self.created_ms,
            "notice": NOTICE,
        }

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Build the manifest and check its counts and order."""
        note = fields.text("archive_note", limit=2 * MAX_NOTE_BYTES)
        manifest = cls(
            case=fields.hex("case", STATEMENT_HASH_BYTES),
            sessions=fields.objects("sessions", ManifestSession.read, limit=MAX_SESSIONS),
            archive_note=decode_base64(note, Rule.DSSE_SYNTAX, "A manifest's archive note is not base64."),
            created_ms=fields.integer("created_ms"),
        )
        fields.integer("count", len(manifest.sessions), len(manifest.sessions))
        fields.integer("messages", manifest.messages, manifest.messages)
        fields.choice("notice", (NOTICE,))
        indices = [session.leaf_index for session in manifest.sessions]
        hashes = {session.record_hash for session in manifest.sessions}
        require(
            indices == sorted(set(indices)) and len(hashes) == len(indices),
            Rule.DSSE_SYNTAX,
            "A manifest's sessions are doubled or out of order.",
        )
        return manifest

    def session(self, record_hash: bytes) -> ManifestSession | None:
        """Return the row of a record."""
        return next((row for row in self.sessions if row.record_hash == record_hash), None)


def verify_manifest(envelope: Envelope | bytes, roster: Roster, *, case: bytes) -> Manifest:
    """Return the manifest of the case with that statement hash, signed by the relay of the roster.

    Raises:
        Refused: DSSE_SYNTAX or GATE_MANIFEST.
    """
    parsed = Manifest.envelope(envelope)
    manifest = Manifest.parse(parsed)
    require(parsed.signed_by(roster.relay_key), Rule.GATE_MANIFEST, "The relay did not sign the manifest.")
    require(manifest.case == case, Rule.GATE_MANIFEST, "The manifest is another case's.")
    return manifest
