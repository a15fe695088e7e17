"""A small real deployment on loopback: three witnesses, vault, enroller and relay, founded with a real ceremony.

Witnesses, vault and enroller run in the loop that starts them; the relay runs there too, or as a process of its own
that can be killed and started again on its data.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import grpc.aio

from tapeline.base.errors import StateError
from tapeline.base.seam import system_clock, system_rng
from tapeline.base.times import Clock, Rng
from tapeline.client.transport.calls import Caller
from tapeline.client.transport.methods import Method
from tapeline.crypto.enrolment import format_enrolment
from tapeline.crypto.login import VAULT
from tapeline.crypto.signing import SigningKey
from tapeline.enroller import keys as enroller_keys
from tapeline.enroller.rpc import ENROLLER_TABLE, Enroller
from tapeline.enroller.service import EnrollerService
from tapeline.enroller.store import open_store
from tapeline.governance.person import Witness as RosterWitness
from tapeline.relay.app import open_relay
from tapeline.relay.config import RelayConfig
from tapeline.relay.keys import init_keys as init_relay
from tapeline.relay.keys import load_keys as load_relay
from tapeline.relay.storage.engine import migrate, open_engine
from tapeline.rpc.server import RpcPort, RpcServer, Service
from tapeline.rpc.session import log_in
from tapeline.rpc.tokens import TokenStore
from tapeline.testing.auditlog import MemoryAuditLog
from tapeline.testing.founding import CLASS, EscrowEpoch, Founding, PublicParts, found, make_escrow_key
from tapeline.tlog.listen import HttpPort, HttpServer
from tapeline.tlog.ports import taken_ports
from tapeline.tlog.trust import endpoints
from tapeline.transparency.keys import VerifierKey
from tapeline.transparency.witness import MemoryWitnessStore, Witness
from tapeline.vault.keys import init_keys as init_vault
from tapeline.vault.serve import VaultConfig
from tapeline.vault.serve import serve as serve_vault
from tapeline.wire.v1.enroller_pb2_grpc import add_EnrollerServicer_to_server
from tapeline.wire.v1.escrow_pb2 import VaultKeyRequest, VaultUpdate
from tapeline.wire.v1.escrow_pb2_grpc import VaultStub
from tapeline.wire.v1.objects_pb2 import Ack, LeafType
from tapeline.wire.v1.relay_pb2 import MirrorRequest
from tapeline.witness.app import witness_app
from tapeline.witness.keyfile import create_key

ARCHIVE = "bank.example/archive"
AUDIT = "bank.example/audit"
WITNESSES = (("inside", "inside"), ("outside-1", "outside"), ("outside-2", "outside"))
START_SECONDS = 60.0
_RELAY = (sys.executable, "-c", "from tapeline.cli.relay import app; app()")
_MIRROR = Method("/tapeline.wire.v1.Directory/Mirror", MirrorRequest, Ack)


@dataclass
class Deployment:
    """A running deployment; made by `Deployment.start`.

    Attributes:
        folder: everything's data.
        founding: roster and the people's keys.
        epoch: the escrow key, its certificate and the custodians' shares.
        relay, enroller, vault: gRPC addresses, host:port.
        relay_http: base address of tiles and metrics.
    """

    folder: Path
    clock: Clock
    rng: Rng
    relay_process: bool
    founding: Founding = field(init=False)
    epoch: EscrowEpoch = field(init=False)
    relay: str = ""
    relay_http: str = ""
    enroller: str = ""
    vault: str = ""
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _relay_stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _process: asyncio.subprocess.Process | None = None
    _enroller_service: EnrollerService | None = None
    _known_logs: dict[str, list[VerifierKey]] = field(default_factory=dict)
    _witnesses: list[RosterWitness] = field(default_factory=list)

    @classmethod
    async def start(
        cls, folder: Path, *, relay_process: bool = True, clock: Clock = system_clock, rng: Rng = system_rng
    ) -> Deployment:
        """Found and start everything.

        Args:
            folder: empty or absent.
            relay_process: run the relay as a process of its own; then it has the system's clock.
            clock, rng: of everything that runs in this process.
        """
        deployment = cls(folder, clock, rng, relay_process)
        try:
            await deployment._found()
        except BaseException:
            await deployment.stop()
            raise
        return deployment

    async def stop(self) -> None:
        """Stop everything; the data stay."""
        await self.stop_relay()
        await self._stack.aclose()

    async def code(self, user: str) -> str:
        """Return a fresh enrolment code for a user."""
        if self._enroller_service is None:
            raise StateError("The enroller does not run.", "Start the deployment.")
        return format_enrolment(await self._enroller_service.new_code(user))

    # --- the relay, which may go and come back ----------------------------------------------------------------------

    async def start_relay(self) -> None:
        """Start the relay on its data, at the address that it had before."""
        if self.relay_process:
            await self._start_relay_process()
        else:
            await self._start_relay_here()

    async def stop_relay(self, *, kill: bool = False) -> None:
        """End the relay: drained, or by SIGKILL."""
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
            await self._process.wait()
        self._process = None
        await self._relay_stack.aclose()

    def _ports(self) -> tuple[int, int]:
        """Return the ports to take: those of before, so that clients find the relay again."""
        return tuple(int(one.rpartition(":")[2] or 0) if one else 0 for one in (self.relay, self.relay_http))  # type: ignore[return-value]

    async def _start_relay_process(self) -> None:
        port, http_port = self._ports()
        firm = self.founding.roster.organisation
        options = ["--data", self._data("relay"), "--roster", self._roster_file(), "--vault", f"{firm}={self.vault}"]
        ports = ["--port", str(port), "--http-port", str(http_port), "--json"]
        self._process = await asyncio.create_subprocess_exec(
            *_RELAY, "serve", *map(str, options), *ports, stdout=asyncio.subprocess.PIPE
        )
        if self._process.stdout is None:
            raise StateError("The relay has no output.", "Start it by hand.")
        line = await asyncio.wait_for(self._process.stdout.readline(), START_SECONDS)
        where = json.loads(line)
        self.relay, self.relay_http = where["grpc"], where["http"]

    async def _start_relay_here(self) -> None:
        port, http_port = self._ports()
        firm = self.founding.roster.organisation
        config = RelayConfig(
            self._data("relay"), (self._roster_file(),), grpc_port=port, http_port=http_port, vaults={firm: self.vault}
        )
        ports = await self._relay_stack.enter_async_context(taken_ports(config.host, port, http_port, config.server))
        engine = open_engine(config.database)
        self._relay_stack.push_async_callback(engine.dispose)
        await migrate(engine)
        relay = await open_relay(config, load_relay(config.data), engine, ports, clock=self.clock, rng=self.rng)
        where = await relay.start([self._roster_file().read_bytes()])
        self._relay_stack.push_async_callback(relay.stop)
        self.relay, self.relay_http = where["grpc"], where["http"]

    # --- founding ---------------------------------------------------------------------------------------------------

    async def _found(self) -> None:
        relay = init_relay(self._data("relay"), ARCHIVE, self.rng)
        enroller = enroller_keys.init_key(self._data("enroller"), self.rng)
        vault = init_vault(self._data("vault"), self.rng)
        vault.store.close()
        escrow, audit = SigningKey.generate(self.rng), MemoryAuditLog(AUDIT, self.rng, self.clock)
        self._known_logs = {ARCHIVE: [relay.log.key], AUDIT: [audit.signer.key]}
        for name, group in WITNESSES:
            self._witnesses.append(await self._start_witness(name, group))
        parts = PublicParts(
            relay_key=relay.relay.public,
            archive_log=relay.log.key.encode(),
            enroller_key=enroller.public,
            escrow_key=escrow.public,
            audit_log=audit.signer.key.encode(),
            vault_key=vault.roster.public,
        )
        self.founding = found(parts, self._witnesses, rng=self.rng, now_ms=self.clock())
        await asyncio.to_thread(self._roster_file().write_bytes, self.founding.envelope)
        await self._start_vault()
        await self._start_enroller(enroller)
        await self.start_relay()
        await self._certify(escrow, audit)

    async def _start_witness(self, name: str, group: str) -> RosterWitness:
        cosigner = create_key(self._data(f"witness-{name}"), f"{name}.example/witness", self.rng)
        witness = Witness(cosigner, self._known_logs, MemoryWitnessStore())
        server = HttpServer(witness_app(witness, self.clock), HttpPort("127.0.0.1", 0))
        url = await server.start()
        self._stack.push_async_callback(server.stop)
        return RosterWitness(name, cosigner.key.encode(), url, group)

    async def _start_vault(self) -> None:
        stop, listening = asyncio.Event(), asyncio.get_running_loop().create_future()
        config = VaultConfig(self._data("vault"), self._roster_file())
        task = asyncio.create_task(
            serve_vault(config, ready=listening.set_result, clock=self.clock, rng=self.rng, stop=stop)
        )

        def ended(done: asyncio.Task[None]) -> None:
            if not listening.done():
                listening.set_exception(_cause(done))

        task.add_done_callback(ended)
        self.vault = str((await listening)["grpc"])

        async def end() -> None:
            stop.set()
            await task

        self._stack.push_async_callback(end)

    async def _start_enroller(self, key: SigningKey) -> None:
        engine = await open_store(self._data("enroller") / "codes.db")
        self._stack.push_async_callback(engine.dispose)
        service = EnrollerService(
            key, self.founding.roster, engine, self.clock, self.rng, device_ms=300 * 24 * 3_600_000
        )
        server = RpcServer(
            [Service("tapeline.wire.v1.Enroller", partial(add_EnrollerServicer_to_server, Enroller(service)))],
            ENROLLER_TABLE,
            port=RpcPort("127.0.0.1", 0),
            who_is=lambda _: None,
            tokens=TokenStore(self.clock, self.rng),
            clock=self.clock,
        )
        self.enroller = await server.start()
        self._stack.push_async_callback(server.stop)
        self._enroller_service = service

    async def _certify(self, escrow: SigningKey, audit: MemoryAuditLog) -> None:
        """Make E in a ceremony and V at the vault, certify both, and enter them in both logs."""
        roster = self.founding.roster
        async with grpc.aio.insecure_channel(self.vault) as channel:
            vault = VaultStub(channel)
            metadata = await log_in(channel, escrow, origin=roster.audit_origin, audience=VAULT)
            made = await vault.MakeKey(VaultKeyRequest(epoch=1, retention_class=CLASS), metadata=metadata)
            self.epoch = make_escrow_key(self.founding, made.v_public, rng=self.rng, now_ms=self.clock())
            update = VaultUpdate(rosters=[self.founding.envelope], certificates=[self.epoch.envelope])
            await vault.Learn(update, metadata=metadata)
        asked = endpoints(roster.witnesses)
        await audit.prove("roster", self.founding.envelope, asked)
        proof = await audit.prove("escrow-key", self.epoch.envelope, asked)
        async with grpc.aio.insecure_channel(self.relay) as channel:
            caller = Caller(channel, escrow, roster.archive_origin, self.clock)
            request = MirrorRequest(type=LeafType.LEAF_TYPE_CERTIFICATE, dsse=self.epoch.envelope, audit_proof=proof)
            await caller.call(_MIRROR, request)

    def _data(self, name: str) -> Path:
        return self.folder / name

    def _roster_file(self) -> Path:
        return self.folder / "roster.json"


def _cause(task: asyncio.Task[None]) -> BaseException:
    error = None if task.cancelled() else task.exception()
    return error or StateError("The vault ended before it listened.", "Look at its data folder.")
