"""Who may log in: a device in force, a person of a roster; neither expired nor revoked."""

from __future__ import annotations

import pytest
from gov_kit import key
from relay_device_kit import enrol
from relay_kit import Deployment, RunningRelay, login, refusals

from tapeline.base.errors import Unauthenticated
from tapeline.base.seam import system_clock
from tapeline.base.times import HOUR, SECOND
from tapeline.wire.v1.relay_pb2 import SyncRequest
from tapeline.wire.v1.relay_pb2_grpc import DirectoryStub


async def test_an_expired_device_may_not_log_in_nor_go_on(town: Deployment, relay: RunningRelay) -> None:
    ann = await enrol(relay, "ann", prekey=False, not_after_ms=system_clock() + HOUR)
    town.clock.advance(HOUR - 10 * SECOND)
    await ann.again()
    town.clock.advance(20 * SECOND)
    with pytest.raises(Unauthenticated):
        await ann.again()
    with pytest.raises(Unauthenticated):
        await ann.sync()


async def test_a_device_whose_entry_begins_later_may_not_log_in_yet(relay: RunningRelay) -> None:
    with pytest.raises(Unauthenticated):
        await enrol(relay, "ann", prekey=False, not_before_ms=system_clock() + HOUR)


async def test_a_device_that_was_entered_anew_may_log_in_after_its_first_entrys_end(
    town: Deployment, relay: RunningRelay
) -> None:
    await enrol(relay, "ann", prekey=False, not_after_ms=system_clock() + HOUR)
    await enrol(relay, "ann", prekey=False)
    town.clock.advance(2 * HOUR)
    assert await login(relay.channel, key("acme/ann/1"))


@pytest.mark.parametrize(("kind", "target"), [("person", "rita"), ("key", key("acme/rita").public.hex())])
async def test_a_revoked_person_may_not_log_in_nor_go_on(relay: RunningRelay, kind: str, target: str) -> None:
    metadata, other = await relay.person("rita"), await relay.person("aura")
    await relay.revoke(kind, target)
    with pytest.raises(Unauthenticated):
        await relay.person("rita")
    with pytest.raises(Unauthenticated):
        async with refusals():
            await DirectoryStub(relay.channel).Sync(SyncRequest(), metadata=metadata)
    await DirectoryStub(relay.channel).Sync(SyncRequest(), metadata=other)
