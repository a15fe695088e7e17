"""Who holds a key, as of now: a person of the newest roster, or a service that it names."""

from __future__ import annotations

from tapeline.escrow.state import BoardState
from tapeline.rpc.principal import Principal, WhoIs


def board_who_is(state: BoardState) -> WhoIs:
    """Return the look-up over the board's roster; a revoked person or key is nobody's."""

    def who_is(key: bytes) -> Principal | None:
        known = _of_roster(state, key)
        if known is None or state.revoked.covers("key", key) or state.revoked.covers("person", known.name):
            return None
        return known

    return who_is


def _of_roster(state: BoardState, key: bytes) -> Principal | None:
    roster = state.roster
    person = roster.by_key(key)
    if person is not None:
        return Principal(key, roster.organisation, person.id, frozenset(person.roles))
    for service, public in (("relay", roster.relay_key), ("vault", roster.vault_key), ("escrow", roster.escrow_key)):
        if key == public:
            return Principal(key, roster.organisation, service, frozenset({service}))
    return None
