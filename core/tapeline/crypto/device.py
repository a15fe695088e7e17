"""Directory entries of devices: signed by the firm's enroller, or by a device the user already has (protocol, Keys)."""

from __future__ import annotations

from dataclasses import dataclass

from tapeline.base.ed25519 import is_public_key
from tapeline.base.rules import Rule, require
from tapeline.crypto.ids import check_name, object_hash, user_id
from tapeline.crypto.limits import DEPLOYMENT_BYTES, KEY_BYTES, SALT_BYTES
from tapeline.crypto.objects import open_object, seal_object
from tapeline.crypto.signing import SigningKey, signature_holds
from tapeline.crypto.wire import encode, fixed
from tapeline.wire.v1.objects_pb2 import DeviceEntry

KIND = "device"


@dataclass(frozen=True)
class EnrollerView:
    """The enroller of one firm, as its roster names it."""

    deployment: bytes
    firm: str
    key: bytes


@dataclass(frozen=True)
class VerifiedDevice:
    """A device entry whose issuer was checked; its lifetime is judged where it is used."""

    entry_hash: bytes
    deployment: bytes
    firm: str
    user: str
    user_salt: bytes
    device_key: bytes
    device_name: str
    not_before_ms: int
    not_after_ms: int
    issuer: bytes = b""
    """The enroller's key, 32 bytes, or the hash of the issuing device's entry, 64; empty for one's own, kept entry."""

    @property
    def issued_by_device(self) -> bool:
        """Tell whether another device of the user issued it."""
        return len(self.issuer) == len(self.entry_hash)

    @property
    def user_id(self) -> bytes:
        """The user's id, 64 bytes."""
        return user_id(self.deployment, self.firm, self.user)

    def valid_at(self, at_ms: int) -> bool:
        """Tell whether the entry is in force at that time."""
        return self.not_before_ms <= at_ms < self.not_after_ms


IssuerView = EnrollerView | VerifiedDevice


@dataclass(frozen=True)
class UnverifiedDevice:
    """A parsed entry; `entry.issuer` says whose view `verify_device_entry` needs."""

    entry: DeviceEntry
    entry_hash: bytes
    body: bytes
    signature: bytes


def issue_device_entry(issuer_key: SigningKey, entry: DeviceEntry) -> bytes:
    """Return the entry as a signed object; `entry.issuer` must already name the holder of `issuer_key`."""
    return seal_object(issuer_key, KIND, encode(entry))


def parse_device_entry(obj: bytes) -> UnverifiedDevice:
    """Parse strictly, so that the issuer can be looked up; nothing is verified yet."""
    signed, entry = open_object(obj, DeviceEntry, what="device entry")
    fixed(entry.deployment, DEPLOYMENT_BYTES, "deployment id")
    fixed(entry.user_salt, SALT_BYTES, "user salt")
    fixed(entry.device_key, KEY_BYTES, "device key")
    for name, what in ((entry.firm, "firm"), (entry.user, "user"), (entry.device_name, "device name")):
        check_name(name, what)
    return UnverifiedDevice(entry, object_hash(KIND, signed.body), signed.body, signed.signature)


def verify_device_entry(obj: bytes, issuer: IssuerView) -> VerifiedDevice:
    """Return the entry, verified against the one who may have issued it.

    Args:
        obj: a SignedObject of kind "device".
        issuer: the enroller of the firm at the entry's leaf, or a device of the same user.

    Raises:
        Refused: DEV-1 (issuer or signature), DEV-2 (tenant), DEV-3 (a lifetime that is empty, or ends after the
            issuing device's), or of the wire format.
    """
    unverified = parse_device_entry(obj)
    entry = unverified.entry
    name, key = _issuer_name_and_key(issuer)
    require(entry.issuer == name, Rule.DEVICE_ISSUER, "The device entry names another issuer.")
    require(
        signature_holds(key, KIND, unverified.body, unverified.signature),
        Rule.DEVICE_ISSUER,
        "The device entry's signature is not its issuer's.",
    )
    require(
        _same_tenant(entry, issuer), Rule.DEVICE_TENANT, "The issuer may not sign for this deployment, firm or user."
    )
    # Under a small-order key any signature verifies, so such a device could be anybody's.
    require(is_public_key(entry.device_key), Rule.DEVICE_ISSUER, "The device key is no Ed25519 public key.")
    require(entry.not_before_ms < entry.not_after_ms, Rule.DEVICE_EXPIRED, "The device entry's lifetime is empty.")
    require(_within(entry, issuer), Rule.DEVICE_EXPIRED, "The device entry outlives the device that issued it.")
    return VerifiedDevice(
        entry_hash=unverified.entry_hash,
        deployment=entry.deployment,
        firm=entry.firm,
        user=entry.user,
        user_salt=entry.user_salt,
        device_key=entry.device_key,
        device_name=entry.device_name,
        not_before_ms=entry.not_before_ms,
        not_after_ms=entry.not_after_ms,
        issuer=entry.issuer,
    )


def require_device_valid(device: VerifiedDevice, at_ms: int) -> None:
    """Refuse under DEV-3 a device whose entry is expired or not yet valid at that time."""
    require(device.valid_at(at_ms), Rule.DEVICE_EXPIRED, "The device entry is expired or not yet valid.")


def _issuer_name_and_key(issuer: IssuerView) -> tuple[bytes, bytes]:
    if isinstance(issuer, EnrollerView):
        return issuer.key, issuer.key
    return issuer.entry_hash, issuer.device_key


def _same_tenant(entry: DeviceEntry, issuer: IssuerView) -> bool:
    same_firm = entry.deployment == issuer.deployment and entry.firm == issuer.firm
    if isinstance(issuer, EnrollerView):
        return same_firm
    # The salt makes the user's tag: a device must not give its user a second one.
    return same_firm and entry.user == issuer.user and entry.user_salt == issuer.user_salt


def _within(entry: DeviceEntry, issuer: IssuerView) -> bool:
    # The enroller sets how long a user goes without proving who it is: a device must not extend that by its own hand.
    return isinstance(issuer, EnrollerView) or entry.not_after_ms <= issuer.not_after_ms
