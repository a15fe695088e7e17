"""Complaints of devices about records or messages that they could not verify."""

from __future__ import annotations

import asyncio

from sqlalchemy import Connection, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from tapeline.base.errors import NotFound, PermissionRefused
from tapeline.base.hashing import HASH_BYTES
from tapeline.base.rules import rule_by_id
from tapeline.base.times import Clock
from tapeline.crypto.ids import object_hash
from tapeline.crypto.objects import open_object
from tapeline.crypto.signing import verify_signature
from tapeline.crypto.wire import fixed
from tapeline.relay.metrics import Metrics
from tapeline.relay.services.acks import Acknowledger
from tapeline.relay.services.ledger import Ledger
from tapeline.relay.services.sessions import Session, load_sessions
from tapeline.relay.storage.entries import read_leaves_at
from tapeline.relay.storage.schema import complaint
from tapeline.wire.v1.objects_pb2 import Ack, Complaint

KIND = "complaint"


class Complaints:
    """Verifies and keeps them; a complaint is no leaf of the archive, so the answer is the leaf complained of."""

    def __init__(
        self,
        ledger: Ledger,
        engine: AsyncEngine,
        write_lock: asyncio.Lock,
        acknowledger: Acknowledger,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._ledger, self._engine, self._write_lock = ledger, engine, write_lock
        self._acknowledger, self._clock, self._metrics = acknowledger, clock, metrics

    async def file(self, device: bytes, obj: bytes) -> Ack:
        """Keep a complaint of the logged-in device.

        Raises:
            PermissionRefused: another device's.
            NotFound: no such record or message in a conversation of the device's user.
            Refused: SIG-1, or of the wire format.
        """
        signed, body = open_object(obj, Complaint, what="complaint")
        fact = self._ledger.directory.device(device).device
        if body.device_entry != device or body.deployment != fact.deployment:
            raise PermissionRefused("The complaint is another device's.", "File complaints of this device only.")
        verify_signature(fact.device_key, KIND, signed.body, signed.signature, "The complaint is not its device's.")
        fixed(body.record_hash, HASH_BYTES, "record hash")
        async with self._write_lock, self._engine.begin() as conn:
            index = self._leaf_of(body, await conn.run_sync(load_sessions, [body.record_hash]), fact.firm, fact.user)
            row = {
                "object_hash": object_hash(KIND, signed.body),
                "leaf_index": index,
                "device_entry": device,
                "rule": body.rule if rule_by_id(body.rule) else "",
                "object": obj,
                "received_ms": self._clock(),
            }
            leaf = await conn.run_sync(_keep, row, index)
        self._metrics.complaints.labels(row["rule"] or "other").inc()
        return self._acknowledger.ack(index, leaf)

    def _leaf_of(self, body: Complaint, sessions: list[Session], firm: str, user: str) -> int:
        for session in sessions:
            conversation = self._ledger.conversations.get(session.conversation)
            if conversation is None or not list(conversation.spans((firm, user))):
                break
            if not body.message_hash:
                return session.row.leaf_index
            if body.message_hash in session.hashes:
                return session.leaves[session.hashes.index(body.message_hash)]
        raise NotFound("The complaint names no record or message of your conversations.", "Check the hashes.")


def _keep(conn: Connection, row: dict[str, object], index: int) -> bytes:
    known = select(complaint.c.object_hash).where(complaint.c.object_hash == row["object_hash"])
    if conn.execute(known).first() is None:
        conn.execute(insert(complaint).values(**row))
    return read_leaves_at(conn, [index])[index]
