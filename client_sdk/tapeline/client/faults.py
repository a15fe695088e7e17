"""The log of faults: what went wrong unexpectedly with one thing from outside, while the client goes on."""

from __future__ import annotations

import logging
import traceback

from tapeline.base.errors import StateError, TapelineError

_log = logging.getLogger("tapeline.client")


def as_error(what: str, fault: Exception) -> TapelineError:
    """Return the typed error to tell of an exception; one that is none of ours is logged, without its text."""
    if isinstance(fault, TapelineError):
        return fault
    frames = traceback.extract_tb(fault.__traceback__)
    where = f"{frames[-1].name}:{frames[-1].lineno}" if frames else "nowhere"
    _log.error("%s: %s at %s", what, type(fault).__name__, where)
    return StateError(f"{what} failed unexpectedly ({type(fault).__name__}).", "Report it; the rest goes on.")
