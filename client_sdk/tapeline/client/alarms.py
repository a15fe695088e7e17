"""Failed verifications: kept, told to the application, and filed with the relay as signed complaints."""

from __future__ import annotations

from functools import partial

from tapeline.base.errors import TapelineError
from tapeline.base.rules import Refused
from tapeline.client.bus import EventBus
from tapeline.client.device import Device
from tapeline.client.events import Alarm
from tapeline.client.store import alarms
from tapeline.client.store.alarms import AlarmRow
from tapeline.client.transport.methods import COMPLAIN
from tapeline.crypto.objects import seal_object
from tapeline.crypto.wire import encode
from tapeline.wire.v1.objects_pb2 import Complaint, SignedObject

KIND = "complaint"


class Alarms:
    """Raises alarms and files complaints."""

    def __init__(self, device: Device, bus: EventBus) -> None:
        self._device = device
        self._bus = bus

    def row(
        self, error: TapelineError, conversation: bytes = b"", record_hash: bytes = b"", message_hash: bytes = b""
    ) -> AlarmRow:
        """Return the row to store for a failed verification."""
        rule = error.rule.id if isinstance(error, Refused) else type(error).__name__
        return AlarmRow(self._device.clock(), rule, error.cause, conversation, record_hash, message_hash)

    def tell(self, row: AlarmRow, error: TapelineError) -> None:
        """Tell the application."""
        self._bus.publish(Alarm(row.rule, row.cause, error.remedy, row.conversation, row.record_hash, row.message_hash))

    async def raise_now(self, error: TapelineError, conversation: bytes = b"", record_hash: bytes = b"") -> None:
        """Store and tell an alarm that comes alone."""
        row = self.row(error, conversation, record_hash)
        await self._device.database.run(partial(alarms.add, alarm=row))
        self.tell(row, error)

    async def file_complaints(self) -> None:
        """File what names a session and was not filed yet; what fails is tried at the next connection."""
        for row in await self._device.database.run(partial(alarms.load_all, unfiled=True)):
            if row.record_hash:
                await self._device.caller.call(COMPLAIN, self._complaint(row))
            await self._device.database.run(partial(alarms.set_filed, position=row.position))

    def _complaint(self, row: AlarmRow) -> SignedObject:
        body = Complaint(
            deployment=self._device.entry.deployment,
            device_entry=self._device.entry.entry_hash,
            record_hash=row.record_hash,
            message_hash=row.message_hash,
            rule=row.rule,
            time_ms=row.at_ms,
        )
        return SignedObject.FromString(seal_object(self._device.key, KIND, encode(body)))
