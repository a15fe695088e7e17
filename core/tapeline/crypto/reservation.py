"""Reservations: what a device lays down with every firm's vault before it opens a session (protocol, step 1).

q is the post-quantum half of the session's secret; cq commits to it, and each vault gets it in an HPKE slot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tapeline.base.hashing import tagged_hash
from tapeline.base.rules import Rule, require
from tapeline.base.secret import Secret
from tapeline.base.times import Rng
from tapeline.crypto.device import VerifiedDevice
from tapeline.crypto.hpke import HpkePublic, seal
from tapeline.crypto.ids import check_name, object_hash
from tapeline.crypto.limits import FIRMS, Q_BYTES, RESERVATION_MS, SESSION_ID_BYTES
from tapeline.crypto.objects import open_object, seal_object
from tapeline.crypto.signing import SigningKey, verify_signature
from tapeline.crypto.wire import at_most, encode, fixed
from tapeline.wire.v1.objects_pb2 import SUITE_V1, Reservation, SignedObject

KIND = "reservation"


@dataclass(frozen=True)
class VaultTarget:
    """Where a slot goes: the vault key certified beside the firm's current escrow key."""

    firm: str
    v_key_id: bytes
    v_public: HpkePublic


@dataclass(frozen=True)
class PendingReservation:
    """A reservation in a device's stock: used for one session, then gone with its q."""

    session_id: bytes
    q: Secret
    cq: bytes
    reservation: bytes
    slots: tuple[bytes, ...]
    firms: tuple[str, ...]
    v_key_ids: tuple[bytes, ...]
    expires_ms: int

    @property
    def reservation_hash(self) -> bytes:
        """The hash that receipts and cq name."""
        return object_hash(KIND, SignedObject.FromString(self.reservation).body)


@dataclass(frozen=True)
class VerifiedReservation:
    """A reservation that its device signed and that was in force at the time asked."""

    reservation_hash: bytes
    deployment: bytes
    sender_device: bytes
    firms: tuple[str, ...]
    session_id: bytes
    expires_ms: int


def make_reservation(
    key: SigningKey,
    device_entry_hash: bytes,
    deployment: bytes,
    vaults: Sequence[VaultTarget],
    expires_ms: int,
    rng: Rng,
) -> PendingReservation:
    """Return a fresh reservation with one slot for each vault, in the order of firms.

    Args:
        key: the sender device's identity key.
        device_entry_hash: its directory entry.
        deployment: 32 bytes.
        vaults: one target for each firm of the conversations it may serve; sorted here.
        expires_ms: judged at the vault's clock and at the record's note: ask for `limits.RESERVATION_ASK_MS`.
        rng: source of randomness for q and session id.
    """
    targets = sorted(vaults, key=lambda target: target.firm)
    session_id, q = rng(SESSION_ID_BYTES), Secret(rng(Q_BYTES))
    body = encode(
        Reservation(
            suite=SUITE_V1,
            deployment=deployment,
            firms=[target.firm for target in targets],
            sender_device=device_entry_hash,
            session_id=session_id,
            expires_ms=expires_ms,
        )
    )
    reservation_hash = object_hash(KIND, body)
    return PendingReservation(
        session_id=session_id,
        q=q,
        cq=hybrid_commitment(q, reservation_hash),
        reservation=seal_object(key, KIND, body),
        slots=tuple(seal(one.v_public, vault_slot_info(reservation_hash, one.v_key_id), q.reveal()) for one in targets),
        firms=tuple(target.firm for target in targets),
        v_key_ids=tuple(target.v_key_id for target in targets),
        expires_ms=expires_ms,
    )


def verify_reservation(obj: bytes, device: VerifiedDevice, at_ms: int) -> VerifiedReservation:
    """Return the reservation of `device`, in force at `at_ms` (the vault's clock, or a record's note).

    Raises:
        Refused: SIG-1, RES-1 (suite, deployment, device, firms), RES-2 (lifetime), or of the wire format.
    """
    signed, body = open_object(obj, Reservation, what="reservation")
    fixed(body.session_id, SESSION_ID_BYTES, "session id")
    at_most(len(body.firms), FIRMS, "firms")
    require(
        body.suite == SUITE_V1
        and body.deployment == device.deployment
        and body.sender_device == device.entry_hash
        and list(body.firms) == sorted({check_name(firm, "firm") for firm in body.firms}),
        Rule.RESERVATION_BINDING,
        "The reservation is of another suite, deployment or device, or its firms are not sorted.",
    )
    verify_signature(
        device.device_key, KIND, signed.body, signed.signature, "The reservation's signature is not its device's."
    )
    require(
        at_ms < body.expires_ms <= at_ms + RESERVATION_MS,
        Rule.RESERVATION_EXPIRED,
        "The reservation is expired, or lasts more than 7 days.",
    )
    return VerifiedReservation(
        reservation_hash=object_hash(KIND, signed.body),
        deployment=body.deployment,
        sender_device=body.sender_device,
        firms=tuple(body.firms),
        session_id=body.session_id,
        expires_ms=body.expires_ms,
    )


def hybrid_commitment(q: Secret, reservation_hash: bytes) -> bytes:
    """Return cq = H("hybrid", q, reservation), 64 bytes."""
    return tagged_hash("hybrid", q.reveal(), reservation_hash)


def vault_slot_info(reservation_hash: bytes, v_key_id: bytes) -> bytes:
    """Return the HPKE `info` of a vault slot: H("vault-slot", reservation, V key id)."""
    return tagged_hash("vault-slot", reservation_hash, v_key_id)
