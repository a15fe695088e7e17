"""Rosters, certificates and revocations also become leaves of the archive log, so that one log orders everything."""

from __future__ import annotations

import asyncio

import structlog

from tapeline.agent.remote import Remote
from tapeline.base.errors import TapelineError
from tapeline.base.times import SECOND
from tapeline.escrow import store
from tapeline.escrow.database import Database
from tapeline.escrow.store import Stored
from tapeline.rpc.errors import log_internal
from tapeline.tlog.publisher import LogPublisher
from tapeline.transparency.cosigned import CosignedCheckpoint
from tapeline.transparency.tlogproof import TlogProof
from tapeline.wire.v1.objects_pb2 import Ack, LeafType
from tapeline.wire.v1.relay_pb2 import MirrorRequest

_LEAF_TYPES = {
    "roster": LeafType.LEAF_TYPE_ROSTER,
    "escrow-key": LeafType.LEAF_TYPE_CERTIFICATE,
    "revocation": LeafType.LEAF_TYPE_REVOCATION,
}
_ROSTER = ("roster",)
_log = structlog.get_logger("tapeline.escrow")


class Mirror:
    """Sends what the archive lacks, in the audit log's order, and tries again until it is acknowledged.

    Args:
        database: the service's.
        publisher: of the audit log; only what is under a cosigned checkpoint is sent, with its proof.
        relay: logged in with the service key.
        interval_ms: between two looks.
    """

    def __init__(self, database: Database, publisher: LogPublisher, relay: Remote, interval_ms: int = SECOND) -> None:
        self._database = database
        self._publisher = publisher
        self._relay = relay
        self._interval_s = interval_ms / SECOND
        self._trouble = ""

    async def run(self) -> None:
        """Mirror for ever."""
        while True:
            try:
                await self.once()
                self._trouble = ""
            except TapelineError as error:
                self._trouble = "The relay does not take what is to be mirrored, or does not answer."
                _log.warning("mirror_refused", error=type(error).__name__, rule=getattr(error, "rule", None))
            except Exception as error:  # the mirror must outlive one failure of the database
                log_internal("mirror_failed", error)
            await asyncio.sleep(self._interval_s)

    async def why_behind(self) -> str:
        """Return a sentence where the archive lacks what it should have; empty where it has all."""
        lag = await self._database.read(lambda conn: len(store.unmirrored(conn, tuple(_LEAF_TYPES), 2**31)))
        if self._trouble and lag:
            return f"{self._trouble} Statements that wait: {lag}."
        return ""

    async def once(self) -> int:
        """Send all that the archive lacks now and return how many statements that were."""
        sent = 0
        # Where the old witnesses are gone, only the announced ones vouch for the roster that ends them: the archive
        # must learn of it all the same, or its delay would begin when that of the audit log is over.
        for cosigned, kinds in ((self._publisher.latest(), tuple(_LEAF_TYPES)), (self._publisher.announced(), _ROSTER)):
            if cosigned is not None:
                sent += await self._send_below(cosigned, kinds)
        return sent

    async def _send_below(self, cosigned: CosignedCheckpoint, kinds: tuple[str, ...]) -> int:
        waiting = await self._database.read(lambda conn: store.unmirrored(conn, kinds, cosigned.size))
        for stored in waiting:
            path = await self._publisher.proof(stored.position, cosigned.size)
            # The leaf's own bytes travel as extra data: its time stands nowhere else.
            proof = TlogProof(stored.position, tuple(path), cosigned.raw, extra=stored.leaf).encode()
            ack = await asyncio.to_thread(self._send, stored, proof)
            await self._remember(stored.position, ack.index)
        return len(waiting)

    async def _remember(self, position: int, archive_index: int) -> None:
        await self._database.write(lambda conn: store.mark_mirrored(conn, position, archive_index))

    def _send(self, stored: Stored, proof: bytes) -> Ack:
        request = MirrorRequest(type=_LEAF_TYPES[stored.kind], dsse=stored.dsse, audit_proof=proof)
        return self._relay.ask("Directory/Mirror", request, Ack)
