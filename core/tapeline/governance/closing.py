"""The closing of a case: its result, what became of what was opened, and that the case key is destroyed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from tapeline.base.hashing import HASH_BYTES
from tapeline.governance.dsse import Envelope
from tapeline.governance.jsonform import Fields, Json
from tapeline.governance.manifest import MAX_SESSIONS
from tapeline.governance.roster import Roster
from tapeline.governance.statement import STATEMENT_HASH_BYTES, Statement

MAX_EXPORTS = 1024


@dataclass(frozen=True, slots=True)
class Disposition:
    """What became of one session: free text such as "relevant" or "returned unread"."""

    record_hash: bytes
    disposition: str

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Build the disposition from its JSON row."""
        return cls(fields.hex("record_hash", HASH_BYTES), fields.text("disposition", limit=256))


@dataclass(frozen=True, slots=True)
class Export:
    """An exported file's name and the SHA-512 of its manifest."""

    name: str
    manifest_sha512: bytes

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Build the export from its JSON row."""
        return cls(fields.text("name", limit=256), fields.hex("manifest_sha512", 64))


@dataclass(frozen=True)
class Closing(Statement):
    """The reviewer closes the case; `key_destroyed` is testimony, like every claim to have forgotten."""

    kind: ClassVar[str] = "closing"

    case: bytes
    reviewer: str
    result: str
    dispositions: tuple[Disposition, ...]
    exports: tuple[Export, ...]
    key_destroyed: bool
    closed_ms: int

    def payload(self) -> dict[str, Json]:
        """Return the JSON object that the reviewer signs."""
        return {
            "case": self.case.hex(),
            "reviewer": self.reviewer,
            "result": self.result,
            "dispositions": [
                {"record_hash": one.record_hash.hex(), "disposition": one.disposition} for one in self.dispositions
            ],
            "exports": [{"name": one.name, "manifest_sha512": one.manifest_sha512.hex()} for one in self.exports],
            "key_destroyed": self.key_destroyed,
            "closed_ms": self.closed_ms,
        }

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Build the closing from its fields."""
        return cls(
            case=fields.hex("case", STATEMENT_HASH_BYTES),
            reviewer=fields.name("reviewer"),
            result=fields.text("result"),
            dispositions=fields.objects("dispositions", Disposition.read, limit=MAX_SESSIONS),
            exports=fields.objects("exports", Export.read, limit=MAX_EXPORTS),
            key_destroyed=fields.flag("key_destroyed"),
            closed_ms=fields.integer("closed_ms"),
        )


def verify_closing(envelope: Envelope | bytes, roster: Roster) -> Closing:
    """Return the closing, signed by the reviewer of the roster whom it names.

    Raises:
        Refused: DSSE_SYNTAX or DSSE_SIGNATURE.
    """
    parsed = Closing.envelope(envelope)
    closing = Closing.parse(parsed)
    roster.require_signed_by(parsed, closing.reviewer, "reviewer")
    return closing
