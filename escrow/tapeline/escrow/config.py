"""How the service is started."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tapeline.base.times import SECOND


@dataclass(frozen=True)
class EscrowConfig:
    """Settings of one service.

    Attributes:
        data: folder of keys and database.
        roster: file of roster version 1, signed; what this deployment is founded on.
        grpc, http: host:port to listen on; port 0 takes a free one.
        relay: where to mirror to; None mirrors nothing.
        vault: where the vault listens; None for a board without one.
        checkpoint_ms: how often a grown log gets a checkpoint.
    """

    data: Path
    roster: Path
    grpc: str = "127.0.0.1:0"
    http: str = "127.0.0.1:0"
    relay: str | None = None
    vault: str | None = None
    checkpoint_ms: int = SECOND


def split_address(address: str) -> tuple[str, int]:
    """Return host and port of `host:port` or `[host]:port`."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)
