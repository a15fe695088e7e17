"""One client's sync of the directory: pages since its cursor, one proof per leaf, verified once, then stored."""

from __future__ import annotations

import asyncio
from sqlite3 import Connection

from tapeline.base.errors import NotFound, StateError, TapelineError
from tapeline.base.rules import Refused, Rule, require
from tapeline.base.times import MINUTE, Clock
from tapeline.client.directory.bootstrap import Pins, bootstrap, is_refused_note
from tapeline.client.directory.news import News, Watcher
from tapeline.client.directory.shared import Quarantined, SharedDirectory
from tapeline.client.errors import RelayUnreachable
from tapeline.client.leafcheck import parse_leaf
from tapeline.client.store import leaves, meta
from tapeline.client.store.database import Database
from tapeline.client.store.leaves import DirectoryRow
from tapeline.client.transport.calls import Caller
from tapeline.client.transport.methods import SYNC
from tapeline.crypto.record.dating import require_included
from tapeline.directory.state import DIRECTORY_TYPES, DirectoryState
from tapeline.transparency.cosigned import CosignedCheckpoint
from tapeline.wire.v1.relay_pb2 import DirectoryItem, SyncPage, SyncRequest

PAGE = 512
FRESH_MS = MINUTE
_NEXT = "directory/next"
_NOTE = "directory/note"
_POLL_SECONDS = 0.1
_WAIT_SECONDS = 30.0


class DirectorySync:
    """Feeds the (shared) directory with what the relay shows this client."""

    def __init__(self, shared: SharedDirectory, database: Database, caller: Caller, pins: Pins, clock: Clock) -> None:
        self.shared = shared
        self._database = database
        self._caller = caller
        self._pins = pins
        self._clock = clock
        self._next = 0
        self._note: CosignedCheckpoint | None = None
        self._lock = asyncio.Lock()
        self.watcher: Watcher | None = None

    @property
    def state(self) -> DirectoryState:
        """The replayed state."""
        return self.shared.state

    @property
    def next(self) -> int:
        """Below this index everything that the relay shows this client is in the state."""
        return self._next

    async def restore(self) -> None:
        """Replay what the store holds; its pages are authenticated, so no proof is asked again."""
        rows, following, note = await self._database.run(
            lambda db: (leaves.load_directory(db), meta.get_int(db, _NEXT), meta.get(db, _NOTE))
        )
        self.shared.apply(rows)
        self._next = following
        if note is not None and self.shared.has_roster and self.shared.believes(note):
            self._note = self.shared.verify_note(note)
            self.shared.notes.restore(self._note)

    async def refresh(self) -> CosignedCheckpoint:
        """Fetch everything new and return the note that it is complete up to."""
        async with self._lock:
            try:
                return await self._refresh()
            except Refused as refused:
                if self.watcher:
                    await self.watcher.refused(refused, self._next)
                raise

    async def _refresh(self) -> CosignedCheckpoint:
        while True:
            page = await self._caller.call(SYNC, SyncRequest(since=self._next, limit=PAGE))
            note = await self.take_note(page.note)
            await self._take(page, note)
            if self._next >= note.size:
                # All rosters below the note are replayed now: whoever cosigned must be in force by their leaves.
                self._note = self.shared.state.verify_archive_note(note.raw)
                return note

    async def ensure(self, size: int) -> None:
        """Wait until the state is complete below `size`, which a cosigned note must soon cover.

        Raises:
            RelayUnreachable: no such note came in time.
        """
        deadline = asyncio.get_running_loop().time() + _WAIT_SECONDS
        while self._next < size:
            await self.refresh()
            if self._next < size:
                if asyncio.get_running_loop().time() > deadline:
                    raise RelayUnreachable("No cosigned note covers the leaf yet.", "It is tried again by itself.")
                await asyncio.sleep(_POLL_SECONDS)

    async def fresh_note(self, max_age_ms: int = FRESH_MS) -> CosignedCheckpoint:
        """Return a note, not older than that, below whose size the state is complete."""
        if self._note is None or self._clock() - self._note.median_time_ms > max_age_ms:
            return await self.refresh()
        return self._note

    def entry_chain(self, entry_hash: bytes) -> list[DirectoryRow]:
        """Return the rows of a device entry and of its issuers up to the enroller's."""
        return self.shared.entry_chain(entry_hash)

    async def take_note(self, raw: bytes) -> CosignedCheckpoint:
        """Return a shown note, verified and of one history with those before; a new roster is fetched if need be.

        Raises:
            Refused: as `NoteKeeper.offer`.
            StateError: an empty note; retryable.
        """
        if not raw:
            raise StateError("The archive log has no cosigned note yet.", "Start the witnesses.", retryable=True)
        try:
            return await self.shared.notes.offer(raw, self._caller)
        except Refused as refused:
            if not is_refused_note(refused):
                raise
            # A newer roster may name other witnesses: its chain is asked for, and held against the pin.
            self.shared.use_bootstrap(await bootstrap(self._caller.channel, self._pins))
            return await self.shared.notes.offer(raw, self._caller)

    async def _take(self, page: SyncPage, note: CosignedCheckpoint) -> None:
        """Take a page: prove every item, let the state judge each, store all with the cursor and the alarms.

        What does not verify is stored too, since its leaf stands in the log; it is tried again at the next opening.
        """
        rows = self._rows(page, note, self._next)
        aside: list[Quarantined] = []
        taken: list[DirectoryRow] = []
        for row in rows:
            taken += [*await self._missing_before(row, aside), row]
            aside += self.shared.apply([row])
        news = self.watcher.judge(taken, aside) if self.watcher else News()
        believed = self.shared.believes(note.raw)

        def job(db: Connection) -> None:
            leaves.add_directory(db, taken)
            meta.put_int(db, _NEXT, page.next)
            if believed:  # by what is stored: a start in the middle of catching up judges it by nothing else
                meta.put(db, _NOTE, note.raw)
            news.store(db)

        await self._database.run(job)
        self._next = page.next
        if self.watcher:
            self.watcher.tell(news)

    async def _missing_before(self, row: DirectoryRow, aside: list[Quarantined]) -> list[DirectoryRow]:
        """Fetch and take the statements that a membership row extends and that were not shown here before."""
        try:
            lacking = self.shared.lacks_before(row)
        except TapelineError:
            return []  # it does not parse: `apply` says so
        if lacking is None:
            return []
        conversation, since = lacking
        found: list[DirectoryRow] = []
        while since < row.leaf_index:
            request = SyncRequest(since=since, limit=PAGE, conversation=conversation)
            page = await self._caller.call(SYNC, request)
            note = await self.take_note(page.note)
            chain = [one for one in self._rows(page, note, since) if one.leaf_index < row.leaf_index]
            aside += self.shared.apply(chain)
            found += chain
            since = page.next
        return found

    def _rows(self, page: SyncPage, note: CosignedCheckpoint, since: int) -> list[DirectoryRow]:
        """Return a page's items, each proven, having checked that the page fits its note and goes on."""
        require(
            since <= page.next <= note.size and len(page.items) <= PAGE,
            Rule.LOG_INCLUSION,
            "A page of the directory does not fit its note.",
        )
        if page.next == since and since < note.size:
            raise NotFound("The relay's directory page is empty.", "Report the relay.", retryable=True)
        return [self._proven(item, note, since, page.next) for item in page.items]

    def _proven(self, item: DirectoryItem, note: CosignedCheckpoint, since: int, end: int) -> DirectoryRow:
        require(since <= item.index < end, Rule.LOG_INCLUSION, "An item lies outside its page.")
        if not self.shared.has(item.index, item.leaf):
            require_included(item.leaf, item.index, note.size, item.proof, note.root)
        kind = parse_leaf(item.leaf).type
        require(kind in DIRECTORY_TYPES, Rule.LEAF_TAG, "A leaf of the directory is of no such type.")
        return DirectoryRow(item.index, item.leaf, item.object)
