"""Whether this enroller remembers every entry that it signed: the archive holds them, an older copy of its folder not.

An older copy takes codes again that were used, and gives users a second salt. What the relay shows proves itself, by
this enroller's own signature; a relay that hides entries leaves things as they were without it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress

import structlog
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from tapeline.agent.relay import RelayClient
from tapeline.base.errors import StateError, TapelineError, Unavailable
from tapeline.base.times import SECOND
from tapeline.crypto.device import EnrollerView, verify_device_entry
from tapeline.crypto.limits import LEAF_BYTES
from tapeline.crypto.wire import parse
from tapeline.enroller.store import has_entry, load_cursor, save_cursor
from tapeline.rpc.errors import log_internal
from tapeline.wire.v1.objects_pb2 import Leaf, LeafType
from tapeline.wire.v1.relay_pb2 import DirectoryItem

INTERVAL_MS = 30 * SECOND
RETRY_MS = SECOND
_log = structlog.get_logger("tapeline.enroller")


class ArchiveCheck:
    """Compares the archive's device entries with the stored ones, from where it ended last time.

    Args:
        relay: logged in with the enroller's key; its calls block.
        view: this enroller, as its roster names it.
        engine: of `open_store`.
        accept_older: go on where an entry is missing.
    """

    def __init__(
        self, relay: RelayClient, view: EnrollerView, engine: AsyncEngine, *, accept_older: bool = False
    ) -> None:
        self._relay, self._view, self._engine = relay, view, engine
        self._accept_older = accept_older
        self._has_compared = self._went_back = self._is_away = False

    async def run(self, stopping: asyncio.Event) -> None:
        """Compare until `stopping`; soon again while the relay is away.

        Never cancelled: a cancellation may fall into a statement, and the database driver then keeps its thread.
        """
        while not stopping.is_set():
            try:
                await self.once()
                self._is_away = False
            except TapelineError as error:
                self._is_away = True
                _log.warning("archive_not_compared", error=type(error).__name__)
            except Exception as error:  # one failure of the database must not end the comparing
                self._is_away = True
                log_internal("archive_not_compared", error)
            with suppress(TimeoutError):
                pause_s = (RETRY_MS if self._is_away else INTERVAL_MS) / SECOND
                await asyncio.wait_for(stopping.wait(), pause_s)

    async def once(self) -> None:
        """Compare what came since the last time.

        Raises:
            TapelineError: the relay does not answer, or not as it should.
        """
        async with self._engine.connect() as conn:
            since = await conn.run_sync(load_cursor)
        while True:
            page = await asyncio.to_thread(self._relay.sync, since)
            if page.next <= since:
                break
            await self._compare(page.items, page.next)
            since = page.next
        self._has_compared = True

    async def why_away(self) -> str:
        """Return a sentence where the relay did not answer when it was asked last."""
        return "The relay does not answer." if self._is_away else ""

    async def why_older(self) -> str:
        """Return a sentence where the folder is an older copy."""
        return _OLDER if self._went_back and not self._accept_older else ""

    def require_current(self) -> None:
        """Refuse to enrol anybody before the first comparison, and where something is missing.

        Raises:
            Unavailable: the archive was not compared yet; retryable.
            StateError: this folder is an older copy.
        """
        if self._accept_older:
            return
        if self._went_back:
            raise StateError(_OLDER, "Ask the identity team to restore its newest copy.")
        if not self._has_compared:
            raise Unavailable("The enroller has not compared its memory with the archive yet.", "Try again soon.")

    async def _compare(self, items: Iterable[DirectoryItem], next_: int) -> None:
        own = [one for one in (self._own_entry(item) for item in items) if one is not None]
        async with self._engine.begin() as conn:
            forgotten = await conn.run_sync(_forgotten, own)
            if not forgotten or self._accept_older:
                await conn.run_sync(save_cursor, next_)
        if forgotten:
            self._went_back = True
            _log.error("enroller_went_back", entries=forgotten, accepted=self._accept_older)

    def _own_entry(self, item: DirectoryItem) -> bytes | None:
        """Return the device key of an entry that this enroller signed."""
        try:
            if parse(Leaf, item.leaf, limit=LEAF_BYTES, what="leaf").type != LeafType.LEAF_TYPE_DEVICE:
                return None
            return verify_device_entry(item.object, self._view).device_key
        except TapelineError:  # another issuer's, or nobody's
            return None


def _forgotten(conn: Connection, device_keys: Iterable[bytes]) -> int:
    return sum(not has_entry(conn, key) for key in device_keys)


_OLDER = "The enroller's folder is an older copy: the archive holds entries of its own that it does not remember."
