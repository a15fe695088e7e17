"""Which devices, prekeys and escrow keys are current in a record's view: one answer for sender and judges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tapeline.crypto.limits import SUPERSEDED_MS
from tapeline.crypto.record.facts import DeviceFact, EscrowFact, Facts, PrekeyFact


class Recipient(NamedTuple):
    """A device that a record must hold a row for, with the prekey to seal to."""

    device: DeviceFact
    prekey: PrekeyFact


def in_view(leaf_index: int, facts: Facts) -> bool:
    """Tell whether a leaf lies below the size of the record's note."""
    return leaf_index < facts.note_size


def revoked_at_leaf(revoked_index: int | None, facts: Facts) -> bool:
    """Tell whether a revocation precedes the record's own leaf."""
    return revoked_index is not None and revoked_index < facts.leaf_index


def is_fresh(prekey: PrekeyFact, facts: Facts) -> bool:
    """Tell whether a prekey is unexpired at τ, and superseded by at most 24 hours."""
    superseded_for = 0 if prekey.superseded_ms is None else facts.note_time_ms - prekey.superseded_ms
    return facts.note_time_ms < prekey.prekey.not_after_ms and superseded_for <= SUPERSEDED_MS


def is_current_key(key: EscrowFact, facts: Facts) -> bool:
    """Tell whether an escrow key is certified in the view, active at τ, and its class's newest."""
    active = key.active_from_ms <= facts.note_time_ms < key.not_after_ms
    return in_view(key.leaf_index, facts) and active and not key.superseded


def may_have_row(device: DeviceFact, facts: Facts) -> bool:
    """Tell whether a device is a member's, in the view, valid at τ, and not the sender's own."""
    return (
        device.person in facts.membership.people
        and device.device.entry_hash != facts.sender.device.entry_hash
        and in_view(device.leaf_index, facts)
        and device.device.valid_at(facts.note_time_ms)
    )


def other_devices(facts: Facts) -> Iterator[DeviceFact]:
    """Yield the devices that may have a row."""
    return (device for device in facts.devices if may_have_row(device, facts))


def is_revoked_in_view(device: DeviceFact, facts: Facts) -> bool:
    """Tell whether a device's revocation lies below the note's size: it is then no member's device any more."""
    return device.revoked_index is not None and in_view(device.revoked_index, facts)


def newest_usable(device: DeviceFact, facts: Facts) -> PrekeyFact | None:
    """Return the device's newest prekey that a record may use, or None where the device is stale."""
    usable = [one for one in device.prekeys if in_view(one.leaf_index, facts) and is_fresh(one, facts)]
    return max(usable, key=lambda one: one.leaf_index, default=None)


def recipients(facts: Facts) -> tuple[list[Recipient], list[DeviceFact]]:
    """Return whom a record must be sealed to, and the stale devices that are left out."""
    found: list[Recipient] = []
    stale: list[DeviceFact] = []
    for device in other_devices(facts):
        if is_revoked_in_view(device, facts):
            continue
        prekey = newest_usable(device, facts)
        if prekey is None:
            stale.append(device)
        else:
            found.append(Recipient(device, prekey))
    return found, stale
