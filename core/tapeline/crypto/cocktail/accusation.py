"""Proof of a false ciphertext: what no one but its recipient could see, shown to everybody after an abort.

A wrong share (DKG-4) is invisible to third parties, since its key comes from the recipient's host secret. The accuser
reveals the two Diffie-Hellman points of that one ciphertext, with proofs that they are right; anyone can then open it.
Together with the dealer's signature over the whole round-1 message this is evidence, options 2 and 3 of COCKTAIL-DKG,
"Ciphertexts Not Bound by the Transcript". It reveals nothing of use: an aborted ceremony's polynomials and host keys
never serve again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self, final

from tapeline.base.errors import MalformedInput
from tapeline.base.times import Rng
from tapeline.crypto.cocktail.round1 import Round1Message
from tapeline.crypto.cocktail.round2 import share_holds
from tapeline.crypto.cocktail.setup import Setup
from tapeline.crypto.cocktail.shares import Channel, ChannelSecrets, open_share
from tapeline.crypto.dleq import PROOF_BYTES, EqualityProof, EqualityStatement, equality_holds, prove_equality
from tapeline.crypto.group import POINT_BYTES, Point, Scalar

_INDEX_BYTES = 4
ACCUSATION_BYTES = 2 * (_INDEX_BYTES + POINT_BYTES + PROOF_BYTES)


@final
@dataclass(frozen=True, slots=True)
class Accusation:
    """`accuser` says that the share which `accused` sent it is false; 200 bytes."""

    accuser: int
    accused: int
    secrets: ChannelSecrets
    ephemeral_proof: EqualityProof
    static_proof: EqualityProof

    def encode(self) -> bytes:
        """Return accuser ‖ accused (u32 little-endian) ‖ both points ‖ both proofs."""
        indices = b"".join(index.to_bytes(_INDEX_BYTES, "little") for index in (self.accuser, self.accused))
        points = self.secrets.ephemeral_static.encode() + self.secrets.static_static.encode()
        return indices + points + self.ephemeral_proof.encode() + self.static_proof.encode()

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """Return the accusation of exactly these bytes."""
        if len(encoded) != ACCUSATION_BYTES:
            raise MalformedInput(f"An accusation is not {ACCUSATION_BYTES} bytes.")
        indices, points = encoded[: 2 * _INDEX_BYTES], encoded[2 * _INDEX_BYTES : -2 * PROOF_BYTES]
        return cls(
            int.from_bytes(indices[:_INDEX_BYTES], "little"),
            int.from_bytes(indices[_INDEX_BYTES:], "little"),
            ChannelSecrets(Point.decode(points[:POINT_BYTES]), Point.decode(points[POINT_BYTES:])),
            EqualityProof.decode(encoded[-2 * PROOF_BYTES : -PROOF_BYTES]),
            EqualityProof.decode(encoded[-PROOF_BYTES:]),
        )


def accuse(setup: Setup, host_secret: Scalar, accused: int, message: Round1Message, rng: Rng) -> Accusation:
    """Return the evidence against the dealer of `message`; publish it only once the ceremony is aborted."""
    accuser, dealer = setup.index_of(host_secret), setup.host_key(accused)
    secrets = ChannelSecrets(message.ephemeral.mul(host_secret), dealer.mul(host_secret))
    ephemeral, static = _statements(setup, accuser, accused, message, secrets)
    return Accusation(
        accuser,
        accused,
        secrets,
        prove_equality(ephemeral, host_secret, rng),
        prove_equality(static, host_secret, rng),
    )


def accusation_holds(setup: Setup, message: Round1Message, accusation: Accusation) -> bool:
    """Tell whether the accused is guilty: the points are right, and the ciphertext opens to no true share.

    `message` must be the accused's, with its signature checked; a false accusation is evidence against the accuser.
    """
    accuser, accused = accusation.accuser, accusation.accused
    if accuser not in setup.indices or accused not in setup.indices or len(message.ciphertexts) != setup.count:
        return False
    ephemeral, static = _statements(setup, accuser, accused, message, accusation.secrets)
    if not (equality_holds(ephemeral, accusation.ephemeral_proof) and equality_holds(static, accusation.static_proof)):
        return False
    channel = Channel(message.ephemeral, setup.host_key(accused), setup.host_key(accuser), setup.context)
    opened = open_share(accusation.secrets, channel, message.ciphertexts[accuser - 1])
    return opened is None or not share_holds(opened.share, accuser, message.commitments)


def _statements(
    setup: Setup, accuser: int, accused: int, message: Round1Message, secrets: ChannelSecrets
) -> tuple[EqualityStatement, EqualityStatement]:
    public, binding = setup.host_key(accuser), (setup.context, message.encode())
    return (
        EqualityStatement("accuse/ephemeral", public, message.ephemeral, secrets.ephemeral_static, binding),
        EqualityStatement("accuse/static", public, setup.host_key(accused), secrets.static_static, binding),
    )
