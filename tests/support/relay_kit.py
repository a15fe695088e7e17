"""A deployment around a real relay on loopback: witnesses, rosters, escrow keys, all by the system clock."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc.aio
from gov_kit import (
    DEPLOYMENT,
    WITNESSES,
    Log,
    key,
    make_certificate,
    make_roster,
    person,
    sign,
    sign_certificate,
    sign_roster,
)
from gov_kit import PEOPLE as GOV_PEOPLE

from tapeline.base.remote import TRAILER, error_from_bytes
from tapeline.base.seam import system_clock, system_rng
from tapeline.base.times import DAY
from tapeline.crypto.login import RELAY, sign_login
from tapeline.crypto.signing import SigningKey
from tapeline.governance.auditleaf import make_audit_leaf
from tapeline.governance.dsse import parse_envelope
from tapeline.governance.person import Witness as RosterWitness
from tapeline.governance.revocation import Revocation
from tapeline.governance.roster import Roster
from tapeline.relay.app import Relay, open_relay
from tapeline.relay.config import RelayConfig
from tapeline.relay.keys import RelayKeys, init_keys, load_keys
from tapeline.relay.storage.engine import migrate, open_engine
from tapeline.testing.clock import ManualClock
from tapeline.tlog.listen import HttpPort, HttpServer
from tapeline.tlog.ports import taken_ports
from tapeline.tlog.publisher import PublisherSettings
from tapeline.transparency.tlogproof import TlogProof
from tapeline.transparency.witness import MemoryWitnessStore, Witness
from tapeline.wire.v1 import objects_pb2 as pb
from tapeline.wire.v1.common_pb2 import ChallengeRequest, LoginRequest
from tapeline.wire.v1.common_pb2_grpc import LoginStub
from tapeline.wire.v1.objects_pb2 import SignedObject
from tapeline.wire.v1.relay_pb2 import MirrorRequest
from tapeline.wire.v1.relay_pb2_grpc import DirectoryStub
from tapeline.witness.app import witness_app

PEOPLE = (*GOV_PEOPLE, ("aura", {"auditor"}, ""))
ORIGIN = "archive.example"
ASKED = ("in1", "out1")
COMMAND = [sys.executable, "-c", "from tapeline.cli.relay import app; app()"]
FAST = PublisherSettings(interval_ms=50)


@asynccontextmanager
async def refusals() -> AsyncIterator[None]:
    """Raise the typed error of a failed call's trailer, as a client does."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        for name, value in error.trailing_metadata() or ():
            if name == TRAILER and isinstance(value, bytes):
                raise error_from_bytes(value) from error
        raise


async def login(
    channel: grpc.aio.Channel, signing: SigningKey, origin: str = ORIGIN, audience: str = RELAY
) -> list[tuple[str, str]]:
    """Return the metadata of a logged-in caller."""
    stub = LoginStub(channel)
    async with refusals():
        challenge = await stub.GetChallenge(ChallengeRequest(key=signing.public))
        answer = sign_login(signing, challenge, origin=origin, audience=audience)
        token = await stub.Prove(LoginRequest(login=SignedObject.FromString(answer)))
    return [("authorization", f"Bearer {token.token.hex()}")]


@dataclass
class Deployment:
    """Keys, witnesses and rosters; `relay` starts a relay on them, again and again on the same folder."""

    folder: Path
    keys: RelayKeys
    rosters: dict[str, Roster]
    roster_files: tuple[Path, ...]
    audits: dict[str, Log] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)
    clock: ManualClock = field(default_factory=ManualClock)
    """Of a relay in this process."""

    def config(self, **changes: object) -> RelayConfig:
        values: dict[str, object] = {"data": self.folder, "rosters": self.roster_files, "publisher": FAST}
        return RelayConfig(**{**values, **self.settings, **changes})  # type: ignore[arg-type]

    @asynccontextmanager
    async def relay(self, **changes: object) -> AsyncIterator[RunningRelay]:
        config = self.config(**changes)
        engine = open_engine(config.database)
        try:
            await migrate(engine)
            async with taken_ports(config.host, config.grpc_port, config.http_port, config.server) as ports:
                keys = load_keys(config.data)
                relay = await open_relay(config, keys, engine, ports, clock=self.clock, rng=system_rng)
                where = await relay.start([path.read_bytes() for path in self.roster_files])
                async with grpc.aio.insecure_channel(where["grpc"]) as channel:
                    try:
                        yield RunningRelay(self, relay, channel, where)
                    finally:
                        await relay.stop()
        finally:
            await engine.dispose()

    @asynccontextmanager
    async def process(self, *options: str, preexec: Callable[[], None] | None = None) -> AsyncIterator[RunningRelay]:
        """Run the relay as an operator does; a process that still runs at the end is killed."""
        rosters = [part for path in self.roster_files for part in ("--roster", str(path))]
        process = await asyncio.create_subprocess_exec(
            *COMMAND, "serve", "--data", str(self.folder), *rosters, "--json", *options, stdout=-1, preexec_fn=preexec
        )
        assert process.stdout is not None
        try:
            where = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
            async with grpc.aio.insecure_channel(where["grpc"]) as channel:
                yield RunningRelay(self, process, channel, where)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    def revocation_request(self, kind: str, target: str, firm: str = "acme") -> MirrorRequest:
        """A revocation by the officers' quorum, ready to be mirrored."""
        revocation = Revocation(kind, target, "", "lost", system_clock())
        envelope = sign(revocation, f"{firm}/olga", f"{firm}/omar")
        return self.mirror_request(firm, pb.LEAF_TYPE_REVOCATION, "revocation", envelope)

    def mirror_request(self, firm: str, leaf_type: int, kind: str, envelope: bytes) -> MirrorRequest:
        """Log a statement in the firm's audit log and prove it, as the escrow service does."""
        audit = self.audits[firm]
        now = system_clock()
        leaf = make_audit_leaf(parse_envelope(envelope, kind), now)
        index = audit.append(leaf)
        proof = TlogProof(index, tuple(audit.proof(index)), audit.note(now), leaf).encode()
        return MirrorRequest(type=leaf_type, dsse=envelope, audit_proof=proof)  # type: ignore[arg-type]


@dataclass
class RunningRelay:
    """A relay, in this process or in one of its own, reached over gRPC and HTTP."""

    deployment: Deployment
    relay: Relay | asyncio.subprocess.Process
    channel: grpc.aio.Channel
    where: dict[str, str]

    async def person(self, name: str, firm: str = "acme") -> list[tuple[str, str]]:
        """Log a person of the roster in."""
        return await login(self.channel, key(f"{firm}/{name}"))

    async def revoke(self, kind: str, target: str, firm: str = "acme") -> pb.Ack:
        """Mirror a revocation by the officers' quorum."""
        request = self.deployment.revocation_request(kind, target, firm)
        async with refusals():
            return await DirectoryStub(self.channel).Mirror(request, metadata=await self.person("escrow", firm))

    async def certify(self, firm: str = "acme", epoch: int = 1) -> pb.Ack:
        """Mirror the certificate of a fresh escrow key."""
        now = system_clock()
        certificate = make_certificate(
            self.deployment.rosters[firm], epoch, active_from_ms=now - DAY, not_after_ms=now + 365 * DAY
        )
        request = self.deployment.mirror_request(
            firm, pb.LEAF_TYPE_CERTIFICATE, "escrow-key", sign_certificate(certificate)
        )
        async with refusals():
            metadata = await self.person("escrow", firm)
            return await DirectoryStub(self.channel).Mirror(request, metadata=metadata)


def build(folder: Path, witnesses: Sequence[RosterWitness], firms: Sequence[str] = ("acme",)) -> Deployment:
    """Make keys and rosters in a folder."""
    keys = init_keys(folder, ORIGIN, system_rng)
    now = system_clock()
    rosters = {
        firm: make_roster(
            firm,
            people=tuple(person(firm, name, set(roles), group) for name, roles, group in PEOPLE),
            witnesses=tuple(witnesses),
            archive_log=keys.log.key.encode(),
            relay_key=keys.relay.public,
            expires_ms=now + 365 * DAY,
        )
        for firm in firms
    }
    files = []
    for firm, roster in rosters.items():
        files.append(folder / f"roster-{firm}.json")
        files[-1].write_bytes(sign_roster(roster))
    return Deployment(folder, keys, rosters, tuple(files), {firm: Log(f"{firm}.example/audit") for firm in firms})


@asynccontextmanager
async def deployment(folder: Path, firms: Sequence[str] = ("acme",)) -> AsyncIterator[Deployment]:
    """Run the real witnesses over HTTP in this process, and make a deployment that names them."""
    logs: dict[str, list[object]] = {}
    async with AsyncExitStack() as stack:
        rows = []
        for name in ("in1", "out1", "out2"):
            witness = Witness(WITNESSES[name], logs, MemoryWitnessStore())  # type: ignore[arg-type]
            server = HttpServer(witness_app(witness, system_clock), HttpPort("127.0.0.1", 0))
            url = await server.start() if name in ASKED else ""
            if name in ASKED:
                stack.push_async_callback(server.stop)
            group = "inside" if name.startswith("in") else "outside"
            rows.append(RosterWitness(name, WITNESSES[name].key.encode(), url, group))
        made = build(folder, rows, firms)
        logs[ORIGIN] = [made.keys.log.key]
        yield made


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Poll a callable until it is true."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (any condition, of any process)
            await asyncio.sleep(0.01)


__all__ = ["DEPLOYMENT", "Deployment", "RunningRelay", "build", "deployment", "login", "refusals", "until"]
