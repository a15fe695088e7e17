"""Freezing the manifest: which sessions a case may open, as of one cosigned checkpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncEngine

from tapeline.base.errors import LimitExceeded
from tapeline.base.times import Clock
from tapeline.crypto.record.parse import parse_record
from tapeline.crypto.signing import SigningKey
from tapeline.governance.case import Case
from tapeline.governance.dsse import signer
from tapeline.governance.manifest import MAX_SESSIONS, Manifest
from tapeline.governance.scope import SessionFact, freeze, in_window
from tapeline.relay.services.approved import approved_case
from tapeline.relay.services.ledger import Ledger
from tapeline.relay.storage.review import StoredSession, read_message_leaves, read_sessions_of_window
from tapeline.transparency.cosigned import CosignedCheckpoint
from tapeline.wire.v1.objects_pb2 import Leaf

MAX_CANDIDATES = 8 * MAX_SESSIONS


class Manifests:
    """Signs manifests with the relay's key."""

    def __init__(self, ledger: Ledger, engine: AsyncEngine, key: SigningKey, clock: Clock) -> None:
        self._ledger, self._engine = ledger, engine
        self._key, self._clock = key, clock

    async def freeze(self, note: CosignedCheckpoint, firm: str, case_dsse: bytes, approvals: Sequence[bytes]) -> bytes:
        """Return the signed manifest of an approved case.

        1. The case is a reviewer's of the firm; enough approvers, none involved, approve exactly it.
        2. Every stored session that meets the window, below the checkpoint, is held against the scope.
        3. The relay signs the list.

        Raises:
            Refused: GOV-*.
            LimitExceeded: the scope holds more sessions than one manifest can list.
        """
        now = self._clock()
        case = approved_case(self._ledger.directory, firm, case_dsse, approvals, now)  # 1
        facts = [await self._fact(case, stored, note) for stored in await self._candidates(case, note)]  # 2
        rows = freeze(case, facts)
        if len(rows) > MAX_SESSIONS:
            raise LimitExceeded("The case holds more sessions than a manifest can list.", "Narrow its window.")
        manifest = Manifest(case=case.statement_hash, sessions=tuple(rows), archive_note=note.raw, created_ms=now)
        return manifest.sign([signer(self._key)])  # 3

    async def _candidates(self, case: Case, note: CosignedCheckpoint) -> list[StoredSession]:
        window = case.window
        async with self._engine.connect() as conn:
            found = await conn.run_sync(
                read_sessions_of_window, window.from_ms, window.to_ms, note.size, case.conversations, MAX_CANDIDATES
            )
        if len(found) == MAX_CANDIDATES:
            raise LimitExceeded("The window holds too many sessions.", "Narrow the window.")
        return found

    async def _fact(self, case: Case, stored: StoredSession, note: CosignedCheckpoint) -> SessionFact:
        record = await asyncio.to_thread(parse_record, stored.record)
        async with self._engine.connect() as conn:
            leaves = await conn.run_sync(read_message_leaves, stored.number, note.size)
        return self._ledger.directory.session_fact(
            record,
            leaf_index=stored.leaf_index,
            leaf_time_ms=Leaf.FromString(stored.leaf).relay_time_ms,
            messages=sum(in_window(case, Leaf.FromString(leaf).relay_time_ms) for leaf in leaves),
        )
