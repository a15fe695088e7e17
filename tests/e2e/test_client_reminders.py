"""What ends by time is told before: the roster and the own device's entry, once a day."""

from __future__ import annotations

from pathlib import Path

from client_kit import event

from tapeline.base.seam import system_rng
from tapeline.base.times import DAY
from tapeline.client import Client, ClientOptions
from tapeline.client.events import Connected, Event, ExpiresSoon
from tapeline.client.store.keys import StoreKey
from tapeline.governance.expiry import Stage
from tapeline.testing.background import CHEAP, PASSPHRASE, BackgroundDeployment
from tapeline.testing.clock import ManualClock


async def first_events(store: Path, key: StoreKey, clock: ManualClock) -> list[Event]:
    """What a client tells up to the moment at which it is connected, or would be."""
    async with await Client.open(store, key, options=ClientOptions(clock=clock)) as client:
        return list(client._engine.bus._early)


async def test_a_device_and_a_roster_that_end_soon_are_told_once_a_day(
    tapeline_deployment: BackgroundDeployment, tmp_path: Path
) -> None:
    key, clock = StoreKey.new(PASSPHRASE, system_rng, CHEAP), ManualClock()
    fresh = await tapeline_deployment.client(f"ann-{tmp_path.name}"[:60], tmp_path / "ann", secret=key)
    await event(fresh, Connected)
    await fresh.close()

    def told(events: list[Event]) -> list[tuple[str, Stage]]:
        return [(one.warning.thing.what[:9], one.warning.stage) for one in events if isinstance(one, ExpiresSoon)]

    assert told(await first_events(tmp_path / "ann", key, clock)) == []
    clock.advance(270 * DAY)  # the device lives 300 days, the roster a year
    assert told(await first_events(tmp_path / "ann", key, clock)) == [("The entry", Stage.MONTH)]
    assert told(await first_events(tmp_path / "ann", key, clock)) == []  # once a day
    clock.advance(40 * DAY)
    assert told(await first_events(tmp_path / "ann", key, clock)) == [
        ("The roste", Stage.TWO_MONTHS),
        ("The entry", Stage.ENDED),
    ]
