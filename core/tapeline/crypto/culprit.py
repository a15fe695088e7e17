"""Refusals that name whose object was being judged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tapeline.base.rules import Refused


@contextmanager
def naming(culprit: int) -> Iterator[None]:
    """Let refusals inside name the participant of this index; what is unsigned is the claim of its carrier only."""
    try:
        yield
    except Refused as refusal:
        refusal.culprit = str(culprit)
        raise
