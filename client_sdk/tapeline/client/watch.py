"""What the client makes of news from the directory: alarms about what does not verify."""

from __future__ import annotations

from collections.abc import Sequence

from tapeline.base.errors import TapelineError
from tapeline.base.rules import Refused
from tapeline.client.alarms import Alarms
from tapeline.client.directory.news import News
from tapeline.client.directory.shared import Quarantined
from tapeline.client.store.leaves import DirectoryRow

_TOLD = 1024


class DirectoryWatch:
    """Makes alarms of what does not verify, each once a run (`Watcher`)."""

    def __init__(self, alarms: Alarms) -> None:
        self._alarms = alarms
        self._told: dict[tuple[int, str], None] = {}

    def judge(self, taken: Sequence[DirectoryRow], aside: Sequence[Quarantined]) -> News:
        """Return the alarms about objects that were put aside."""
        del taken
        fresh = [one.error for one in aside if self._is_new(one.leaf_index, one.error)]
        return News(tuple((self._alarms.row(error), error) for error in fresh))

    def tell(self, news: News) -> None:
        """Tell the application."""
        for row, error in news.alarms:
            self._alarms.tell(row, error)

    async def refused(self, refused: Refused, since: int) -> None:
        """Raise the alarm; that the same page is refused again is no news."""
        if self._is_new(since, refused):
            await self._alarms.raise_now(refused)

    def _is_new(self, index: int, error: TapelineError) -> bool:
        key = (index, error.cause)
        if key in self._told:
            return False
        self._told[key] = None
        if len(self._told) > _TOLD:
            del self._told[next(iter(self._told))]
        return True
