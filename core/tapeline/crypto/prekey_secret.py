"""The secret halves of a prekey, and how a device makes one; never importable by the relay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn, Self

from tapeline.base.errors import MalformedInput
from tapeline.base.secret import Secret
from tapeline.base.times import Rng
from tapeline.crypto.device import VerifiedDevice
from tapeline.crypto.group import SCALAR_BYTES, Scalar
from tapeline.crypto.hpke_open import HPKE_SEED_BYTES, HpkePrivate
from tapeline.crypto.objects import seal_object
from tapeline.crypto.prekey import KIND, possession_challenge, possession_statement
from tapeline.crypto.signing import SigningKey
from tapeline.crypto.wire import encode
from tapeline.wire.v1.objects_pb2 import Prekey

SECRET_BYTES = SCALAR_BYTES + HPKE_SEED_BYTES


@dataclass(frozen=True, repr=False)
class PrekeySecret:
    """The scalar p and the HPKE seed of one prekey; deleted when the device's cursor passes its window."""

    scalar: Scalar
    hpke_seed: Secret

    @property
    def hpke(self) -> HpkePrivate:
        """The HPKE key that the seed expands to."""
        return HpkePrivate.from_seed(self.hpke_seed)

    def to_bytes(self) -> bytes:
        """Return the 64 bytes p ‖ seed, for an encrypted store only."""
        return self.scalar.to_bytes() + self.hpke_seed.reveal()

    @classmethod
    def from_bytes(cls, encoded: bytes) -> Self:
        """Return the secret of 64 stored bytes."""
        if len(encoded) != SECRET_BYTES:
            raise MalformedInput("A stored prekey secret is not 64 bytes.", "Publish a fresh prekey.")
        return cls(Scalar.decode(encoded[:SCALAR_BYTES]), Secret(encoded[SCALAR_BYTES:]))

    def __repr__(self) -> str:
        return "<PrekeySecret, redacted>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a PrekeySecret is not pickled")


def make_prekey(
    signing_key: SigningKey, device: VerifiedDevice, prekey_id: int, not_after_ms: int, rng: Rng
) -> tuple[bytes, PrekeySecret]:
    """Return a fresh prekey of `device` as signed object, and its secret halves.

    Args:
        signing_key: the device's identity key.
        device: its verified entry.
        prekey_id: higher than that of every earlier prekey of the device.
        not_after_ms: at most 30 days after the leaf that will hold it.
        rng: source of randomness.
    """
    secret = PrekeySecret(Scalar.random(rng), Secret(rng(HPKE_SEED_BYTES)))
    prekey = Prekey(
        deployment=device.deployment,
        firm=device.firm,
        user=device.user,
        device_entry=device.entry_hash,
        device_key=device.device_key,
        prekey_id=prekey_id,
        point=secret.scalar.base_mul().encode(),
        hpke_public=secret.hpke.public().encode(),
        not_after_ms=not_after_ms,
    )
    prekey.possession = _prove_possession(prekey, secret.scalar, rng)
    return seal_object(signing_key, KIND, encode(prekey)), secret


def _prove_possession(prekey: Prekey, scalar: Scalar, rng: Rng) -> bytes:
    statement = possession_statement(prekey)
    # Hedged: neither a broken generator nor a repeated statement alone can repeat a nonce.
    nonce = Scalar.from_hash("nonce/possession", scalar.to_bytes(), statement, rng(32))
    challenge = possession_challenge(statement, nonce.base_mul())
    return challenge.to_bytes() + (nonce + challenge * scalar).to_bytes()
