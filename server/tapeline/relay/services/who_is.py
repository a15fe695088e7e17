"""Who holds a key, as of now: a device of the directory, a person of a roster, or a service that it names."""

from __future__ import annotations

from tapeline.base.times import Clock
from tapeline.directory.state import DirectoryState
from tapeline.governance.roster import Roster
from tapeline.rpc.principal import Principal, WhoIs

ESCROW = "escrow"
VAULT = "vault"
"""Roles of the two services that a roster names by key; people have the roster's roles."""


def directory_who_is(directory: DirectoryState, clock: Clock) -> WhoIs:
    """Return the look-up over the directory; revoked and expired keys are nobody's."""

    def who_is(key: bytes) -> Principal | None:
        for firm in directory.rosters.firms():
            known = _of_roster(directory.roster(firm), key)
            if known is not None:
                return None if _is_revoked(directory, known) else known
        return _device(directory, key, clock())

    return who_is


def _of_roster(roster: Roster, key: bytes) -> Principal | None:
    firm = roster.organisation
    person = roster.by_key(key)
    if person is not None:
        return Principal(key, firm, person.id, frozenset(person.roles))
    for service, public in ((ESCROW, roster.escrow_key), (VAULT, roster.vault_key)):
        if key == public:
            return Principal(key, firm, service, frozenset({service}))
    return None


def _is_revoked(directory: DirectoryState, principal: Principal) -> bool:
    covers = directory.revocations.covers
    return covers(principal.firm, "key", principal.key) or covers(principal.firm, "person", principal.name)


def _device(directory: DirectoryState, key: bytes, now_ms: int) -> Principal | None:
    for device in reversed(directory.devices_by_key(key)):
        revoked = directory.revocations.covers(device.firm, "device", device.entry_hash)
        if not revoked and device.valid_at(now_ms):
            return Principal(key, device.firm, device.user, device_entry=device.entry_hash)
    return None
