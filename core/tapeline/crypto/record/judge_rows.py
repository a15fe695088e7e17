"""Steps 7 to 9 of `verify_record`: shards, device rows, distinct keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from tapeline.base.rules import Rule, require
from tapeline.crypto.limits import SHARD_ROWS
from tapeline.crypto.record.current import (
    Recipient,
    in_view,
    is_fresh,
    is_revoked_in_view,
    may_have_row,
    newest_usable,
    other_devices,
    recipients,
    revoked_at_leaf,
)
from tapeline.crypto.record.facts import DeviceFact, Facts
from tapeline.crypto.record.parse import ParsedHeader, ParsedRecord, ParsedView
from tapeline.crypto.record.rows import Row, Shard, slot_hash


def judge_shards(record: ParsedRecord) -> None:
    """Step 7, full: shards are whole, numbered, cut and sorted as they must be, with every slot in place."""
    header, shards = record.header, record.shards
    require(
        len(shards) == len(header.shard_hashes) and [shard.number for shard in shards] == list(range(len(shards))),
        Rule.REC_ORDER,
        "The shards are not those that the header lists.",
    )
    for shard in shards:
        _judge_shard(shard, header)
    _require_sorted(record.rows)
    listed = [one for shard in shards for one in shard.slot_hashes]
    require(
        listed == [slot_hash(slot) for slot in record.device_slots],
        Rule.REC_SHARD_HASH,
        "The device slots are not those that the shards list.",
    )


def judge_shard_of_view(view: ParsedView) -> None:
    """Step 7, view: the one shard is the header's, cut and sorted as it must be, with the reader's slot in place."""
    _judge_shard(view.shard, view.header)
    _require_sorted(view.shard.rows)
    if view.row_index is not None and view.device_slot is not None:
        require(
            slot_hash(view.device_slot) in view.shard.slot_hashes[view.row_index : view.row_index + 1],
            Rule.REC_SHARD_HASH,
            "The device slot is not the one that the shard lists.",
        )


def _judge_shard(shard: Shard, header: ParsedHeader) -> None:
    last = len(header.shard_hashes) - 1
    # All but the last are full, and only a sole shard may be empty, so that one set of rows has one cut.
    least = SHARD_ROWS if shard.number < last else min(1, last)
    require(
        len(header.proofs) == len(header.shard_hashes)
        and shard.number <= last
        and least <= len(shard.rows) <= SHARD_ROWS
        and len(shard.slot_hashes) == len(shard.rows),
        Rule.REC_ORDER,
        "A shard is of a wrong size or number, or lacks its proof or slot hashes.",
    )
    require(
        shard.shard_hash() == header.shard_hashes[shard.number],
        Rule.REC_SHARD_HASH,
        "A shard's rows or slot hashes are not those that its hash commits to.",
    )


def _require_sorted(rows: Sequence[Row]) -> None:
    require(
        all(one.prekey < other.prekey for one, other in pairwise(rows)),
        Rule.REC_ORDER,
        "The rows are doubled, or not sorted by prekey hash.",
    )


def judge_rows(
    rows: Sequence[Row], facts: Facts, excepted: frozenset[Rule] = frozenset()
) -> frozenset[tuple[str, str]]:
    """Step 8, full: the rows are exactly one for each other current device; return the users of the rows."""
    devices = _judge_each(rows, facts, excepted)
    wanted = {device.device.entry_hash for device, _ in recipients(facts)[0]}
    whole = wanted <= set(devices) or Rule.REC_MISSING_ROW in excepted
    require(whole, Rule.REC_MISSING_ROW, "A member's current device has no row.")
    return frozenset(device.person for device in devices.values())


def judge_rows_of_view(view: ParsedView, facts: Facts) -> None:
    """Step 8, view: each row of the shard is a current device's, and none is left out that must stand in this shard.

    Rows are sorted over all shards, so a reader of one knows which prekeys could only stand there. A device with more
    than one usable prekey may stand in another shard under the other.
    """
    devices = _judge_each(view.shard.rows, facts)
    for device, _ in recipients(facts)[0]:
        usable = [one for one in device.prekeys if in_view(one.leaf_index, facts) and is_fresh(one, facts)]
        must_be_here = all(_belongs(one.prekey.prekey_hash, view) for one in usable)
        require(
            device.device.entry_hash in devices or not must_be_here,
            Rule.REC_MISSING_ROW,
            "A member's current device has no row.",
        )


def _belongs(prekey_hash: bytes, view: ParsedView) -> bool:
    """Tell whether a row under that prekey could stand in no other shard than the view's."""
    number, rows, last = view.shard.number, view.shard.rows, len(view.header.shard_hashes) - 1
    return (number == 0 or prekey_hash > rows[0].prekey) and (number == last or prekey_hash < rows[-1].prekey)


def _judge_each(rows: Sequence[Row], facts: Facts, excepted: frozenset[Rule] = frozenset()) -> dict[bytes, DeviceFact]:
    """Judge every row by itself, and return the devices by their entries, no two the same."""
    logged = _logged(other_devices(facts), facts)
    devices = [_judge_row(row, logged, facts, excepted).device for row in rows]
    found = {device.device.entry_hash: device for device in devices}
    require(len(found) == len(devices), Rule.REC_ORDER, "A device has two rows.")
    return found


def _logged(devices: Iterable[DeviceFact], facts: Facts) -> dict[bytes, Recipient]:
    return {
        prekey.prekey.prekey_hash: Recipient(device, prekey)
        for device in devices
        for prekey in device.prekeys
        if in_view(prekey.leaf_index, facts)
    }


def _judge_row(row: Row, logged: dict[bytes, Recipient], facts: Facts, excepted: frozenset[Rule]) -> Recipient:
    require(row.prekey in logged, Rule.REC_GHOST_ROW, "A row is for no member's device, or under an unlogged prekey.")
    found = logged[row.prekey]
    _judge_found(row, found, facts, excepted)
    return found


def judge_own_row(view: ParsedView, own: DeviceFact, facts: Facts) -> None:
    """Step 8, view: the reader's row is in its place, under a prekey of its own."""
    logged = _logged([own] if may_have_row(own, facts) else [], facts)
    rows = view.shard.rows[view.row_index : (view.row_index or 0) + 1]
    require(
        len(rows) == 1 and rows[0].prekey in logged,
        Rule.REC_OWN_ROW,
        "The view has no row under a prekey of its reader.",
    )
    _judge_found(rows[0], logged[rows[0].prekey], facts)


def judge_absent_row(own: DeviceFact, facts: Facts) -> None:
    """Judge that a record rightly has no row for its reader; shown as withheld, it is of a device left out by right.

    The sender must seal to every other current device of the members (step 8, full). Where this device was one, with
    a prekey to seal to, whoever shows the session without its row hides it.
    """
    is_due = may_have_row(own, facts) and not is_revoked_in_view(own, facts) and newest_usable(own, facts) is not None
    require(not is_due, Rule.REC_OWN_ROW, "A session is shown as withheld, although this device must have a row.")


def _judge_found(row: Row, found: Recipient, facts: Facts, excepted: frozenset[Rule] = frozenset()) -> None:
    require(
        row.point == found.prekey.prekey.point, Rule.REC_ROW_KEY, "A row's point is not that of the prekey it names."
    )
    # Whoever was not shown a later prekey, or a revocation, cannot know; that a prekey is expired everybody can.
    unexpired = facts.note_time_ms < found.prekey.prekey.not_after_ms
    fresh = is_fresh(found.prekey, facts) or (unexpired and Rule.REC_STALE_PREKEY in excepted)
    require(fresh, Rule.REC_STALE_PREKEY, "A row's prekey is expired, or long superseded.")
    stands = not revoked_at_leaf(found.device.revoked_index, facts) or Rule.REC_REVOKED in excepted
    require(stands, Rule.REC_REVOKED, "A row's device was revoked before.")


def judge_distinct(header: ParsedHeader, rows: Iterable[Row]) -> None:
    """Step 9: no two rows share a key; P_k = E_1 would make a relation of the proof say nothing."""
    points = [row.point.encode() for row in header.escrow_rows] + [row.point.encode() for row in rows]
    require(len(set(points)) == len(points), Rule.PREKEY_DISTINCT, "Two rows are under one and the same key.")
