"""The process: board, ceremonies, log publisher, mirror, gRPC and HTTP, from start to drained stop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, nullcontext
from typing import Any

from sqlalchemy import text
from starlette.applications import Starlette
from starlette.requests import Request

from tapeline.agent.remote import Remote
from tapeline.base.errors import StateError
from tapeline.base.rules import Rule, require
from tapeline.base.seam import system_clock, system_rng
from tapeline.base.times import Clock, Rng
from tapeline.crypto.login import ESCROW, RELAY
from tapeline.escrow.board import Board
from tapeline.escrow.ceremonies import CeremonyBoard
from tapeline.escrow.complaints import ComplaintDesk
from tapeline.escrow.config import EscrowConfig
from tapeline.escrow.database import Database, open_database
from tapeline.escrow.keys import EscrowKeys, load_keys
from tapeline.escrow.mirror import Mirror
from tapeline.escrow.readers import may_read
from tapeline.escrow.rpc_table import PACKAGE_BYTES, TABLE
from tapeline.escrow.servicers.board import BoardService
from tapeline.escrow.servicers.ceremony import CeremonyService
from tapeline.escrow.state import BoardState
from tapeline.escrow.tables import log
from tapeline.escrow.teaching import VaultTeacher
from tapeline.escrow.vault_client import VaultClient
from tapeline.escrow.who_is import board_who_is
from tapeline.governance.chain import RosterChain
from tapeline.governance.dsse import parse_envelope
from tapeline.governance.roster import Roster
from tapeline.local.folder import FolderLock
from tapeline.rpc.expiring import log_expiry
from tapeline.rpc.health import Check, Readiness
from tapeline.rpc.login import LoginService
from tapeline.rpc.roster_file import read_founding_roster
from tapeline.rpc.server import RpcServer, ServerLimits, Service
from tapeline.rpc.signals import StopSignal, until_stopped
from tapeline.rpc.tokens import TokenStore, bearer_token
from tapeline.tlog.health import log_checks
from tapeline.tlog.http import log_routes
from tapeline.tlog.listen import HttpServer
from tapeline.tlog.ports import Ports, taken_ports
from tapeline.tlog.publisher import LogPublisher, PublisherSettings
from tapeline.tlog.trust import audit_trust
from tapeline.wire.v1 import common_pb2_grpc, escrow_pb2_grpc

DATABASE = "escrow.db"
LIMITS = ServerLimits(receive_bytes=PACKAGE_BYTES, send_bytes=PACKAGE_BYTES)


async def serve(
    config: EscrowConfig,
    *,
    ready: Callable[[Mapping[str, Any]], None],
    clock: Clock = system_clock,
    rng: Rng = system_rng,
    stop: asyncio.Event | None = None,
) -> None:
    """Run the service until SIGTERM or SIGINT (or `stop`, where it is given), then drain.

    Args:
        config: settings.
        ready: told {"grpc", "http", "pid"} once both ports listen.
        clock, rng: time and randomness.
        stop: for a process that hosts several services; None installs signal handlers.

    Raises:
        StateError, NotFound, Refused: keys, roster or log are not those of this service, or another process has its
            folder.
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(FolderLock.hold(config.data))
        keys = load_keys(config.data)
        first = read_founding_roster(config.roster)
        _require_own_keys(Roster.parse(first), keys)
        ports = await stack.enter_async_context(taken_ports(config.host, config.port, config.http_port, LIMITS))
        database = open_database(config.data / DATABASE)
        stack.push_async_callback(database.close)
        app = _App(config, keys, database, ports, first, clock, rng)
        await app.start()
        stack.push_async_callback(app.close)
        with nullcontext(stop) if stop else StopSignal() as stopping:
            ready({**ports.addresses, "pid": os.getpid()})
            await until_stopped(stopping, app.publishing)


class _App:
    """The parts of one running service, wired."""

    def __init__(
        self,
        config: EscrowConfig,
        keys: EscrowKeys,
        database: Database,
        ports: Ports,
        first: bytes,
        clock: Clock,
        rng: Rng,
    ) -> None:
        self._config, self._first, self._clock = config, first, clock
        state = BoardState(parse_envelope(first, Roster.kind).statement_hash)
        roster = Roster.parse(first)
        self._board = Board(database, state, keys.service, clock, config.board)
        self._publisher = LogPublisher(
            database.engine,
            log,
            keys.log,
            roster.audit_origin,
            audit_trust(_founded(first), clock),
            clock,
            database.write_lock,
            settings=PublisherSettings(interval_ms=config.checkpoint_ms),
        )
        self._vault = VaultClient(config.vault, keys.service, roster.audit_origin)
        self._teacher = VaultTeacher(state, self._vault)
        self._tokens = TokenStore(clock, rng)
        self._who_is = board_who_is(state)
        self._server = self._grpc_server(database, ports, state, clock, rng)
        self._relay = _relay(config, roster, keys)
        self._mirror = None if self._relay is None else Mirror(database, self._publisher, self._relay)
        self._http = self._http_server(database, ports)
        self._complaints = None if self._relay is None else ComplaintDesk(database, self._board, self._relay)
        self._tasks: list[asyncio.Task[None]] = []
        self.publishing: asyncio.Task[None]
        """Ends by an error where a witness proves that the log went back: then the service must stop."""

    async def start(self) -> None:
        """Check the log, replay it, listen, and start publishing."""
        await self._publisher.start()
        await self._board.load(self._first)
        await self._publisher.follow(audit_trust(lambda: self._board.state.chain, self._clock))
        log_expiry(self._board.state.roster, [one for one, _ in self._board.state.certificates], self._board.clock())
        await self._server.start()
        await self._http.start()
        self.publishing = asyncio.create_task(self._publisher.run())
        self._tasks.append(self.publishing)
        if self._mirror is not None:
            self._tasks.append(asyncio.create_task(self._mirror.run()))
        if self._complaints is not None:
            self._tasks.append(asyncio.create_task(self._complaints.run()))
        if self._config.vault is not None:
            self._tasks.append(asyncio.create_task(self._teacher.run()))

    async def close(self) -> None:
        """Finish running calls, then stop the background tasks."""
        await self._server.stop()
        await self._http.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._publisher.close()
        await self._vault.close()
        if self._relay is not None:
            self._relay.close()

    def _grpc_server(self, database: Database, ports: Ports, state: BoardState, clock: Clock, rng: Rng) -> RpcServer:
        login = LoginService(
            origin=Roster.parse(self._first).audit_origin,
            audience=ESCROW,
            who_is=self._who_is,
            tokens=self._tokens,
            clock=clock,
            rng=rng,
        )
        board = BoardService(self._board, self._publisher, self._vault)
        ceremony_board = CeremonyBoard(database, lambda: state.roster, clock, state.newest_epoch)
        ceremonies = CeremonyService(ceremony_board, self._vault)
        services = [
            Service("tapeline.wire.v1.Login", lambda s: common_pb2_grpc.add_LoginServicer_to_server(login, s)),
            Service("tapeline.wire.v1.Board", lambda s: escrow_pb2_grpc.add_BoardServicer_to_server(board, s)),
            Service(
                "tapeline.wire.v1.Ceremony",
                lambda s: escrow_pb2_grpc.add_CeremonyServicer_to_server(ceremonies, s),
            ),
        ]
        return RpcServer(services, TABLE, port=ports.rpc, who_is=self._who_is, tokens=self._tokens, clock=clock)

    def _http_server(self, database: Database, ports: Ports) -> HttpServer:
        routes = log_routes(database.engine, log, latest=self._publisher.latest, authorize=self._may_read_entries)
        return HttpServer(Starlette(routes=[*routes, *Readiness(self._checks(database)).routes()]), ports.http)

    def _checks(self, database: Database) -> dict[str, Check]:
        async def answers() -> str:
            await database.read(lambda conn: conn.execute(text("SELECT 1")).scalar())
            return ""

        checks: dict[str, Check] = {"database": answers, **log_checks(self._publisher, self._board.clock)}
        if self._config.vault is not None:
            checks["vault"] = self._vault.why_away
        if self._mirror is not None:
            checks["mirror"] = self._mirror.why_behind
        return checks

    async def _may_read_entries(self, request: Request) -> bool:
        """Tell whether the request's token is of one who may read about cases."""
        header = request.headers.get("authorization")
        token = bearer_token((("authorization", header),)) if header else None
        key = self._tokens.key_of(token) if token else None
        known = self._who_is(key) if key is not None else None
        return known is not None and may_read("case", known.roles)


def _founded(first: bytes) -> Callable[[], RosterChain]:
    """Return the chain of the founding roster alone, by which the log is judged until it is checked and replayed."""
    chain = RosterChain.pin(parse_envelope(first, Roster.kind).statement_hash)
    chain.add(first, None)
    return lambda: chain


def _relay(config: EscrowConfig, roster: Roster, keys: EscrowKeys) -> Remote | None:
    if config.relay is None:
        return None
    return Remote(config.relay, keys.service, origin=roster.archive_origin, audience=RELAY)


def _require_own_keys(roster: Roster, keys: EscrowKeys) -> None:
    if (roster.escrow_key, roster.audit_log) != (keys.service.public, keys.log.key.encode()):
        raise StateError("The roster names other keys than this service's.", "Use the data folder of this deployment.")
    require(roster.version == 1, Rule.ROSTER_CHAIN, "The founding roster is no version 1.")
