"""How the service is started."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tapeline.base.times import SECOND
from tapeline.escrow.quotas import BoardLimits


@dataclass(frozen=True)
class EscrowConfig:
    """Settings of one service.

    Attributes:
        data: folder of keys and database.
        roster: file of roster version 1, signed; what this deployment is founded on.
        host: loopback, since this version listens without TLS.
        port, http_port: 0 takes a free one.
        relay: where to mirror to; None mirrors nothing.
        vault: where the vault listens; None for a board without one.
        checkpoint_ms: how often a grown log gets a checkpoint.
        board: how many statements of a kind one person may have logged.
    """

    data: Path
    roster: Path
    host: str = "127.0.0.1"
    port: int = 0
    http_port: int = 0
    relay: str | None = None
    vault: str | None = None
    checkpoint_ms: int = SECOND
    board: BoardLimits = field(default_factory=BoardLimits)
