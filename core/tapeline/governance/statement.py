"""What all statements share: a frozen dataclass whose payload is its one JSON spelling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

from tapeline.base.rules import Rule, require
from tapeline.governance.dsse import Envelope, Signer, parse_envelope, sign_statement, statement_hash
from tapeline.governance.jsonform import Fields, Json, encode_json

STATEMENT_HASH_BYTES = 64


@dataclass(frozen=True)
class Statement:
    """Base of all kinds. Parsing says what a statement claims; each kind's `verify_…` says whether to believe it."""

    kind: ClassVar[str]

    def payload(self) -> dict[str, Json]:
        """Return the JSON object that is signed."""
        raise NotImplementedError

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Build the statement from its fields."""
        raise NotImplementedError

    @classmethod
    def envelope(cls, data: Envelope | bytes) -> Envelope:
        """Return the parsed envelope of this kind, unverified."""
        return parse_envelope(data, cls.kind) if isinstance(data, bytes) else data

    @classmethod
    def parse(cls, envelope: Envelope | bytes) -> Self:
        """Return what the envelope claims, unverified.

        Raises:
            Refused: DSSE_SYNTAX.
        """
        parsed = cls.envelope(envelope)
        require(parsed.kind == cls.kind, Rule.DSSE_SYNTAX, f"The statement is no {cls.kind}.")
        fields = Fields(parsed.payload, f"A {cls.kind}")
        statement = cls.read(fields)
        fields.finish()
        return statement

    @cached_property
    def statement_hash(self) -> bytes:
        """H("statement/" + kind, payload bytes): right for parsed ones too, since a payload has one spelling."""
        return statement_hash(self.kind, encode_json(self.payload()))

    def sign(self, signers: Sequence[Signer]) -> bytes:
        """Return the signed envelope (JSON bytes)."""
        return sign_statement(self.kind, self.payload(), signers)


def hex_list(items: Sequence[bytes]) -> list[Json]:
    """Return byte strings as a JSON list of lower-case hex."""
    return [item.hex() for item in items]
