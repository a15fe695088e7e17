"""Prekeys: a group point and an HPKE key that a device publishes so that sessions can be sealed to it (protocol, Keys).

The proof of possession stops a rogue key: without it, P = aE + b·(other keys) would let its owner's row vary with
another's, and nobody could tell.
"""

from __future__ import annotations

from dataclasses import dataclass

from tapeline.base.hashing import tagged_hash, u64
from tapeline.base.rules import Rule, refusing, require
from tapeline.crypto.device import VerifiedDevice
from tapeline.crypto.group import B, Point, Scalar
from tapeline.crypto.hpke import HpkePublic
from tapeline.crypto.ids import object_hash
from tapeline.crypto.limits import PREKEY_MS, PROOF_BYTES
from tapeline.crypto.objects import open_object
from tapeline.crypto.signing import verify_signature
from tapeline.crypto.wire import fixed
from tapeline.wire.v1.objects_pb2 import Prekey

KIND = "prekey"


@dataclass(frozen=True)
class VerifiedPrekey:
    """A prekey whose owner, possession, signature and HPKE half were checked."""

    prekey_hash: bytes
    device_entry: bytes
    prekey_id: int
    point: Point
    hpke: HpkePublic
    not_after_ms: int


def verify_prekey(obj: bytes, device: VerifiedDevice) -> VerifiedPrekey:
    """Return the prekey of `device`; its lifetime is judged by `require_prekey_lifetime`, with the leaf's time.

    Args:
        obj: a SignedObject of kind "prekey".
        device: the device that it must belong to.

    Raises:
        Refused: PRE-4 (owner), SIG-1, PRE-1 (possession), PRE-2 (HPKE half), GRP-1, or of the wire format.
    """
    signed, prekey = open_object(obj, Prekey, what="prekey")
    require(_belongs_to(prekey, device), Rule.PREKEY_OWNER, "The prekey names another device, user or deployment.")
    verify_signature(
        device.device_key, KIND, signed.body, signed.signature, "The prekey's signature is not its device's."
    )
    point = Point.decode(prekey.point)
    _require_possession(prekey, point)
    return VerifiedPrekey(
        prekey_hash=object_hash(KIND, signed.body),
        device_entry=prekey.device_entry,
        prekey_id=prekey.prekey_id,
        point=point,
        hpke=HpkePublic.decode(prekey.hpke_public),
        not_after_ms=prekey.not_after_ms,
    )


def require_prekey_lifetime(prekey: VerifiedPrekey, leaf_time_ms: int) -> None:
    """Refuse under PRE-3 a prekey that is expired at its leaf, or valid for more than 30 days from it."""
    require(
        leaf_time_ms < prekey.not_after_ms <= leaf_time_ms + PREKEY_MS,
        Rule.PREKEY_LIFETIME,
        "The prekey is expired, or valid for more than 30 days.",
    )


def possession_statement(prekey: Prekey) -> bytes:
    """Return H over tenant, user, device, id, both keys and expiry: what the proof of possession binds."""
    return tagged_hash(
        "possession-statement",
        prekey.deployment,
        prekey.firm.encode(),
        prekey.user.encode(),
        prekey.device_entry,
        prekey.device_key,
        u64(prekey.prekey_id),
        prekey.point,
        prekey.hpke_public,
        u64(prekey.not_after_ms),
    )


def possession_challenge(statement: bytes, commitment: Point) -> Scalar:
    """Return the Fiat–Shamir challenge of the Schnorr proof of log_B P."""
    return Scalar.from_hash("possession", B.encode(), statement, commitment.encode())


def _require_possession(prekey: Prekey, point: Point) -> None:
    fixed(prekey.possession, PROOF_BYTES, "proof of possession")
    with refusing(Rule.PREKEY_POSSESSION, "The proof of possession of the prekey does not verify."):
        _check_possession(prekey, point)


def _check_possession(prekey: Prekey, point: Point) -> None:
    challenge, response = Scalar.decode(prekey.possession[:32]), Scalar.decode(prekey.possession[32:])
    commitment = response.base_mul() - point.mul(challenge)
    require(
        possession_challenge(possession_statement(prekey), commitment) == challenge,
        Rule.PREKEY_POSSESSION,
        "The challenge of the proof of possession is another.",
    )


def _belongs_to(prekey: Prekey, device: VerifiedDevice) -> bool:
    return (
        prekey.deployment == device.deployment
        and prekey.firm == device.firm
        and prekey.user == device.user
        and prekey.device_entry == device.entry_hash
        and prekey.device_key == device.device_key
    )
