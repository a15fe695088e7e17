"""The round-1 message and its public checks: t commitments, proof of possession, a ciphertext for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self, final

from tapeline.base.errors import MalformedInput
from tapeline.base.rules import Rule, require
from tapeline.crypto.cocktail.framing import Reader, frame
from tapeline.crypto.cocktail.schnorr import signature_holds
from tapeline.crypto.cocktail.setup import Setup
from tapeline.crypto.cocktail.suite import SIGNATURE_BYTES
from tapeline.crypto.culprit import naming
from tapeline.crypto.group import POINT_BYTES, Point


@final
@dataclass(frozen=True, slots=True)
class Round1Message:
    """msg_1: commitments C_0 … C_{t−1}, proof of possession, ephemeral key E, one ciphertext for each participant.

    Public; it goes to everyone, inside an envelope signed by its custodian, since the proof of possession does not
    cover the ciphertexts.
    """

    commitments: tuple[Point, ...]
    possession: bytes
    ephemeral: Point
    ciphertexts: tuple[bytes, ...]

    def encode(self) -> bytes:
        """Return the bytes of Protocol Messages, 1."""
        commitments = b"".join(point.encode() for point in self.commitments)
        return commitments + self.possession + self.ephemeral.encode() + frame(self.ciphertexts)

    @classmethod
    def decode(cls, encoded: bytes, setup: Setup, sender: int) -> Self:
        """Return the message of participant `sender`; a refusal names it.

        The format has no count of commitments: other than t of them shift all that follows, and the frames of the
        ciphertexts no longer come out even (DKG-1).
        """
        with naming(sender):
            message = cls._parse(encoded, setup)
            require(message is not None, Rule.DKG_COMMITMENTS, _SHAPE)
        if message is None:
            raise MalformedInput(_SHAPE)
        return message

    @classmethod
    def _parse(cls, encoded: bytes, setup: Setup) -> Self | None:
        """Take the message apart by lengths alone, and only then decode its points."""
        reader = Reader(encoded)
        try:
            commitments = reader.take(setup.threshold * POINT_BYTES)
            possession = reader.take(SIGNATURE_BYTES)
            ephemeral = reader.take(POINT_BYTES)
            ciphertexts = reader.ciphertexts(setup.count)
            reader.end()
        except MalformedInput:
            return None
        points = Reader(commitments).points(setup.threshold)
        return cls(points, possession, Point.decode(ephemeral), ciphertexts)


_SHAPE = "A round-1 message does not hold exactly t commitments, a proof, a key and n encrypted shares."


def possession_message(context: bytes, commitments: tuple[Point, ...], ephemeral: Point) -> bytes:
    """Return context ‖ C ‖ E, which the proof of possession signs (Round 1, step 4)."""
    return context + b"".join(point.encode() for point in commitments) + ephemeral.encode()


def check_message(setup: Setup, sender: int, message: Round1Message) -> None:
    """Check what anyone can check in public: exactly t commitments (DKG-1), proof of possession (DKG-3)."""
    with naming(sender):
        require(
            len(message.commitments) == setup.threshold and len(message.ciphertexts) == setup.count,
            Rule.DKG_COMMITMENTS,
            _SHAPE,
        )
        signed = possession_message(setup.context, message.commitments, message.ephemeral)
        require(
            signature_holds(message.commitments[0], signed, message.possession),
            Rule.DKG_POSSESSION,
            "A round-1 message does not prove possession of its constant term.",
        )
