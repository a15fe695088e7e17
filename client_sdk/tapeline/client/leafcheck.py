"""What every acknowledged or delivered leaf is held against, before anything in it is believed."""

from __future__ import annotations

from tapeline.base.rules import Rule, require
from tapeline.crypto.limits import LEAF_BYTES
from tapeline.crypto.record.dating import SeenCheckpoint, require_dated
from tapeline.crypto.wire import parse
from tapeline.transparency.cosigned import CosignedCheckpoint
from tapeline.wire.v1.objects_pb2 import Leaf


def parse_leaf(data: bytes) -> Leaf:
    """Return the leaf; raises Refused of WIR-1 to WIR-3, or MalformedInput."""
    return parse(Leaf, data, limit=LEAF_BYTES, what="leaf")


def require_leaf_of(leaf: Leaf, kind: int, tag: bytes, object_hash: bytes) -> None:
    """Refuse under LEF-1 a leaf that is not of this type, conversation and object."""
    require(
        (leaf.type, leaf.conversation_tag, leaf.object_hash) == (kind, tag, object_hash),
        Rule.LEAF_TAG,
        "The leaf's type, tag or hash is not its object's.",
    )


def require_not_backdated(index: int, leaf: Leaf, newest: CosignedCheckpoint | None) -> None:
    """Refuse under REC-22 a leaf dated before a verified checkpoint that lacks it."""
    if newest is not None:
        lacking = SeenCheckpoint(newest.size, newest.median_time_ms)
        require_dated(index, leaf.relay_time_ms, lacking=lacking, holding=None)


def require_not_postdated(index: int, leaf: Leaf, first: CosignedCheckpoint) -> None:
    """Refuse under REC-22 a leaf dated more than 10 minutes after the first checkpoint that holds it."""
    holding = SeenCheckpoint(first.size, first.median_time_ms)
    require_dated(index, leaf.relay_time_ms, lacking=None, holding=holding)
