"""How many statements of a kind one person may have logged in an hour and in a day.

The audit log only grows, and whoever passes the gate carries all of it: without a bound, one key that may sign
rejections could make it so long that no package fits any more, for ever.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from tapeline.base.errors import LimitExceeded
from tapeline.base.times import DAY, HOUR, Clock


@dataclass(frozen=True, slots=True)
class BoardLimits:
    """Settings: new statements of one kind that one person may post; the same one again counts as none."""

    an_hour: int = 60
    a_day: int = 200


class Quotas:
    """Remembers when whom had what logged, for a day; a restart forgets, and nobody but the operator restarts."""

    def __init__(self, limits: BoardLimits, clock: Clock) -> None:
        self._limits, self._clock = limits, clock
        self._logged: dict[tuple[str, str], deque[int]] = {}

    def require_room(self, person: str, kind: str, more: int = 0) -> None:
        """Refuse a statement that is one too many.

        Args:
            person: the roster id of whoever posts it.
            kind: of the statement.
            more: statements of this kind that the same transaction logs before it.

        Raises:
            LimitExceeded: the person has had as many logged as one may.
        """
        now, times = self._clock(), self._recent(person, kind)
        in_hour = sum(time > now - HOUR for time in times)
        for logged, limit, span in (
            (in_hour + more, self._limits.an_hour, "an hour"),
            (len(times) + more, self._limits.a_day, "a day"),
        ):
            if logged >= limit:
                raise LimitExceeded(
                    f"One person may have {limit} statements of the kind {kind} logged in {span}.", "Post it later."
                )

    def note(self, person: str, kind: str) -> None:
        """Count a statement that was logged."""
        self._recent(person, kind).append(self._clock())

    def _recent(self, person: str, kind: str) -> deque[int]:
        """Return the times of the last day, at most as many as one may have logged in it."""
        times = self._logged.setdefault((person, kind), deque(maxlen=self._limits.a_day))
        while times and times[0] <= self._clock() - DAY:
            times.popleft()
        return times
