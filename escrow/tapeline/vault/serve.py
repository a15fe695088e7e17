"""The vault's process, from start to drained stop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette

from tapeline.base.errors import StateError
from tapeline.base.seam import system_clock, system_rng
from tapeline.base.times import Clock, Rng
from tapeline.crypto.login import VAULT
from tapeline.governance.dsse import parse_envelope
from tapeline.governance.roster import Roster
from tapeline.local.folder import FolderLock
from tapeline.rpc.health import Readiness
from tapeline.rpc.login import LoginService
from tapeline.rpc.rate import RateLimiter
from tapeline.rpc.roster_file import read_founding_roster
from tapeline.rpc.server import RpcServer, ServerLimits, Service
from tapeline.rpc.signals import StopSignal
from tapeline.rpc.tokens import TokenStore
from tapeline.tlog.listen import HttpServer
from tapeline.tlog.ports import taken_ports
from tapeline.vault.keyring import Keyring
from tapeline.vault.keys import VaultKeys, load_keys
from tapeline.vault.receipts import Receipts
from tapeline.vault.release import Releaser
from tapeline.vault.service import PACKAGE_BYTES, TABLE, VaultService
from tapeline.vault.who_is import keyring_who_is
from tapeline.wire.v1 import common_pb2_grpc, escrow_pb2_grpc


@dataclass(frozen=True)
class VaultConfig:
    """Settings of one vault.

    Attributes:
        data: folder of secrets and store.
        roster: file of roster version 1, signed.
        host: loopback, since this version listens without TLS.
        port, http_port: 0 takes a free one.
        accept_older: go on with a folder that lacks what the logs name.
    """

    data: Path
    roster: Path
    host: str = "127.0.0.1"
    port: int = 0
    http_port: int = 0
    accept_older: bool = False


async def serve(
    config: VaultConfig,
    *,
    ready: Callable[[Mapping[str, Any]], None],
    clock: Clock = system_clock,
    rng: Rng = system_rng,
    stop: asyncio.Event | None = None,
) -> None:
    """Run the vault until SIGTERM or SIGINT (or `stop`, where it is given), then drain.

    Raises:
        StateError, NotFound, Refused: secrets or roster are not those of this vault, or another process has its folder.
    """
    limits = ServerLimits(receive_bytes=PACKAGE_BYTES, send_bytes=PACKAGE_BYTES)
    async with AsyncExitStack() as stack:
        stack.enter_context(FolderLock.hold(config.data))
        keys = load_keys(config.data, rng)
        stack.callback(keys.store.close)
        first = read_founding_roster(config.roster)
        _require_own_key(first, keys)
        ports = await stack.enter_async_context(taken_ports(config.host, config.port, config.http_port, limits))
        keyring = _keyring(first, keys, clock, rng, accept_older=config.accept_older)
        service = _service(first, keys, keyring, clock)
        who_is, tokens = keyring_who_is(keyring), TokenStore(clock, rng)
        origin = Roster.parse(first).audit_origin
        login = LoginService(origin=origin, audience=VAULT, who_is=who_is, tokens=tokens, clock=clock, rng=rng)
        server = RpcServer(
            [
                Service("tapeline.wire.v1.Login", lambda s: common_pb2_grpc.add_LoginServicer_to_server(login, s)),
                Service("tapeline.wire.v1.Vault", lambda s: escrow_pb2_grpc.add_VaultServicer_to_server(service, s)),
            ],
            TABLE,
            port=ports.rpc,
            who_is=who_is,
            tokens=tokens,
            clock=clock,
        )
        http = HttpServer(Starlette(routes=Readiness(service.checks()).routes()), ports.http)
        with nullcontext(stop) if stop else StopSignal() as stopping:
            ready({"grpc": await server.start(), "http": await http.start(), "pid": os.getpid()})
            await stopping.wait()
        await server.stop()
        await http.stop()


def _require_own_key(first: bytes, keys: VaultKeys) -> None:
    if Roster.parse(first).vault_key != keys.roster.public:
        raise StateError("The roster names another vault.", "Use the data folder of this deployment.")


def _keyring(first: bytes, keys: VaultKeys, clock: Clock, rng: Rng, *, accept_older: bool) -> Keyring:
    pinned = parse_envelope(first, Roster.kind).statement_hash
    keyring = Keyring(keys.store, pinned, clock, rng, own_key=keys.roster.public, accept_older=accept_older)
    keyring.learn([first], [])
    return keyring


def _service(first: bytes, keys: VaultKeys, keyring: Keyring, clock: Clock) -> VaultService:
    receipts = Receipts(keys.roster, keyring, RateLimiter(clock), clock)
    return VaultService(keys.roster, keyring, receipts, Releaser(keys, keyring, Roster.parse(first), clock))
