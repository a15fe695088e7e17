"""Where and when a leaf stands: inclusion in the cosigned log, and a date that the witnesses' clocks allow.

The relay dates its leaves itself. Witnesses bound it: a leaf that a checkpoint lacks was not there when its size was
fixed, and one that a checkpoint holds was (protocol, Session record, last part). The witnesses' times come a little
later than the size, and in whole seconds: back-dating within that slack cannot be told from an honest leaf.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tapeline.base.rules import Rule, refusing, require
from tapeline.crypto.limits import COSIGNING_MS, NOTE_AGE_MS
from tapeline.transparency.merkle import leaf_hash, verify_inclusion


@dataclass(frozen=True)
class SeenCheckpoint:
    """A verified checkpoint: its size, and the median time of its cosignatures in unix milliseconds."""

    size: int
    time_ms: int


def require_dated(
    leaf_index: int, leaf_time_ms: int, *, lacking: SeenCheckpoint | None, holding: SeenCheckpoint | None
) -> None:
    """Refuse under REC-22 a leaf dated 30 s before a checkpoint that lacks it, or 10 minutes after one that holds it.

    Args:
        leaf_index: the leaf's place.
        leaf_time_ms: the relay's date in it.
        lacking: the last known checkpoint of a size up to `leaf_index`, if any.
        holding: the first known checkpoint of a larger size, if any.
    """
    if lacking is not None and lacking.size <= leaf_index:
        require(
            leaf_time_ms >= lacking.time_ms - COSIGNING_MS,
            Rule.REC_BACKDATED,
            "A leaf is dated before a checkpoint that lacks it.",
        )
    if holding is not None and holding.size > leaf_index:
        require(
            leaf_time_ms <= holding.time_ms + NOTE_AGE_MS,
            Rule.REC_BACKDATED,
            "A leaf is dated more than 10 minutes after a checkpoint that holds it.",
        )


def require_included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Refuse under REC-23 a leaf that is not proven to stand at `index` of a verified checkpoint (size, root)."""
    with refusing(Rule.REC_INCLUSION, "The leaf's inclusion in the cosigned log is not proven."):
        verify_inclusion(leaf_hash(leaf), index, size, proof, root)
