"""The vault's process, from start to drained stop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tapeline.base.errors import StateError
from tapeline.base.seam import system_clock, system_rng
from tapeline.base.times import Clock, Rng
from tapeline.governance.dsse import parse_envelope
from tapeline.governance.roster import Roster
from tapeline.rpc.rate import RateLimiter
from tapeline.rpc.roster_file import read_founding_roster
from tapeline.rpc.server import RpcServer, ServerLimits, Service
from tapeline.rpc.signals import StopSignal
from tapeline.rpc.tokens import TokenStore
from tapeline.vault.keyring import Keyring
from tapeline.vault.keys import VaultKeys, load_keys
from tapeline.vault.receipts import Receipts
from tapeline.vault.release import Releaser
from tapeline.vault.service import PACKAGE_BYTES, TABLE, VaultService
from tapeline.wire.v1 import escrow_pb2_grpc


@dataclass(frozen=True)
class VaultConfig:
    """Settings of one vault.

    Attributes:
        data: folder of secrets and store.
        roster: file of roster version 1, signed.
        grpc: host:port to listen on; port 0 takes a free one.
    """

    data: Path
    roster: Path
    grpc: str = "127.0.0.1:0"


async def serve(
    config: VaultConfig,
    *,
    ready: Callable[[dict[str, object]], None],
    clock: Clock = system_clock,
    rng: Rng = system_rng,
    stop: asyncio.Event | None = None,
) -> None:
    """Run the vault until SIGTERM or SIGINT (or `stop`, where it is given), then drain.

    Raises:
        StateError, NotFound, Refused: secrets or roster are not those of this vault.
    """
    keys = load_keys(config.data, rng)
    service = _service(config, keys, clock, rng)
    server = RpcServer(
        [Service("tapeline.wire.v1.Vault", lambda s: escrow_pb2_grpc.add_VaultServicer_to_server(service, s))],
        TABLE,
        who_is=lambda _: None,
        tokens=TokenStore(clock, rng),
        clock=clock,
        limits=ServerLimits(receive_bytes=PACKAGE_BYTES, send_bytes=PACKAGE_BYTES),
    )
    host, _, port = config.grpc.rpartition(":")
    ready({"grpc": await server.start(host.strip("[]"), int(port)), "pid": os.getpid()})
    if stop is not None:
        await stop.wait()
    else:
        with StopSignal() as stopped:
            await stopped.wait()
    await server.stop()
    keys.store.close()


def _service(config: VaultConfig, keys: VaultKeys, clock: Clock, rng: Rng) -> VaultService:
    first = read_founding_roster(config.roster)
    envelope = parse_envelope(first, Roster.kind)
    roster = Roster.parse(envelope)
    if roster.vault_key != keys.roster.public:
        raise StateError("The roster names another vault.", "Use the data folder of this deployment.")
    keyring = Keyring(keys.store, envelope.statement_hash, clock, rng)
    keyring.learn([first], [])
    receipts = Receipts(keys.roster, keyring, RateLimiter(clock), clock)
    return VaultService(keys.roster, keyring, receipts, Releaser(keys, keyring, roster, clock))
