"""A clock that a test sets and moves; it counts unix milliseconds like every clock of the project."""

from __future__ import annotations

from tapeline.base.seam import system_clock


class ManualClock:
    """A callable clock: it runs with the system's, plus what the test added, unless it is frozen."""

    def __init__(self, frozen_at_ms: int | None = None) -> None:
        self._frozen = frozen_at_ms
        self._added = 0

    def __call__(self) -> int:
        """Return unix milliseconds."""
        return (system_clock() if self._frozen is None else self._frozen) + self._added

    def advance(self, milliseconds: int) -> None:
        """Move the clock forward; backward is refused, as leaf times never decrease."""
        if milliseconds < 0:
            raise ValueError("a clock of tests only moves forward")
        self._added += milliseconds
