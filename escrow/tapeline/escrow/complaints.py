"""Complaints of devices become leaves of the audit log: fetched from the relay, and confirmed to who complained."""

from __future__ import annotations

import asyncio

import structlog

from tapeline.agent.remote import Remote
from tapeline.base.errors import LimitExceeded, TapelineError
from tapeline.base.times import DAY, SECOND
from tapeline.crypto.wire import encode
from tapeline.escrow import store
from tapeline.escrow.admission import admit_complaint
from tapeline.escrow.board import Board
from tapeline.escrow.database import Database
from tapeline.rpc.errors import log_internal
from tapeline.wire.v1.escrow_pb2 import AuditAck
from tapeline.wire.v1.objects_pb2 import Ack
from tapeline.wire.v1.relay_pb2 import ComplaintLogged, ComplaintNoted, FiledComplaint, FiledComplaints, ReportsRequest

A_DAY = 1_000
"""Complaints that become leaves within 24 hours: the relay vouches for devices, and could invent them without end."""
_log = structlog.get_logger("tapeline.escrow")


class ComplaintDesk:
    """Fetches, logs and confirms, one complaint after the other; one that is refused stops no other.

    Args:
        database: the service's.
        board: takes them as statements of kind "complaint".
        relay: logged in with the service key.
        interval_ms: between two looks.
    """

    def __init__(self, database: Database, board: Board, relay: Remote, interval_ms: int = SECOND) -> None:
        self._database, self._board, self._relay = database, board, relay
        self._interval_s = interval_ms / SECOND
        self._after = 0

    async def run(self) -> None:
        """Do so for ever."""
        while True:
            try:
                await self.once()
            except TapelineError as error:
                _log.warning("complaints_not_fetched", error=type(error).__name__)
            except Exception as error:  # the next look may find the relay or the database well again
                log_internal("complaints_failed", error)
            await asyncio.sleep(self._interval_s)

    async def once(self) -> int:
        """Log what is there and return how many complaints that were."""
        request = ReportsRequest(since=self._after)
        listed = await asyncio.to_thread(self._relay.ask, "Reports/ListComplaints", request, FiledComplaints)
        # Page after page, then from the start again: what is refused stands in nobody's way, and gets another look.
        self._after = listed.complaints[-1].number if listed.complaints else 0
        logged = 0
        for one in listed.complaints:
            try:
                await self._log_one(one)
                logged += 1
            except LimitExceeded as error:
                _log.warning("complaints_over_quota", error=type(error).__name__)
                break
            except TapelineError as error:
                _log.warning("complaint_refused", number=one.number, error=type(error).__name__)
        return logged

    async def _log_one(self, one: FiledComplaint) -> None:
        await self._require_quota()
        new = admit_complaint(encode(one.text))
        ack = (await self._board.add([lambda: new]))[0]
        confirmed = ComplaintLogged(complaint=new.statement_hash, logged=_as_ack(ack))
        await asyncio.to_thread(self._relay.ask, "Reports/ConfirmComplaint", confirmed, ComplaintNoted)

    async def _require_quota(self) -> None:
        since_ms = self._board.clock() - DAY
        if await self._database.read(lambda conn: store.count_since(conn, "complaint", since_ms)) >= A_DAY:
            raise LimitExceeded("There are too many complaints today.", "They are taken up tomorrow.")


def _as_ack(ack: AuditAck) -> Ack:
    return Ack(index=ack.index, leaf=ack.leaf, signature=ack.signature)
