"""The relay, composed: memory from the database, the writer, the log's publisher, gRPC and HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tapeline.base.errors import StateError
from tapeline.base.times import Clock, Rng
from tapeline.crypto.login import RELAY
from tapeline.directory.state import DirectoryState
from tapeline.governance.chain import RosterChain
from tapeline.governance.roster import Roster
from tapeline.relay.config import RelayConfig
from tapeline.relay.delivery.hub import Hub
from tapeline.relay.delivery.source import Source
from tapeline.relay.delivery.stream import StreamParts
from tapeline.relay.http import relay_http
from tapeline.relay.keys import RelayKeys
from tapeline.relay.metrics import Metrics
from tapeline.relay.servicers.bootstrap import Bootstrap
from tapeline.relay.servicers.directory import Directory
from tapeline.relay.servicers.messaging import Messaging
from tapeline.relay.servicers.reports import Reports
from tapeline.relay.servicers.review import Review
from tapeline.relay.services.acks import Acknowledger
from tapeline.relay.services.complaints import Complaints
from tapeline.relay.services.intake import Intake
from tapeline.relay.services.ledger import Ledger
from tapeline.relay.services.loading import load_ledger
from tapeline.relay.services.manifests import Manifests
from tapeline.relay.services.publishing import Publisher
from tapeline.relay.services.vaults import Vaults
from tapeline.relay.services.warranted import Warranted
from tapeline.relay.services.who_is import directory_who_is
from tapeline.relay.storage.schema import archive
from tapeline.relay.table import RELAY_TABLE
from tapeline.rpc.expiring import log_expiry
from tapeline.rpc.health import Readiness
from tapeline.rpc.login import LoginService
from tapeline.rpc.roster_file import read_founding_roster
from tapeline.rpc.server import RpcServer, Service
from tapeline.rpc.tokens import TokenStore
from tapeline.tlog.health import log_checks
from tapeline.tlog.listen import HttpServer
from tapeline.tlog.ports import Ports
from tapeline.tlog.publisher import LogPublisher
from tapeline.tlog.trust import archive_trust
from tapeline.wire.v1.common_pb2_grpc import add_LoginServicer_to_server
from tapeline.wire.v1.objects_pb2 import LeafType
from tapeline.wire.v1.relay_pb2_grpc import (
    add_BootstrapServicer_to_server,
    add_DirectoryServicer_to_server,
    add_MessagingServicer_to_server,
    add_ReportsServicer_to_server,
    add_ReviewServicer_to_server,
)

NOTE_POLL_S = 0.1


class Relay:
    """One running relay; made by `open_relay`."""

    def __init__(
        self,
        config: RelayConfig,
        keys: RelayKeys,
        engine: AsyncEngine,
        ports: Ports,
        log: LogPublisher,
        write_lock: asyncio.Lock,
        ledger: Ledger,
        clock: Clock,
        rng: Rng,
    ) -> None:
        self._config, self._engine, self._ledger, self._clock = config, engine, ledger, clock
        self._log, self._write_lock = log, write_lock
        self.metrics = Metrics()
        acknowledger = Acknowledger(keys.relay, ledger.origin)
        source = Source(engine, acknowledger)
        self._hub = Hub(ledger, source)
        shared = (ledger, engine, self._write_lock, acknowledger)
        self._intake = Intake(*shared, self._hub.deliver, clock, self.metrics, config.intake)
        self._publisher = Publisher(*shared, self._hub.deliver, clock, self.metrics, config.devices)
        self._publisher.on_devices = self._hub.devices_changed
        self._vaults = Vaults(config.vaults)
        who_is = directory_who_is(ledger.directory, clock)
        tokens = TokenStore(clock, rng)
        self._streams = StreamParts(
            ledger=ledger,
            intake=self._intake,
            hub=self._hub,
            source=source,
            metrics=self.metrics,
            who_is=who_is,
            latest_note=self._latest_note,
            clock=clock,
        )
        self._http_url = ""
        login = LoginService(origin=ledger.origin, audience=RELAY, who_is=who_is, tokens=tokens, clock=clock, rng=rng)
        bootstrap = Bootstrap(ledger, engine, self._log, lambda: self._http_url)
        directory = Directory(ledger, engine, self._log, self._publisher, acknowledger, clock)
        complaints = Complaints(ledger, engine, self._write_lock, clock, self.metrics)
        messaging = Messaging(self._streams, self._vaults, complaints)
        manifests = Manifests(ledger, engine, keys.relay, clock)
        warranted = self._warranted = Warranted(ledger, engine, self._write_lock, clock)
        review = Review(ledger, engine, self._log, manifests, warranted, clock)
        services = [
            Service("tapeline.wire.v1.Login", partial(add_LoginServicer_to_server, login)),
            Service("tapeline.wire.v1.Bootstrap", partial(add_BootstrapServicer_to_server, bootstrap)),
            Service("tapeline.wire.v1.Directory", partial(add_DirectoryServicer_to_server, directory)),
            Service("tapeline.wire.v1.Messaging", partial(add_MessagingServicer_to_server, messaging)),
            Service("tapeline.wire.v1.Review", partial(add_ReviewServicer_to_server, review)),
            Service("tapeline.wire.v1.Reports", partial(add_ReportsServicer_to_server, Reports(engine, complaints))),
        ]
        self._rpc = RpcServer(services, RELAY_TABLE, port=ports.rpc, who_is=who_is, tokens=tokens, clock=clock)
        readiness = Readiness({"database": self._database_answers, **log_checks(self._log, clock)})
        site = relay_http(
            engine,
            latest=self._log.latest,
            tokens=tokens,
            who_is=who_is,
            metrics=self.metrics,
            readiness=readiness,
        )
        self._http = HttpServer(site, ports.http)
        self._tasks: list[asyncio.Task[None]] = []
        self.publishing: asyncio.Task[None]
        """Ends by an error where a witness proves that the log went back: then the relay must stop."""

    async def start(self, rosters: Sequence[bytes]) -> dict[str, str]:
        """Enter rosters that the log lacks, listen; return the addresses."""
        for roster in rosters:
            await self._publisher.publish(LeafType.LEAF_TYPE_ROSTER, roster)
        self._say_what_ends()
        for task in (self._intake.run(), self._log.run(), self._announce_notes()):
            self._tasks.append(asyncio.create_task(task))
        self.publishing = self._tasks[1]
        self._http_url = await self._http.start()
        address = await self._rpc.start()
        return {"grpc": address, "http": self._http_url}

    def _say_what_ends(self) -> None:
        directory = self._ledger.directory
        for firm in directory.rosters.firms():
            keys = [directory.certificate_of(key.key_id) for key in directory.escrow_keys(firm)]
            log_expiry(directory.roster(firm), keys, self._clock())

    async def stop(self) -> None:
        """Finish what was taken, tell the streams, then close everything."""
        await self._intake.drain()
        self._streams.stop()
        await self._rpc.stop()
        await self._http.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._vaults.close()
        self._warranted.close()
        await self._log.close()

    async def _database_answers(self) -> str:
        async with self._engine.connect() as conn:
            await conn.execute(text("SELECT 1"))
        return ""

    def _latest_note(self) -> bytes:
        latest = self._log.latest()
        return latest.raw if latest else b""

    async def _announce_notes(self) -> None:
        """Wake the streams at every new checkpoint."""
        told = b""
        while True:
            if self._latest_note() != told:
                told = self._latest_note()
                self._hub.wake_all()
            await asyncio.sleep(NOTE_POLL_S)


async def open_relay(
    config: RelayConfig, keys: RelayKeys, engine: AsyncEngine, ports: Ports, *, clock: Clock, rng: Rng
) -> Relay:
    """Return a relay whose memory is rebuilt from the database; its ports are held, since this pins the roster.

    Raises:
        StateError: the roster names other keys than this relay's, or the stored log is not the one that was signed.
        Refused: a stored object breaks a rule.
    """
    rosters = [Roster.parse(read_founding_roster(path)) for path in config.rosters]
    if not rosters:
        raise StateError("No roster is given.", "Start with --roster FILE.")
    home = rosters[0]
    if home.relay_key != keys.relay.public or home.archive_log != keys.log.key.encode():
        raise StateError("The roster names other keys than this relay's.", "Check --data and --roster.")
    write_lock = asyncio.Lock()
    log = LogPublisher(
        engine,
        archive,
        keys.log,
        home.archive_origin,
        archive_trust(_founded(config.rosters[0])),
        clock,
        write_lock,
        settings=config.publisher,
    )
    await log.start()  # before anything is believed that the log holds
    directory = DirectoryState(pinned_rosters={roster.organisation: roster.statement_hash for roster in rosters})
    async with engine.connect() as conn:
        ledger = await conn.run_sync(load_ledger, directory, home.archive_origin)
    if not directory.rosters.knows(home.organisation):
        await _enter_first(config, keys, engine, ledger, clock)
    await log.follow(archive_trust(lambda: directory.rosters.home))
    return Relay(config, keys, engine, ports, log, write_lock, ledger, clock, rng)


async def _enter_first(config: RelayConfig, keys: RelayKeys, engine: AsyncEngine, ledger: Ledger, clock: Clock) -> None:
    """Enter the pinned roster as the archive's first leaf: without it, nothing has a policy to be judged by."""
    acknowledger = Acknowledger(keys.relay, ledger.origin)
    publisher = Publisher(ledger, engine, asyncio.Lock(), acknowledger, lambda _: None, clock, Metrics())
    await publisher.publish(LeafType.LEAF_TYPE_ROSTER, read_founding_roster(config.rosters[0]))


def _founded(roster: Path) -> Callable[[], RosterChain]:
    """Return the chain of the founding roster alone, by which the log is judged until it is checked and replayed."""
    envelope = read_founding_roster(roster)
    chain = RosterChain.pin(Roster.parse(envelope).statement_hash)
    chain.add(envelope, None)
    return lambda: chain
