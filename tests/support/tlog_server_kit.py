"""A log in a SQLite file with real witnesses in the same process, for the tests of the publisher."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from tlog_kit import LOG, ORIGIN, WITNESSES, policy

from tapeline.tlog.publisher import LogPublisher, PublisherSettings
from tapeline.tlog.storage import LogTables, append_leaves, log_tables
from tapeline.tlog.trust import Trust
from tapeline.tlog.witnessing import WitnessEndpoint
from tapeline.transparency.cosigned import verify_cosigned
from tapeline.transparency.policy import Policy
from tapeline.transparency.witness import MemoryWitnessStore, Witness, WitnessStore
from tapeline.witness.app import witness_app


@dataclass
class Clock:
    """A clock that tests set."""

    now_ms: int = 1_700_000_000_000

    def __call__(self) -> int:
        return self.now_ms


METADATA = MetaData()
TABLES = log_tables(METADATA)


@asynccontextmanager
async def engine_at(path: Path) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}")
    try:
        async with engine.begin() as conn:
            await conn.run_sync(METADATA.create_all)
        yield engine
    finally:
        await engine.dispose()


async def append(engine: AsyncEngine, entries: Sequence[bytes], tables: LogTables = TABLES) -> int:
    async with engine.begin() as conn:
        return await conn.run_sync(append_leaves, tables, entries)


@dataclass
class Witnesses(httpx.AsyncBaseTransport):
    """The real witness applications, reached by host name through ASGI; each may be cut off or given other answers."""

    clock: Clock
    stores: dict[str, WitnessStore] = field(default_factory=lambda: {name: MemoryWitnessStore() for name in WITNESSES})
    down: set[str] = field(default_factory=set)
    answers: dict[str, Callable[[httpx.Request], httpx.Response]] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    running: dict[str, Witness] = field(default_factory=dict)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        name = request.url.host
        body = await request.aread()
        if request.method == "POST":
            self.requests.append((name, body.split(b"\n", 1)[0].decode()))
        if name in self.down:
            raise httpx.ConnectError("cut off")
        if name in self.answers:
            return self.answers[name](request)
        if name not in self.running:
            self.replace(name, self.stores[name])
        app = witness_app(self.running[name], self.clock)
        return await httpx.ASGITransport(app).handle_async_request(request)

    def replace(self, name: str, store: WitnessStore, *, accept_older: bool = False) -> None:
        """Start a witness anew, on another memory."""
        self.stores[name] = store
        self.running[name] = Witness(WITNESSES[name], {ORIGIN: [LOG.key]}, store, accept_older=accept_older)


def trust_in(trusted: Policy) -> Trust:
    """One policy for ever, and all witnesses at their host names."""
    asked = [WitnessEndpoint(name, f"http://{name}/", one.key) for name, one in WITNESSES.items()]
    return Trust(lambda note: verify_cosigned(note, trusted, log_origin=ORIGIN), lambda _: asked)


def publisher_of(
    engine: AsyncEngine,
    witnesses: Witnesses,
    *,
    trusted: Policy | None = None,
    settings: PublisherSettings | None = None,
) -> LogPublisher:
    return LogPublisher(
        engine,
        TABLES,
        LOG,
        ORIGIN,
        trust_in(trusted or policy("group q 2 w1 w2 w3")),
        witnesses.clock,
        asyncio.Lock(),
        settings=settings,
        http=httpx.AsyncClient(transport=witnesses),
    )
