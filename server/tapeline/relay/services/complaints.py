"""Complaints of devices: kept as signed, handed to the escrow service, answered with its word that they are logged."""

from __future__ import annotations

import asyncio

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from tapeline.base.errors import LimitExceeded, NotFound
from tapeline.base.rules import Rule, require, rule_by_id
from tapeline.base.times import DAY, Clock
from tapeline.crypto.ack import verify_ack
from tapeline.directory.state import DirectoryState
from tapeline.governance.auditleaf import parse_audit_leaf
from tapeline.governance.complaint import KIND, VerifiedComplaint, complaint_text, verify_complaint
from tapeline.relay.metrics import Metrics
from tapeline.relay.services.ledger import Ledger
from tapeline.relay.services.sessions import Session, load_sessions
from tapeline.relay.storage import reports
from tapeline.relay.storage.entries import find_directory_object, read_entry
from tapeline.relay.storage.reports import ComplaintRow
from tapeline.wire.v1.objects_pb2 import Ack, ComplaintText
from tapeline.wire.v1.relay_pb2 import ComplaintReceipt, FiledComplaint

A_DAY = 64
"""Complaints of one device in 24 hours; more would let it fill the audit log, which never forgets."""
PAGE = 64


class Complaints:
    """Verifies, keeps and hands on."""

    def __init__(
        self, ledger: Ledger, engine: AsyncEngine, write_lock: asyncio.Lock, clock: Clock, metrics: Metrics
    ) -> None:
        self._ledger, self._engine, self._write_lock = ledger, engine, write_lock
        self._clock, self._metrics = clock, metrics

    async def file(self, device: bytes, obj: bytes) -> ComplaintReceipt:
        """Keep a complaint of the logged-in device; the same again is answered with what is known of it by now.

        Raises:
            NotFound: no such record or message in a conversation of the device's user.
            LimitExceeded: too many of this device today.
            Refused: SIG-1, ACK-1 (an acknowledgement that is not this relay's), or of the wire format.
        """
        fact = self._ledger.directory.device(device).device
        complaint = verify_complaint(obj, fact)
        for ack in complaint.acks:
            verify_ack(self._ledger.directory.relay_key, self._ledger.origin, ack)
        async with self._write_lock, self._engine.begin() as conn:
            known = await conn.run_sync(reports.find_complaint, complaint.complaint_hash)
            if known is None:
                sessions = await conn.run_sync(load_sessions, [complaint.record_hash])
                if complaint.record_hash:
                    self._require_seen(complaint, sessions, fact.firm, fact.user)
                await conn.run_sync(self._add, complaint, obj)
        logged = None if known is None or known[1] is None else Ack.FromString(known[1])
        return ComplaintReceipt(complaint=complaint.complaint_hash, logged=logged)

    def _add(self, conn: Connection, complaint: VerifiedComplaint, obj: bytes) -> None:
        now = self._clock()
        if reports.count_complaints(conn, complaint.device_entry, now - DAY) >= A_DAY:
            raise LimitExceeded("This device complains too often.", "Complain again tomorrow; the alarms are kept.")
        rule = complaint.rule if rule_by_id(complaint.rule) else ""
        row = ComplaintRow(complaint.complaint_hash, complaint.device_entry, rule, obj, now)
        reports.add_complaint(conn, row)
        self._metrics.complaints.labels(rule or "other").inc()

    def _require_seen(self, complaint: VerifiedComplaint, sessions: list[Session], firm: str, user: str) -> None:
        """Refuse what names no record or message of the user's conversations."""
        for session in sessions:
            conversation = self._ledger.conversations.get(session.conversation)
            is_member = conversation is not None and list(conversation.spans((firm, user)))
            if is_member and (not complaint.message_hash or complaint.message_hash in session.hashes):
                return
        raise NotFound("The complaint names no record or message of your conversations.", "Check the hashes.")

    async def unlogged(self, since: int, limit: int) -> list[FiledComplaint]:
        """Return complaints after a number that the escrow service did not confirm, each with its device's entry."""
        async with self._engine.connect() as conn:
            return await conn.run_sync(self._unlogged, since, min(limit or PAGE, PAGE))

    def _unlogged(self, conn: Connection, since: int, limit: int) -> list[FiledComplaint]:
        found = []
        for number, row in reports.unlogged_complaints(conn, since, limit):
            index = find_directory_object(conn, row.device_entry)
            device = None if index is None else read_entry(conn, index)
            if device is not None:
                text = ComplaintText.FromString(complaint_text(row.object, device.object))
                found.append(FiledComplaint(number=number, text=text))
        return found

    async def confirm(self, firm: str, complaint_hash: bytes, logged: Ack) -> None:
        """Keep the escrow service's word, for the device that complained.

        Raises:
            NotFound: no such complaint.
            Refused: ACK-1, LEF-1: it is no acknowledgement of this complaint.
        """
        require_logged(self._ledger.directory, firm, complaint_hash, logged)
        async with self._write_lock, self._engine.begin() as conn:
            known = await conn.run_sync(reports.find_complaint, complaint_hash)
            if known is None:
                raise NotFound("There is no such complaint.", "Confirm only what was listed.")
            if known[1] is None:
                await conn.run_sync(reports.set_logged, known[0], logged.SerializeToString(deterministic=True))


def require_logged(directory: DirectoryState, firm: str, complaint_hash: bytes, logged: Ack) -> None:
    """Refuse what is not the escrow service's signed word that the audit log holds this complaint."""
    roster = directory.roster(firm)
    verify_ack(roster.escrow_key, roster.audit_origin, logged)
    leaf = parse_audit_leaf(logged.leaf)
    require(
        (leaf.kind, leaf.statement_hash) == (KIND, complaint_hash), Rule.LEAF_TAG, "The leaf is another statement's."
    )
