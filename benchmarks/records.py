"""Session records: create, verify, open, for 2 to 500 receiving devices."""

from __future__ import annotations

from record_kit import World, make_world

from benchmarks.harness import Figure, milliseconds
from tapeline.crypto.record.open import open_as_recipient
from tapeline.crypto.record.parse import parse_record, parse_view
from tapeline.crypto.record.verify import verify_record
from tapeline.crypto.record.view import view_for

DEVICES = (2, 10, 100, 500)


def measure() -> list[Figure]:
    """Return one figure for each of create, verify (all rows), verify as recipient, and open, for each size."""
    return [one for devices in DEVICES for one in _of_size(devices)]


def _of_size(devices: int) -> list[Figure]:
    world = make_world({"firm": {"sender": 1} | {f"user-{number:03}": 1 for number in range(devices)}})
    facts, pending = world.facts(), world.reserve()
    receipts = world.receipts(pending)
    created = _create(world, pending, receipts)
    parsed = parse_record(created.record)
    prekey = parsed.rows[0].prekey
    view = view_for(parsed, {prekey})
    if view is None:
        raise RuntimeError("the record has no row for its first recipient")
    reader = world.device_of(prekey)
    verified = verify_record(parse_view(view), facts, own=reader.fact)
    return [
        milliseconds(f"record of {devices} devices: create", lambda: _create(world, pending, receipts)),
        milliseconds(
            f"record of {devices} devices: verify", lambda: verify_record(parse_record(created.record), facts)
        ),
        milliseconds(
            f"record of {devices} devices: verify as recipient",
            lambda: verify_record(parse_view(view), facts, own=reader.fact),
        ),
        milliseconds(
            f"record of {devices} devices: open",
            lambda: open_as_recipient(parse_view(view), verified, reader.secret),
        ),
    ]


def _create(world: World, pending, receipts):  # type: ignore[no-untyped-def]
    from record_kit import HOUR, MINUTE, T0

    from tapeline.crypto.record.seal import create_record

    return create_record(
        signing_key=world.sender.key, reservation=pending, receipts=receipts, facts=world.facts(),
        not_before_ms=T0 + MINUTE, not_after_ms=T0 + HOUR, rng=world.rng,
    )  # fmt: skip
