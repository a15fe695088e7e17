"""A session that a warrant's answer leaves out, since its record does not verify; the others are released."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from tapeline.base.errors import TapelineError
from tapeline.base.hashing import HASH_BYTES
from tapeline.base.rules import Refused, Rule
from tapeline.governance.jsonform import Fields, Json

MAX_RULE = 16


@dataclass(frozen=True, slots=True, order=True)
class LeftOut:
    """Record hash and the id of the rule that the record breaks."""

    record_hash: bytes
    rule: str

    @classmethod
    def because(cls, record_hash: bytes, error: TapelineError) -> Self:
        """Name the session under the rule that refused it; GAT-7 where an error names none."""
        return cls(record_hash, error.rule.id if isinstance(error, Refused) else Rule.GATE_RECORD.id)

    def payload(self) -> dict[str, Json]:
        """Return the JSON row."""
        return {"record_hash": self.record_hash.hex(), "rule": self.rule}

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Build it from its JSON row."""
        return cls(fields.hex("record_hash", HASH_BYTES), fields.text("rule", limit=MAX_RULE))

    @property
    def sentence(self) -> str:
        """The session by its short name, with its rule."""
        return f"session {self.record_hash.hex()[:16]}: {self.rule}"
