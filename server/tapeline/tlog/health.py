"""Whether a log's checkpoints are cosigned, for the readiness of the service that publishes them."""

from __future__ import annotations

from tapeline.base.times import MINUTE, SECOND, Clock
from tapeline.rpc.health import Check
from tapeline.tlog.publisher import LogPublisher

GRACE_MS = MINUTE
"""Beyond the time after which an unchanged log is cosigned again."""


def log_checks(publisher: LogPublisher, clock: Clock) -> dict[str, Check]:
    """Return the checks `checkpoint` and `witnesses` of one log."""

    async def checkpoint() -> str:
        shown = publisher.latest()
        if shown is None:
            return "No checkpoint is cosigned yet."
        age_ms = clock() - shown.median_time_ms
        if publisher.is_refused():
            return f"Too few witnesses cosigned when they were asked last; the checkpoint shown is {_old(age_ms)}."
        if age_ms > publisher.recosign_ms + GRACE_MS:
            return f"The last cosigned checkpoint is {_old(age_ms)}."
        return ""

    async def witnesses() -> str:
        away = publisher.witnesses_away()
        # One of several may rest: the quorum is what counts, and `checkpoint` tells when it is missed.
        return f"No answer from {', '.join(away)}." if away and publisher.is_refused() else ""

    return {"checkpoint": checkpoint, "witnesses": witnesses}


def _old(age_ms: int) -> str:
    return f"{max(0, age_ms) // SECOND} s old"
