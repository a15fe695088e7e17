"""Keeps the vault informed of rosters and certificates, so that it knows its keys by their ids."""

from __future__ import annotations

import asyncio

import structlog

from tapeline.base.errors import TapelineError
from tapeline.escrow.state import BoardState
from tapeline.escrow.vault_client import VaultClient
from tapeline.wire.v1.escrow_pb2 import VaultUpdate

_log = structlog.get_logger("tapeline.escrow")
_INTERVAL_S = 0.5


class VaultTeacher:
    """Sends all rosters and certificates whenever there is one more; the vault verifies them and repeats nothing."""

    def __init__(self, state: BoardState, vault: VaultClient) -> None:
        self._state = state
        self._vault = vault
        self._taught = 0

    async def run(self) -> None:
        """Teach for ever."""
        while True:
            try:
                await self.once()
            except TapelineError as error:
                _log.warning("vault_not_told", error=type(error).__name__)
            await asyncio.sleep(_INTERVAL_S)

    async def once(self) -> None:
        """Tell the vault if something is new since it last took everything."""
        rosters, certificates = list(self._state.rosters), [dsse for _, dsse in self._state.certificates]
        if len(rosters) + len(certificates) > self._taught:
            await self._vault.learn(VaultUpdate(rosters=rosters, certificates=certificates))
            self._taught = len(rosters) + len(certificates)
