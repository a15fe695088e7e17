"""An adversary with one device wants the directory so long that no package of a warrant holds it any more."""

from __future__ import annotations

from pathlib import Path

import pytest
from relay_device_kit import enrol
from relay_kit import deployment

from tapeline.base.errors import LimitExceeded
from tapeline.base.times import DAY
from tapeline.crypto.record.facts import DeviceFact, PrekeyFact
from tapeline.relay.services.device_limits import DeviceLimits, require_room_for_prekey


async def test_by_prekey_after_prekey(tmp_path: Path) -> None:
    limits = DeviceLimits(prekeys_a_day=3)
    async with deployment(tmp_path / "relay") as town, town.relay(devices=limits) as relay:
        mallory, ann = await enrol(relay, "mallory"), await enrol(relay, "ann")
        acks = [await mallory.renew() for _ in range(3)]
        for _ in range(3):
            with pytest.raises(LimitExceeded):
                await mallory.renew()
        again = await ann.renew()
        assert again.index == acks[-1].index + 1  # nothing was logged in between, and others publish on


def test_a_day_later_there_is_room_again() -> None:
    limits, now = DeviceLimits(prekeys_a_day=2), 10 * DAY
    times = [now - DAY, now - 1, None]
    device = DeviceFact(None, 0, tuple(PrekeyFact(None, 1, time) for time in times), None)  # type: ignore[arg-type]
    require_room_for_prekey(limits, device, now)
    with pytest.raises(LimitExceeded):
        require_room_for_prekey(limits, device, now - 1)
