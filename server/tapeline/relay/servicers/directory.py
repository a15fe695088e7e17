"""Directory: pages, publishing, proofs."""

from __future__ import annotations

from typing import Any

import grpc.aio
from sqlalchemy.ext.asyncio import AsyncEngine

from tapeline.base.errors import NotFound, PermissionRefused, Unavailable
from tapeline.base.times import Clock
from tapeline.crypto.wire import encode
from tapeline.relay.services.acks import Acknowledger
from tapeline.relay.services.ledger import Ledger
from tapeline.relay.services.mirroring import MIRRORED, require_in_audit_log
from tapeline.relay.services.need import may_ask, of_caller
from tapeline.relay.services.publishing import Publisher
from tapeline.relay.services.syncing import DirectoryPages, prove_all
from tapeline.relay.storage.entries import read_entry
from tapeline.relay.storage.notes import cosigned_of_size
from tapeline.rpc.principal import caller
from tapeline.tlog.publisher import LogPublisher
from tapeline.wire.v1.common_pb2 import (
    ConsistencyRequest,
    ConsistencyResponse,
    InclusionProof,
    ProofRequest,
    ProofResponse,
)
from tapeline.wire.v1.objects_pb2 import Ack, LeafType, SignedObject
from tapeline.wire.v1.relay_pb2 import (
    ConversationRequest,
    ConversationState,
    MirrorRequest,
    PublishRequest,
    SyncPage,
    SyncRequest,
)
from tapeline.wire.v1.relay_pb2_grpc import DirectoryServicer

Context = grpc.aio.ServicerContext[Any, Any]


class Directory(DirectoryServicer):
    """For devices and for people with a role."""

    def __init__(
        self,
        ledger: Ledger,
        engine: AsyncEngine,
        log: LogPublisher,
        publisher: Publisher,
        acknowledger: Acknowledger,
        clock: Clock,
    ) -> None:
        self._ledger, self._engine, self._log = ledger, engine, log
        self._publisher, self._acknowledger, self._clock = publisher, acknowledger, clock
        self._pages = DirectoryPages(engine, ledger)

    async def Sync(self, request: SyncRequest, context: Context) -> SyncPage:  # noqa: N802
        """Return a page of the directory."""
        del context
        need = of_caller(caller(), self._ledger.conversations)
        return await self._pages.page(self._log.latest(), request, need)

    async def Publish(self, request: PublishRequest, context: Context) -> Ack:  # noqa: N802
        """Enter a device, prekey or membership; only a device entry needs no login, since its device has none yet."""
        del context
        if request.type != LeafType.LEAF_TYPE_DEVICE:
            caller()
        if request.type in MIRRORED:
            raise PermissionRefused("Statements of the audit log are mirrored, not published.", "Call Mirror.")
        return await self._publisher.publish(request.type, encode(request.object))

    async def Mirror(self, request: MirrorRequest, context: Context) -> Ack:  # noqa: N802
        """Enter a roster, certificate or revocation with its proof from the audit log."""
        del context
        if request.type not in MIRRORED:
            raise PermissionRefused("Only statements of the audit log are mirrored.", "Call Publish.")
        known = await self._publisher.known(request.type, request.dsse)
        if known is not None:
            return known
        require_in_audit_log(
            self._ledger.directory, caller().firm, request.type, request.dsse, request.audit_proof, self._clock()
        )
        return await self._publisher.publish(request.type, request.dsse)

    async def GetConversation(self, request: ConversationRequest, context: Context) -> ConversationState:  # noqa: N802
        """Return a conversation's newest statement to those who need it, such as its members."""
        del context
        who = caller()
        found = self._ledger.conversations.get(request.conversation)
        if found is None or not may_ask(who, found):
            raise NotFound("The conversation is not known to you.", "Ask a member to add you.")
        next_sequence = found.next_sequence
        async with self._engine.connect() as conn:
            entry = await conn.run_sync(read_entry, found.newest.leaf_index)
        if entry is None:
            raise NotFound("The conversation is not known to you.", "Ask a member to add you.")
        return ConversationState(
            membership=SignedObject.FromString(entry.object),
            ack=self._acknowledger.ack(entry.index, entry.leaf),
            next_sequence=next_sequence,
        )

    async def Prove(self, request: ProofRequest, context: Context) -> ProofResponse:  # noqa: N802
        """Return inclusion proofs against the newest cosigned checkpoint, or the stored one of the size asked for."""
        del context
        note, size = await self._note(request.size)
        if any(index >= size for index in request.indices):
            raise NotFound("The checkpoint does not hold that leaf yet.", "Ask again after the next checkpoint.")
        async with self._engine.connect() as conn:
            proofs = await conn.run_sync(prove_all, list(request.indices), size)
        pairs = zip(request.indices, proofs, strict=True)
        return ProofResponse(note=note, proofs=[InclusionProof(index=index, hashes=path) for index, path in pairs])

    async def ProveConsistency(self, request: ConsistencyRequest, context: Context) -> ConsistencyResponse:  # noqa: N802
        """Return the consistency proof between two sizes, at most the newest cosigned one."""
        del context
        latest = self._log.latest()
        if latest is None or request.new_size > latest.size:
            raise NotFound("No checkpoint of that size is cosigned.", "Ask with a cosigned checkpoint's size.")
        return ConsistencyResponse(hashes=await self._log.consistency(request.old_size, request.new_size))

    async def _note(self, size: int) -> tuple[bytes, int]:
        latest = self._log.latest()
        if latest is None:
            raise Unavailable("No checkpoint is cosigned yet.", "Ask again in a moment.")
        if size in {0, latest.size}:
            return latest.raw, latest.size
        if size > latest.size:  # and perhaps more than the database can count
            raise NotFound("No checkpoint of that size is cosigned.", "Ask with a cosigned checkpoint's size.")
        async with self._engine.connect() as conn:
            note = await conn.run_sync(cosigned_of_size, size)
        if note is None:
            raise NotFound("No checkpoint of that size is cosigned.", "Ask with a cosigned checkpoint's size.")
        return note, size
