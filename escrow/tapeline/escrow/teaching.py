"""Keeps the vault informed of rosters and certificates, so that it knows its keys by their ids."""

from __future__ import annotations

import asyncio
import time

import structlog

from tapeline.base.errors import TapelineError
from tapeline.escrow.state import BoardState
from tapeline.escrow.vault_client import VaultClient
from tapeline.wire.v1.escrow_pb2 import VaultUpdate

_log = structlog.get_logger("tapeline.escrow")
_INTERVAL_S = 0.5
AGAIN_S = 30.0
"""A vault that was restarted, perhaps on an older copy, is told everything again within this time."""


class VaultTeacher:
    """Sends all rosters and certificates whenever there is one more; the vault verifies them and repeats nothing."""

    def __init__(self, state: BoardState, vault: VaultClient) -> None:
        self._state = state
        self._vault = vault
        self._taught = 0
        self._told_s = 0.0

    async def run(self) -> None:
        """Teach for ever."""
        while True:
            try:
                await self.once()
            except TapelineError as error:
                _log.warning("vault_not_told", error=type(error).__name__)
            await asyncio.sleep(_INTERVAL_S)

    async def once(self) -> None:
        """Tell the vault if something is new since it last took everything, or that was a while ago."""
        rosters, certificates = list(self._state.rosters), [dsse for _, dsse in self._state.certificates]
        now_s = time.monotonic()
        if len(rosters) + len(certificates) > self._taught or now_s - self._told_s >= AGAIN_S:
            await self._vault.learn(VaultUpdate(rosters=rosters, certificates=certificates))
            self._taught, self._told_s = len(rosters) + len(certificates), now_s
