"""What a page of the directory gives to tell: alarms, stored with the page, and events, told once it is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from sqlite3 import Connection
from typing import Protocol

from tapeline.base.errors import TapelineError
from tapeline.base.rules import Refused
from tapeline.client.directory.shared import Quarantined
from tapeline.client.events import Event
from tapeline.client.store import alarms as table
from tapeline.client.store.alarms import AlarmRow
from tapeline.client.store.leaves import DirectoryRow


@dataclass(frozen=True)
class News:
    """What one page gives to tell."""

    alarms: tuple[tuple[AlarmRow, TapelineError], ...] = ()
    events: tuple[Event, ...] = ()

    def store(self, connection: Connection) -> None:
        """Store the alarms, in the transaction that stores the page."""
        for row, _ in self.alarms:
            table.add(connection, row)


class Watcher(Protocol):
    """Who looks at what the directory takes."""

    def judge(self, taken: Sequence[DirectoryRow], aside: Sequence[Quarantined]) -> News:
        """Return what a page gives to tell; it is not stored yet."""

    def tell(self, news: News) -> None:
        """Tell it: the page is stored now."""

    async def refused(self, refused: Refused, since: int) -> None:
        """Tell that a page was refused as a whole; the directory stays at leaf index `since`."""
