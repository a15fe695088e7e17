"""The board: takes signed statements into the audit log, and hands log and statements out again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import structlog
from sqlalchemy import Connection

from tapeline.base.rules import Refused
from tapeline.base.times import Clock
from tapeline.crypto.ack import sign_ack
from tapeline.crypto.signing import SigningKey
from tapeline.escrow import store
from tapeline.escrow.admission import POSTED_KINDS, admit
from tapeline.escrow.database import Database
from tapeline.escrow.quotas import BoardLimits, Quotas
from tapeline.escrow.readers import may_read
from tapeline.escrow.state import BoardState
from tapeline.escrow.store import NewStatement, Stored
from tapeline.governance.dsse import parse_envelope
from tapeline.rpc.principal import maybe_caller
from tapeline.wire.v1 import escrow_pb2 as wire

Listener = Callable[[Stored], Awaitable[None]]
_log = structlog.get_logger("tapeline.escrow")
PAGE = 512
PAGE_BYTES = 8 * 1024 * 1024


class Board:
    """The one writer of statements.

    Args:
        database: the service's.
        state: empty; `load` fills it.
        key: signs acknowledgements and warrants.
        clock: unix milliseconds.
        limits: how much one person may have logged.
    """

    def __init__(
        self,
        database: Database,
        state: BoardState,
        key: SigningKey,
        clock: Clock,
        limits: BoardLimits | None = None,
    ) -> None:
        self._database = database
        self.state = state
        self.key = key
        self.clock = clock
        self._listeners: list[Listener] = []
        self._quotas = Quotas(limits or BoardLimits(), clock)

    def listen(self, listener: Listener) -> None:
        """Tell `listener` of each statement from now on, after it is durable."""
        self._listeners.append(listener)

    async def load(self, first_roster: bytes) -> None:
        """Replay the stored statements; an empty log begins with the roster that the officers founded it with.

        Raises:
            Refused: GOV-3, where the first roster is not validly signed.
        """
        for stored in await self._database.read(lambda conn: store.read_from(conn, 0, 2**31)):
            self.state.apply(stored)
        if len(self.state.chain) == 0:
            await self.post("roster", first_roster)

    async def post(self, kind: str, dsse: bytes) -> wire.AuditAck:
        """Take a statement of a person; the same one again is acknowledged with its first leaf.

        Raises:
            MalformedInput, NotFound, Refused: see `admission.admit`.
        """
        if kind in POSTED_KINDS:
            statement_hash = parse_envelope(dsse, kind).statement_hash
            # Judged again, a roster would not follow the newest one, which is itself.
            known = await self._database.read(lambda conn: store.find(conn, statement_hash))
            if known is not None:
                return self._ack(known)
        return (await self.add([lambda: admit(self.state, kind, dsse, self.clock())]))[0]

    async def add(
        self, statements: Sequence[Callable[[], NewStatement]], sealed: bytes | None = None
    ) -> list[wire.AuditAck]:
        """Take statements, verified one after the other against what stands then, together or not at all.

        Raises:
            LimitExceeded: the caller has had as many of a kind logged as one may; what this service itself logs has
                no limit.
        """
        caller = maybe_caller()
        person = caller.name if caller is not None else None
        try:
            stored, added = await self._database.write(lambda conn: self._add_in(conn, statements, sealed, person))
        except Refused as refusal:
            _log.warning("statement_refused", rule=refusal.rule)
            raise
        # Durable now; nothing else runs between the commit and these lines, since neither awaits.
        for one in added:
            self.state.apply(one)
            if person is not None:
                self._quotas.note(person, one.kind)
            _log.info("statement_logged", kind=one.kind, index=one.position, case=one.about.hex()[:16])
        for one in added:
            for listener in self._listeners:
                await listener(one)
        return [self._ack(one) for one in stored]

    def _add_in(
        self,
        conn: Connection,
        statements: Sequence[Callable[[], NewStatement]],
        sealed: bytes | None,
        person: str | None,
    ) -> tuple[list[Stored], list[Stored]]:
        stored: list[Stored] = []
        added: list[Stored] = []
        # The write lock is held: nothing can become a leaf between the check and the leaf.
        for verify in statements:
            new = verify()
            before = store.find(conn, new.statement_hash)
            if before is None and person is not None:
                self._quotas.require_room(person, new.kind, sum(one.kind == new.kind for one in added))
            one = before or store.append(conn, new, self.clock(), sealed)
            if before is None:
                added.append(one)
            stored.append(one)
        return stored, added

    def _ack(self, stored: Stored) -> wire.AuditAck:
        signature = sign_ack(self.key, self.state.roster.audit_origin, stored.position, stored.leaf)
        return wire.AuditAck(index=stored.position, leaf=stored.leaf, signature=signature)

    async def page(self, since: int, limit: int, size: int, roles: frozenset[str]) -> list[wire.AuditItem]:
        """Return the items from `since` on, below `size`; texts only where the caller's roles may read them.

        A page ends early, after at least one item, where its texts would pass 8 MiB.
        """
        if since >= size:  # beyond the log, and perhaps beyond what the database can count
            return []
        count = min(limit or PAGE, PAGE, size - since)
        found = await self._database.read(lambda conn: store.read_from(conn, since, count))
        items: list[wire.AuditItem] = []
        left = PAGE_BYTES
        for one in found:
            text = one.dsse if may_read(one.kind, roles) else b""
            left -= len(text)
            if items and left < 0:
                break
            items.append(wire.AuditItem(index=one.position, leaf=one.leaf, dsse=text))
        return items

    async def bundles(self, case_hash: bytes) -> list[wire.Bundle]:
        """Return a case's releases with their sealed bundles."""
        found = await self._database.read(lambda conn: store.bundles_of(conn, case_hash))
        return [wire.Bundle(release=one.dsse, sealed_bundle=sealed, index=one.position) for one, sealed in found]
