"""How many devices a user may have, how many of them devices may issue in a day, and how many prekeys a device has.

Every device has a row in every record of its user's conversations, and each that joins ends sessions: without a bound,
one device could issue others until nobody's message came through. And the directory only grows, while whoever judges
a warrant replays all of it: without a bound, one device could make it longer than any package may be.
"""

from __future__ import annotations

from dataclasses import dataclass

from tapeline.base.errors import LimitExceeded
from tapeline.base.hashing import HASH_BYTES
from tapeline.base.times import DAY
from tapeline.crypto.device import VerifiedDevice, parse_device_entry
from tapeline.crypto.record.facts import DeviceFact
from tapeline.directory.state import DirectoryState


@dataclass(frozen=True, slots=True)
class DeviceLimits:
    """Settings.

    Attributes:
        per_user: entries of one user that are neither expired nor revoked.
        issued_a_day: entries of one user within 24 hours before a device may issue no further one. The enroller may:
            a thief who used them up must not keep the user from a new device.
        prekeys_a_day: of one device within 24 hours; an unmodified client publishes one, and one more after each loss.
    """

    per_user: int = 8
    issued_a_day: int = 8
    prekeys_a_day: int = 16


def require_room_for_prekey(limits: DeviceLimits, device: DeviceFact, at_ms: int) -> None:
    """Refuse a prekey that is one too many in 24 hours; the device's first is always welcome.

    Raises:
        LimitExceeded: there is no room.
    """
    # A prekey is superseded when the next one is logged, so this is when each but the first was.
    entered = [one.superseded_ms for one in device.prekeys if one.superseded_ms is not None]
    if sum(time > at_ms - DAY for time in entered) >= limits.prekeys_a_day:
        raise LimitExceeded(
            f"The device has published {limits.prekeys_a_day} prekeys within 24 hours, and may do no more.",
            "Publish the next one tomorrow.",
            retryable=False,
        )


def require_room(
    limits: DeviceLimits, directory: DirectoryState, device: VerifiedDevice, entry: bytes, at_ms: int
) -> None:
    """Refuse a device that is one too many.

    1. Entries in force, those not yet valid among them.
    2. For an entry that a device issued: all of the last 24 hours, also those that are revoked or expired since.

    Args:
        limits: see there.
        directory: as of the end of the log.
        device: verified.
        entry: its signed object.
        at_ms: the time that its leaf would have.

    Raises:
        LimitExceeded: there is no room.
    """
    person = (device.firm, device.user)
    known = directory.devices_of(*person)
    in_force = [one for one in known if one.revoked_index is None and at_ms < one.device.not_after_ms]
    if len(in_force) >= limits.per_user:  # 1
        raise LimitExceeded(
            f"The user has {len(in_force)} devices in force, and may have no more than {limits.per_user}.",
            "Ask the officers to revoke one that is no longer used: tapeline officer revoke device.",
            retryable=False,
        )
    by_device = len(parse_device_entry(entry).entry.issuer) == HASH_BYTES
    if by_device and directory.devices.entered_since(person, at_ms - DAY) >= limits.issued_a_day:  # 2
        raise LimitExceeded(
            "The user's devices have issued as many new ones as they may in 24 hours.",
            "Wait a day, or ask the enroller for a code.",
            retryable=False,
        )
