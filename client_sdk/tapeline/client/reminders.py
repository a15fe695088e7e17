"""Reminders of what ends by time: the roster, and this device's own entry."""

from __future__ import annotations

from functools import partial
from sqlite3 import Connection

from tapeline.base.times import DAY
from tapeline.client.bus import EventBus
from tapeline.client.device import Device
from tapeline.client.events import ExpiresSoon
from tapeline.client.store import meta
from tapeline.governance.expiry import Expiring, of_device, of_roster, warnings_at


class Reminders:
    """Tells once a day, for each store, what ends within 60 days or has ended."""

    def __init__(self, device: Device, bus: EventBus) -> None:
        self._device = device
        self._bus = bus
        self._looked = -1

    async def look(self) -> None:
        """Tell what is due; cheap where it was done today."""
        now = self._device.clock()
        directory = self._device.directory
        if now // DAY == self._looked or not directory.shared.has_roster:
            return
        self._looked = now // DAY
        things = {"roster": of_roster(directory.state.roster(self._device.entry.firm)), "device": self._own()}
        for name, thing in things.items():
            for warning in warnings_at(now, [thing]):
                if await self._device.database.run(partial(_is_first, name=f"reminded/{name}", day=now // DAY)):
                    self._bus.publish(ExpiresSoon(warning))

    def _own(self) -> Expiring:
        return of_device(self._device.entry)


def _is_first(connection: Connection, name: str, day: int) -> bool:
    if meta.get_int(connection, name) == day:
        return False
    meta.put_int(connection, name, day)
    return True
