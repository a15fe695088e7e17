"""How a relay is set up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tapeline.base.address import parse_address
from tapeline.base.errors import MalformedInput
from tapeline.relay.services.device_limits import DeviceLimits
from tapeline.relay.services.submissions import IntakeLimits
from tapeline.rpc.server import ServerLimits
from tapeline.tlog.publisher import PublisherSettings


@dataclass(frozen=True)
class RelayConfig:
    """Settings of one relay process.

    Attributes:
        data: folder of keys and database.
        rosters: files of each firm's pinned roster version 1 (DSSE); the archive's own firm first.
        host: loopback, since this version listens without TLS.
        grpc_port, http_port: 0 takes a free one.
        vaults: address `host:port` of each firm's vault.
        publisher: how often checkpoints are made.
        intake: batch size and queue.
        devices: how many a user may have.
        server: gRPC's own limits.
    """

    data: Path
    rosters: tuple[Path, ...]
    host: str = "127.0.0.1"
    grpc_port: int = 0
    http_port: int = 0
    vaults: Mapping[str, str] = field(default_factory=dict)
    publisher: PublisherSettings = field(default_factory=PublisherSettings)
    intake: IntakeLimits = field(default_factory=IntakeLimits)
    devices: DeviceLimits = field(default_factory=DeviceLimits)
    server: ServerLimits = field(default_factory=ServerLimits)

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.data / "relay.db"


def parse_vaults(texts: list[str]) -> dict[str, str]:
    """Return addresses by firm from texts like `bank=127.0.0.1:7003`.

    Raises:
        MalformedInput: another form.
    """
    vaults: dict[str, str] = {}
    for text in texts:
        firm, equals, address = text.rpartition("=")
        if not equals or not firm:
            raise MalformedInput("A vault is not given as firm=host:port.", "Check --vault.")
        parse_address(address)
        vaults[firm] = address
    return vaults
