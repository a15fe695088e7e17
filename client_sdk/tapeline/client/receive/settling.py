"""Final judgement: what was read before the directory was known up to its leaf is judged again when it is."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from tapeline.base.errors import TapelineError
from tapeline.client.alarms import Alarms
from tapeline.client.device import Device
from tapeline.client.errors import RelayUnreachable
from tapeline.client.faults import as_error
from tapeline.client.receive.memory import Inbox
from tapeline.client.receive.reading import Reading
from tapeline.client.receive.records import RecordReader
from tapeline.client.store import inbox


class Settler:
    """Judges sessions again, drops after all what fails, and tells."""

    def __init__(self, device: Device, memory: Inbox, records: RecordReader, alarms: Alarms) -> None:
        self._device = device
        self._memory = memory
        self._records = records
        self._alarms = alarms

    async def settle(self, indices: Iterable[int]) -> None:
        """Judge the records whose leaves are proven now, then the messages that wait for it.

        Raises:
            RelayUnreachable: the directory could not be fetched; the next note tries again.
        """
        proven = set(indices)
        for reading in [one for one in self._memory.readings.values() if one.row.view and one.row.leaf_index in proven]:
            try:
                await self._records.judge_again(reading.row)
                reading.row.view = None
            except RelayUnreachable:
                raise
            except Exception as fault:
                await self._drop(reading, as_error("Judging a session", fault))
            await self._put(reading)
        await self._settle_messages()

    async def _settle_messages(self) -> None:
        """Judge again whether sessions were open when they were last read."""
        waiting = [one for one in self._memory.readings.values() if one.row.unsettled_leaf]
        known = self._device.directory
        if any(one.row.unsettled_leaf >= known.next for one in waiting):
            await self._records.look_again()
        for reading in waiting:
            row = reading.row
            try:
                reading.require_open(known.state, row.unsettled_leaf, row.unsettled_ms)
            except Exception as fault:
                await self._drop(reading, as_error("Judging a session's end", fault))
            else:
                if row.unsettled_leaf >= known.next:
                    continue  # what lies between may still end it
                row.unsettled_leaf = row.unsettled_ms = 0
            await self._put(reading)

    async def _drop(self, reading: Reading, error: TapelineError) -> None:
        reading.drop()
        await self._alarms.raise_now(error, reading.row.conversation, reading.row.record_hash)

    async def _put(self, reading: Reading) -> None:
        await self._device.database.run(partial(inbox.put_session, row=reading.to_row()))
