"""The public transcript T that all participants sign, and what follows from it (Round 3: Certification)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self, final

from tapeline.base.errors import MalformedInput
from tapeline.crypto.cocktail.framing import Reader
from tapeline.crypto.cocktail.round1 import Round1Message
from tapeline.crypto.cocktail.setup import Setup, require_threshold
from tapeline.crypto.cocktail.suite import SIGNATURE_BYTES, SUITE_ID
from tapeline.crypto.group import Point, sum_points
from tapeline.crypto.shamir import evaluate_in_exponent

_MAX_FIELD_BYTES = 4096


@final
@dataclass(frozen=True, slots=True)
class Transcript:
    """Context, threshold, and for each participant host key, commitments, proof and ephemeral key; then `extension`."""

    context: bytes
    threshold: int
    host_keys: tuple[Point, ...]
    commitments: tuple[tuple[Point, ...], ...]
    possessions: tuple[bytes, ...]
    ephemerals: tuple[Point, ...]
    extension: bytes

    @classmethod
    def of(cls, setup: Setup, messages: Mapping[int, Round1Message], extension: bytes) -> Self:
        """Return the transcript of a ceremony whose messages passed round 2."""
        ordered = [messages[index] for index in setup.indices]
        return cls(
            setup.context,
            setup.threshold,
            setup.host_keys,
            tuple(message.commitments for message in ordered),
            tuple(message.possession for message in ordered),
            tuple(message.ephemeral for message in ordered),
            extension,
        )

    def encode(self) -> bytes:
        """Return T, in the exact order of Round 3, step 1."""
        return b"".join(
            (
                len(SUITE_ID).to_bytes(8, "little") + SUITE_ID,
                len(self.context).to_bytes(8, "little") + self.context,
                len(self.host_keys).to_bytes(4, "little") + self.threshold.to_bytes(4, "little"),
                *(key.encode() for key in self.host_keys),
                *(point.encode() for points in self.commitments for point in points),
                *self.possessions,
                *(point.encode() for point in self.ephemerals),
                len(self.extension).to_bytes(8, "little") + self.extension,
            )
        )

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """Return the transcript of exactly these bytes; another suite is refused first (Recovery, step 1)."""
        reader = Reader(encoded)
        if _field(reader) != SUITE_ID:
            raise MalformedInput("A ceremony's transcript is of another ciphersuite.", "Update this software.")
        context = _field(reader)
        count, threshold = reader.little(4), reader.little(4)
        require_threshold(threshold, count)
        transcript = cls(
            context,
            threshold,
            reader.points(count),
            tuple(reader.points(threshold) for _ in range(count)),
            tuple(reader.take(SIGNATURE_BYTES) for _ in range(count)),
            reader.points(count),
            _field(reader),
        )
        reader.end()
        return transcript

    def digest(self) -> bytes:
        """Return the 64-byte transcript hash, SHA-512(T)."""
        return hashlib.sha512(self.encode()).digest()

    @property
    def count(self) -> int:
        """n."""
        return len(self.host_keys)

    @property
    def group_key(self) -> Point:
        """E, the sum of all constant terms."""
        return sum_points(points[0] for points in self.commitments)

    def verification_shares(self) -> tuple[Point, ...]:
        """Return Y_1 … Y_n (Recovery, step 8)."""
        summed = [sum_points(points[k] for points in self.commitments) for k in range(self.threshold)]
        return tuple(evaluate_in_exponent(summed, index) for index in range(1, self.count + 1))


def _field(reader: Reader) -> bytes:
    length = reader.little(8)
    if length > _MAX_FIELD_BYTES:
        raise MalformedInput("A field of a ceremony's transcript is too long.")
    return reader.take(length)
