"""The archive's directory as an agent replays it: every page proven against a cosigned note, then fed to the state."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Protocol

from tapeline.base.errors import NotFound, StateError, TapelineError
from tapeline.base.rules import Refused, Rule, refusing, require
from tapeline.crypto.limits import LEAF_BYTES
from tapeline.crypto.wire import decode, parse
from tapeline.directory.checked import NOT_OF_THE_OBJECT
from tapeline.directory.state import DirectoryState
from tapeline.governance.chain import RosterChain
from tapeline.governance.roster import Roster
from tapeline.transparency.cosigned import CosignedCheckpoint
from tapeline.transparency.merkle import leaf_hash, verify_inclusion
from tapeline.wire.v1.objects_pb2 import Leaf, LeafType
from tapeline.wire.v1.relay_pb2 import DirectoryItem, SyncPage

MAX_PAGES = 65_536
_log = logging.getLogger("tapeline.agent")


class ArchivePort(Protocol):
    """Where pages come from: the relay, or a carried file."""

    def sync(self, since: int) -> SyncPage:
        """Return the directory's page from a leaf index on."""


class CarriedPages:
    """Pages out of a file, in their order."""

    def __init__(self, pages: Sequence[bytes]) -> None:
        self._pages = [_page(page) for page in pages]
        self._next = 0

    def sync(self, since: int) -> SyncPage:
        """Return the next page, and at the end an empty one.

        Raises:
            NotFound: there are no pages.
        """
        if not self._pages:
            raise NotFound("The package carries no directory.", "Make the package again.")
        if self._next == len(self._pages):
            return SyncPage(note=self._pages[-1].note, next=since)
        self._next += 1
        return self._pages[self._next - 1]


class ArchiveReplica:
    """A verified copy of the archive's directory; `sync` lets it grow. `pages` can be carried elsewhere."""

    def __init__(self, pinned_rosters: Mapping[str, bytes]) -> None:
        self.state = DirectoryState(pinned_rosters=pinned_rosters)
        self._home = next(iter(pinned_rosters))
        self.checkpoint: CosignedCheckpoint | None = None
        self.pages: list[bytes] = []
        self.quarantined: dict[int, TapelineError] = {}
        """Objects that did not verify, by leaf index: whatever depends on one of them is refused by itself."""
        self._next = 0

    def sync(self, port: ArchivePort) -> CosignedCheckpoint:
        """Take everything below the newest cosigned note and return it.

        Raises:
            Refused: LOG-*, REC-23, or the rule that an object breaks.
            StateError: nothing is cosigned yet (retryable).
        """
        pages = self._fetch(port)
        chain = self._rosters_with(pages)
        for page in pages[:-1]:
            self._take(page, chain)
            self.pages.append(page.SerializeToString())
            self._next = page.next
        self.checkpoint = self._take(pages[-1], chain)
        return self.checkpoint

    def require_checkpoint(self) -> CosignedCheckpoint:
        """Return the checkpoint of the last sync.

        Raises:
            StateError: never synced.
        """
        if self.checkpoint is None:
            raise StateError("The archive's directory was not read yet.", "Sync it first.")
        return self.checkpoint

    def _fetch(self, port: ArchivePort) -> list[SyncPage]:
        """Return what is new, up to the page that says there is no more; nothing is verified."""
        pages: list[SyncPage] = []
        since = self._next
        while True:
            page = port.sync(since)
            if not page.note:
                raise StateError("The archive log has no cosigned checkpoint yet.", "Wait a moment.", retryable=True)
            pages.append(page)
            if not page.items and page.next == since:
                return pages
            if len(self.pages) + len(pages) > MAX_PAGES:
                raise StateError("The archive's directory is larger than this version takes.")
            since = page.next

    def _take(self, page: SyncPage, chain: RosterChain) -> CosignedCheckpoint:
        """Verify a page and feed it to the state.

        1. The note is cosigned, by the rosters known so far and those of all new pages, which pin one another: those
           whose witnesses cosigned the first page may stand on the last.
        2. Every item lies in the page's range and below the note, and its inclusion is proven.
        3. The state judges what the leaves say; an object that does not verify is put aside, and the rest goes on.
        """
        note = chain.verify_archive_note(page.note)  # 1
        for item in page.items:
            self._require_proven(item, page.next, note)  # 2
        for item in page.items:
            self._apply(item)  # 3
        return note

    def _apply(self, item: DirectoryItem) -> None:
        leaf = parse(Leaf, item.leaf, limit=LEAF_BYTES, what="archive leaf")
        try:
            self.state.apply(item.index, leaf, item.object)
        except Exception as fault:
            if isinstance(fault, Refused) and fault.rule in NOT_OF_THE_OBJECT:
                raise  # a leaf before this one is withheld, or this one is shown otherwise than it was logged
            self.state.put_aside(item.index, leaf)
            self.quarantined[item.index] = _told(fault)

    def _rosters_with(self, pages: Sequence[SyncPage]) -> RosterChain:
        chain = self.state.rosters.home.copy()
        for item in (item for page in pages for item in page.items):
            with suppress(TapelineError):  # one that does not follow is put aside below
                leaf = parse(Leaf, item.leaf, limit=LEAF_BYTES, what="archive leaf")
                if leaf.type == LeafType.LEAF_TYPE_ROSTER and Roster.parse(item.object).organisation == self._home:
                    chain.add(item.object, leaf.relay_time_ms)
        return chain

    def _require_proven(self, item: DirectoryItem, end: int, note: CosignedCheckpoint) -> None:
        require(
            self._next <= item.index < max(end, self._next + 1),
            Rule.LOG_INCLUSION,
            "An item of the directory lies outside its page.",
        )
        with refusing(Rule.REC_INCLUSION, "A directory leaf's inclusion is not proven."):
            verify_inclusion(leaf_hash(item.leaf), item.index, note.size, item.proof, note.root)


def _told(fault: Exception) -> TapelineError:
    if isinstance(fault, TapelineError):
        return fault
    _log.error("a directory object failed with %s", type(fault).__name__)
    return StateError("A directory object failed unexpectedly.", "Report it; the rest goes on.")


def _page(data: bytes) -> SyncPage:
    return decode(SyncPage, data, what="page of the directory")
