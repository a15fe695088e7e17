"""How many devices a user may have, and how fast devices may issue others."""

from __future__ import annotations

import pytest
from relay_device_kit import enrol
from relay_kit import Deployment, RunningRelay

from tapeline.base.errors import LimitExceeded
from tapeline.base.seam import system_clock
from tapeline.base.times import DAY, HOUR, MINUTE, SECOND
from tapeline.relay.services.device_limits import DeviceLimits

LIMITS = DeviceLimits()


async def test_a_user_has_as_many_devices_as_one_may_and_room_again_after_a_revocation(relay: RunningRelay) -> None:
    ann = await enrol(relay, "ann")
    issued = [await ann.issue(number) for number in range(2, LIMITS.per_user + 1)]
    with pytest.raises(LimitExceeded, match="no more than 8") as caught:
        await ann.issue(9)
    assert (caught.value.retryable, "tapeline officer revoke device" in caught.value.remedy) == (False, True)
    with pytest.raises(LimitExceeded, match="no more than 8"):
        await enrol(relay, "ann", number=9)  # by the enroller's word either
    await relay.revoke("device", issued[0].hex())
    assert await enrol(relay, "ann", number=9)


async def test_others_have_room_whatever_one_user_has(relay: RunningRelay) -> None:
    ann, ben = await enrol(relay, "ann"), await enrol(relay, "ben")
    for number in range(2, LIMITS.per_user + 1):
        await ann.issue(number)
    assert await ben.issue(2)


async def test_an_entry_that_was_published_before_is_acknowledged_again_without_room(relay: RunningRelay) -> None:
    ann = await enrol(relay, "ann")
    now = system_clock()
    entries = [await ann.issue(number, not_before_ms=now) for number in range(2, LIMITS.per_user + 1)]
    assert await ann.issue(2, not_before_ms=now) == entries[0]


async def test_short_lives_do_not_get_round_the_limit_of_a_day(town: Deployment, relay: RunningRelay) -> None:
    ann = await enrol(relay, "ann")
    for number in range(2, LIMITS.issued_a_day + 1):
        await ann.issue(number, not_after_ms=town.clock() + SECOND)
        town.clock.advance(2 * SECOND)
    with pytest.raises(LimitExceeded, match="24 hours") as caught:
        await ann.issue(49)
    assert not caught.value.retryable
    assert await enrol(relay, "ann", number=50)  # the enroller's word still counts
    town.clock.advance(DAY)
    await ann.again()
    assert await ann.issue(60)


async def test_a_restart_forgets_nothing(town: Deployment) -> None:
    town.settings = {"devices": DeviceLimits(per_user=50, issued_a_day=3)}
    async with town.relay() as relay:
        ann = await enrol(relay, "ann")
        await ann.issue(2)
        await ann.issue(3)
    town.clock.advance(MINUTE)
    async with town.relay() as relay:
        ann.relay = relay
        await ann.again()
        with pytest.raises(LimitExceeded, match="24 hours"):
            await ann.issue(4)
        town.clock.advance(DAY - 10 * SECOND)
        await ann.again()
        assert await ann.issue(4)
        assert await ann.issue(5)


async def test_devices_that_expired_make_room(town: Deployment, relay: RunningRelay) -> None:
    ann = await enrol(relay, "ann")
    for number in range(2, LIMITS.per_user + 1):
        await enrol(relay, "ann", number=number, prekey=False, not_after_ms=town.clock() + HOUR)
    town.clock.advance(2 * HOUR)
    await ann.again()
    assert await enrol(relay, "ann", number=9)
