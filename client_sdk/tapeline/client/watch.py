"""What the client makes of news from the directory: alarms about what does not verify, and word of new devices."""

from __future__ import annotations

from collections.abc import Sequence

from tapeline.base.errors import TapelineError
from tapeline.base.rules import Refused
from tapeline.client.alarms import Alarms
from tapeline.client.bus import EventBus
from tapeline.client.device import Device
from tapeline.client.directory.news import News
from tapeline.client.directory.shared import Quarantined
from tapeline.client.errors import NewDevice
from tapeline.client.events import DeviceJoined
from tapeline.client.leafcheck import parse_leaf
from tapeline.client.store.leaves import DirectoryRow
from tapeline.crypto.device import parse_device_entry
from tapeline.crypto.limits import KEY_BYTES
from tapeline.wire.v1.objects_pb2 import LeafType

_TOLD = 1024


class DirectoryWatch:
    """Makes alarms of what does not verify, each once a run, and tells of devices that join (`Watcher`)."""

    def __init__(self, device: Device, alarms: Alarms, bus: EventBus) -> None:
        self._device = device
        self._alarms = alarms
        self._bus = bus
        self._told: dict[tuple[int, str], None] = {}

    def judge(self, taken: Sequence[DirectoryRow], aside: Sequence[Quarantined]) -> News:
        """Return the alarms about objects that were put aside, and what there is to tell of new devices."""
        errors = [one.error for one in aside if self._is_new(one.leaf_index, one.error)]
        bad = {one.leaf_index for one in aside}
        joined = self._joined([row for row in taken if row.leaf_index not in bad])
        errors += [_new_device(one) for one in joined if one.is_own or one.by_enroller]
        return News(tuple((self._alarms.row(error), error) for error in errors), tuple(joined))

    def _joined(self, taken: Sequence[DirectoryRow]) -> list[DeviceJoined]:
        """Return the devices that joined after this one, of its user or of people in its conversations.

        A user's first device is no news: it was a user without devices who was enrolled.
        """
        devices, memberships = self._device.directory.state.devices, self._device.directory.state.memberships
        own, known = self._device.person, devices.get(self._device.entry.entry_hash)
        if known is None:
            return []
        rows = [row for row in taken if row.leaf_index > known[0]]
        found = [
            (row.leaf_index, parse_device_entry(row.object))
            for row in rows
            if parse_leaf(row.leaf).type == LeafType.LEAF_TYPE_DEVICE
        ]
        if not found:
            return []
        people = {person for one in memberships.of(own) for person in memberships.newest(one)[1].people} | {own}
        return [
            DeviceJoined(
                firm=one.entry.firm,
                user=one.entry.user,
                device_name=one.entry.device_name,
                by_enroller=len(one.entry.issuer) == KEY_BYTES,
                is_own=(one.entry.firm, one.entry.user) == own,
            )
            for index, one in found
            if (one.entry.firm, one.entry.user) in people
            and devices.first_index((one.entry.firm, one.entry.user)) != index
        ]

    def tell(self, news: News) -> None:
        """Tell the application."""
        for row, error in news.alarms:
            self._alarms.tell(row, error)
        for event in news.events:
            self._bus.publish(event)

    async def refused(self, refused: Refused, since: int) -> None:
        """Raise the alarm; that the same page is refused again is no news."""
        if self._is_new(since, refused):
            await self._alarms.raise_now(refused)

    def _is_new(self, index: int, error: TapelineError) -> bool:
        key = (index, error.cause)
        if key in self._told:
            return False
        self._told[key] = None
        if len(self._told) > _TOLD:
            del self._told[next(iter(self._told))]
        return True


def _new_device(one: DeviceJoined) -> NewDevice:
    whose = "Your own user" if one.is_own else f"{one.firm}/{one.user}"
    by = "the enroller" if one.by_enroller else "one of the user's devices"
    return NewDevice(
        f"{whose} has a new device, {one.device_name!r}, issued by {by}. It reads from now on.",
        "Ask its owner by another way; if nobody knows it, report it to the security officers.",
    )
