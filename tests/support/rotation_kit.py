"""An audit log whose rosters change witnesses: a real publisher, real witness applications, a clock that tests move."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

import httpx
from gov_kit import T0, WITNESSES, log_signer, make_roster, sign_roster, successor, witness
from sqlalchemy.ext.asyncio import AsyncEngine
from tlog_server_kit import TABLES, Clock, append

from tapeline.base.times import MINUTE
from tapeline.governance.audit_replay import AuditEntry
from tapeline.governance.auditleaf import make_audit_leaf
from tapeline.governance.chain import RosterChain
from tapeline.governance.dsse import parse_envelope
from tapeline.governance.person import Witness as RosterWitness
from tapeline.governance.roster import Roster, WitnessQuorum
from tapeline.tlog.publisher import LogPublisher
from tapeline.tlog.trust import audit_trust
from tapeline.transparency.witness import MemoryWitnessStore, Witness
from tapeline.witness.app import witness_app

ORIGIN = "acme.example/audit"
LOG = log_signer(ORIGIN)
DELAY = 30 * MINUTE


def listening(*names: str) -> tuple[RosterWitness, ...]:
    """Witnesses of a roster, each at its host name."""
    return tuple(replace(witness(name), url=f"http://{name}/") for name in names)


def founded(*names: str, **changes: object) -> Roster:
    """A first roster that needs two of its witnesses, one of them outside."""
    values = {"witness_quorum": WitnessQuorum(2, 1), "change_delay_ms": DELAY, "publication_delay_ms": 0, **changes}
    return make_roster(witnesses=listening(*names), **values)


@dataclass
class Hosts(httpx.AsyncBaseTransport):
    """The real witness applications, reached by host name; those in `down` are cut off."""

    clock: Clock
    down: set[str] = field(default_factory=set)
    stores: dict[str, MemoryWitnessStore] = field(default_factory=dict)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        name = request.url.host
        await request.aread()
        if name in self.down:
            raise httpx.ConnectError("cut off")
        store = self.stores.setdefault(name, MemoryWitnessStore())
        app = witness_app(Witness(WITNESSES[name.removesuffix("-moved")], {ORIGIN: [LOG.key]}, store), self.clock)
        return await httpx.ASGITransport(app).handle_async_request(request)


class Firm:
    """The audit log with its rosters; `post` adds a version, `publish` a checkpoint, which all readers must believe."""

    def __init__(self, engine: AsyncEngine, first: Roster) -> None:
        self.engine = engine
        self.clock = Clock(T0)
        self.hosts = Hosts(self.clock)
        self.roster = first
        self.pinned = first.statement_hash
        self.chain = RosterChain.pin(self.pinned)
        self.entries: list[AuditEntry] = []
        self.dates: list[int] = []
        self.publisher = self.restarted()

    def restarted(self) -> LogPublisher:
        """A publisher as a service makes it that starts now."""
        http = httpx.AsyncClient(transport=self.hosts)
        trust = audit_trust(lambda: self.chain, self.clock)
        return LogPublisher(self.engine, TABLES, LOG, ORIGIN, trust, self.clock, asyncio.Lock(), http=http)

    async def found(self) -> None:
        await self._log("roster", sign_roster(self.roster))

    async def post(self, *names: str, **changes: object) -> Roster:
        """Log the next roster, with these witnesses."""
        self.roster = successor(self.roster, witnesses=listening(*names), **changes)
        await self._log("roster", sign_roster(self.roster))
        return self.roster

    async def post_roster(self, roster: Roster) -> None:
        self.roster = roster
        await self._log("roster", sign_roster(roster))

    async def _log(self, kind: str, envelope: bytes) -> None:
        leaf = make_audit_leaf(parse_envelope(envelope, kind), self.clock())
        await append(self.engine, [leaf])
        self.entries.append(AuditEntry(leaf, envelope))
        self.dates.append(self.clock())
        self.chain.add(envelope, self.clock())

    def reader(self, size: int) -> RosterChain:
        """The rosters as somebody replays them who has only what lies below a checkpoint."""
        chain = RosterChain.pin(self.pinned)
        for entry, date in zip(self.entries[:size], self.dates, strict=False):
            chain.add(entry.statement, date)
        return chain

    async def older_notes(self) -> list[bytes]:
        """The earliest notes that hold each later roster, as the board hands them out."""
        found = [await self.publisher.first_with(index) for index in range(1, len(self.entries))]
        return [one.raw for one in found if one is not None]
