"""Failed verifications: kept, told to the application, and filed with the relay as signed complaints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import structlog

from tapeline.base.errors import TapelineError
from tapeline.base.rules import Refused, Rule, require, rule_by_id
from tapeline.base.times import MINUTE, SECOND
from tapeline.client.bus import EventBus
from tapeline.client.device import Device
from tapeline.client.errors import RelayUnreachable
from tapeline.client.events import Alarm, ComplaintUnheard
from tapeline.client.store import alarms
from tapeline.client.store.alarms import AlarmRow
from tapeline.client.transport.methods import COMPLAIN
from tapeline.crypto.ack import verify_ack
from tapeline.crypto.ids import object_hash
from tapeline.governance.auditleaf import parse_audit_leaf
from tapeline.governance.complaint import KIND, MAX_RULE, complaint_text, sign_complaint
from tapeline.wire.v1.objects_pb2 import Ack, Complaint, SignedObject

COMPLAINTS = 64
"""Complaints filed or asked after in one go."""
UNHEARD_MS = 10 * MINUTE
FIRST_PAUSE_MS = SECOND
LONGEST_PAUSE_MS = 5 * MINUTE
_log = structlog.get_logger("tapeline.client")


@dataclass(frozen=True, slots=True)
class OwnComplaint:
    """A complaint of this device.

    Attributes:
        rule: what failed.
        cause: one sentence.
        at_ms: when.
        is_logged: whether the escrow service's signature says that the audit log holds it.
        text: the signed complaint with the device's entry, as an auditor can hand it in.
    """

    rule: str
    cause: str
    at_ms: int
    is_logged: bool
    text: bytes


class Alarms:
    """Raises alarms and files complaints; `is_due` tells whether any is not logged yet."""

    def __init__(self, device: Device, bus: EventBus) -> None:
        self._device = device
        self._bus = bus
        self._unheard: set[int] = set()
        self._refused: set[int] = set()
        self._pause_ms, self._next_ms = FIRST_PAUSE_MS, 0
        self.is_due = False
        self._asked = 0

    def row(
        self, error: TapelineError, conversation: bytes = b"", record_hash: bytes = b"", message_hash: bytes = b""
    ) -> AlarmRow:
        """Return the row to store for a failed verification."""
        rule = error.rule.id if isinstance(error, Refused) else type(error).__name__
        return AlarmRow(self._device.clock(), rule, error.cause, conversation, record_hash, message_hash)

    def tell(self, row: AlarmRow, error: TapelineError) -> None:
        """Tell the application."""
        self._bus.publish(Alarm(row.rule, row.cause, error.remedy, row.conversation, row.record_hash, row.message_hash))

    async def raise_now(
        self, error: TapelineError, conversation: bytes = b"", record_hash: bytes = b"", acks: Sequence[Ack] = ()
    ) -> None:
        """Store and tell an alarm that comes alone; `acks` are the relay's signed words that it is about."""
        row = replace(self.row(error, conversation, record_hash), acks=tuple(acks))
        await self._device.database.run(partial(alarms.add, alarm=row))
        self.is_due, self._next_ms = True, 0
        self.tell(row, error)

    async def file_complaints(self) -> None:
        """File what is due, and ask after what was filed, until the audit log holds it.

        One complaint that is refused stops no other; what could not be asked is asked again later.
        """
        rows = await self._device.database.run(partial(alarms.load_all, unfinished=True))
        due = [row for row in rows if row.position not in self._refused and _is_complaint(row)]
        self.is_due = bool(due)
        # What was never filed first, and of that the relay's own signed words; then in turn, so that no junk in front
        # keeps a later complaint from ever being asked after.
        due.sort(key=lambda row: (row.filed, not row.acks, row.position <= self._asked, row.position))
        for row in due[:COMPLAINTS]:
            self._asked = row.position if row.filed else self._asked
            try:
                state = await self._file(row)
            except RelayUnreachable:
                return
            except TapelineError as error:
                _log.warning("complaint_refused", rule=row.rule, error=type(error).__name__)
                self._refused.add(row.position)  # asked again in the next run
                state = row.filed
            if state > row.filed:
                await self._device.database.run(partial(alarms.set_filed, position=row.position, state=state))
            self._tell_unheard(row, state)

    async def chase_complaints(self) -> None:
        """Ask after complaints now and then, ever more seldom."""
        now = self._device.clock()
        if self.is_due and now >= self._next_ms:
            self._pause_ms = min(2 * self._pause_ms, LONGEST_PAUSE_MS)
            self._next_ms = now + self._pause_ms
            await self.file_complaints()

    async def _file(self, row: AlarmRow) -> int:
        """Return how far a complaint is: at the relay, or in the audit log by the escrow service's own signature."""
        complaint = self.complaint(row)
        receipt = await self._device.caller.call(COMPLAIN, SignedObject.FromString(complaint))
        if not receipt.HasField("logged"):
            return alarms.FILED
        roster = self._device.directory.state.roster()
        verify_ack(roster.escrow_key, roster.audit_origin, receipt.logged)
        leaf = parse_audit_leaf(receipt.logged.leaf)
        digest = object_hash(KIND, SignedObject.FromString(complaint).body)
        require((leaf.kind, leaf.statement_hash) == (KIND, digest), Rule.LEAF_TAG, "The leaf is another statement's.")
        return alarms.LOGGED

    def _tell_unheard(self, row: AlarmRow, state: int) -> None:
        """Tell, once a run, of a complaint that nobody outside the relay has confirmed for long."""
        is_late = self._device.clock() - row.at_ms > UNHEARD_MS
        if state < alarms.LOGGED and is_late and row.position not in self._unheard:
            self._unheard.add(row.position)
            self._bus.publish(ComplaintUnheard(row.rule, row.at_ms))

    async def own_complaints(self) -> list[OwnComplaint]:
        """Return all complaints of this device, oldest first."""
        rows = await self._device.database.run(alarms.load_all)
        entry = self._device.directory.entry_chain(self._device.entry.entry_hash)[0].object
        return [
            OwnComplaint(
                row.rule, row.cause, row.at_ms, row.filed == alarms.LOGGED, complaint_text(self.complaint(row), entry)
            )
            for row in rows
            if _is_complaint(row)
        ]

    def complaint(self, row: AlarmRow) -> bytes:
        """Return the signed complaint of an alarm; the same bytes whenever it is asked for."""
        body = Complaint(
            deployment=self._device.entry.deployment,
            device_entry=self._device.entry.entry_hash,
            record_hash=row.record_hash,
            message_hash=row.message_hash,
            rule=row.rule[:MAX_RULE],
            time_ms=row.at_ms,
            acks=row.acks,
        )
        return sign_complaint(self._device.key, body)


def _is_complaint(row: AlarmRow) -> bool:
    """Tell whether an alarm accuses somebody: of a broken rule, and not of this device's own store or software."""
    return rule_by_id(row.rule) is not None and bool(row.record_hash or row.acks)
