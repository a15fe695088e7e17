"""Who may ask the vault: the escrow service, and people of the newest roster that the vault was told of."""

from __future__ import annotations

from tapeline.rpc.principal import Principal, WhoIs
from tapeline.vault.keyring import Keyring

ESCROW = "escrow"


def keyring_who_is(keyring: Keyring) -> WhoIs:
    """Return the look-up over the keyring's newest roster.

    It knows no revocations, which nobody teaches it: a revoked reviewer who asks for a release meets the whole gate,
    and the gate knows them.
    """

    def who_is(key: bytes) -> Principal | None:
        roster = keyring.chain.current
        if key == roster.escrow_key:
            return Principal(key, roster.organisation, ESCROW, frozenset({ESCROW}))
        person = roster.by_key(key)
        return Principal(key, roster.organisation, person.id, frozenset(person.roles)) if person is not None else None

    return who_is
