"""Opening a session: facts, a reservation, the record; refreshed first where the relay said that ours are old."""

from __future__ import annotations

from dataclasses import dataclass

from tapeline.client.device import Device
from tapeline.client.errors import SendFailed
from tapeline.client.session.sending import SendingSession, View
from tapeline.client.session.stock import ReceiptStock
from tapeline.crypto.limits import SESSION_MS
from tapeline.crypto.message.chain import SendingChain
from tapeline.crypto.record.current import is_current_key
from tapeline.crypto.record.facts import EscrowFact, Facts
from tapeline.crypto.record.seal import create_record
from tapeline.transparency.cosigned import CosignedCheckpoint


@dataclass(frozen=True)
class Opened:
    """A session with its record, not yet stored or sent.

    Attributes:
        session: seals messages.
        record: SessionRecord bytes.
        reservation: session id of the reservation that it used up.
        stale: names of devices that were left out.
    """

    session: SendingSession
    record: bytes
    reservation: bytes
    stale: tuple[str, ...]


class SessionOpener:
    """Makes sessions for one device."""

    def __init__(self, device: Device, stock: ReceiptStock) -> None:
        self._device = device
        self._stock = stock

    async def open(self, conversation: bytes, *, refresh: bool) -> Opened:
        """Return a new session of the conversation.

        Raises:
            RelayUnreachable, NotFound (retryable), Refused: what stands in its way.
            SendFailed: this device's user is no member any more.
        """
        directory = self._device.directory
        note = await (directory.refresh() if refresh else directory.fresh_note())
        if not self._is_member(conversation, note):
            note = await directory.refresh()
            if not self._is_member(conversation, note):
                raise SendFailed("You are no longer a member of the conversation.", "Ask a member to add you.")
        version = directory.shared.version
        facts = self.facts(conversation, note)
        stocked = await self._stock.take(_keys(facts))
        now = self._device.clock()
        created = create_record(
            signing_key=self._device.key,
            reservation=stocked.reservation,
            receipts=stocked.receipts,
            facts=facts,
            not_before_ms=now,
            not_after_ms=now + SESSION_MS,
            rng=self._device.rng,
        )
        chain = SendingChain(created.root, created.record_hash, self._device.key)
        session = SendingSession(created.record_hash, chain, View.of(facts), now + SESSION_MS, version)
        stale = tuple(f"{one.device.user}/{one.device.device_name}" for one in created.stale)
        return Opened(session, created.record, stocked.reservation.session_id, stale)

    def _is_member(self, conversation: bytes, note: CosignedCheckpoint) -> bool:
        membership = self._device.directory.state.membership(conversation, below=note.size)
        return self._device.person in membership.people

    def facts(self, conversation: bytes, note: CosignedCheckpoint) -> Facts:
        """Return the facts that a record sent now would be judged by."""
        state = self._device.directory.state
        membership = state.membership(conversation, below=note.size)
        return state.facts(
            conversation=conversation,
            membership=membership.statement_hash,
            sender_device=self._device.entry.entry_hash,
            note=note,
            leaf_index=max(state.next_index, note.size),
            leaf_time_ms=self._device.clock(),
        )

    async def still_fits(self, session: SendingSession, conversation: bytes) -> bool:
        """Tell whether a session may take one more message; looks again only where the directory changed."""
        if not session.has_room(self._device.clock()):
            return False
        directory = self._device.directory
        if session.version != directory.shared.version:
            version = directory.shared.version
            if View.of(self.facts(conversation, await directory.fresh_note())) != session.view:
                return False
            session.version = version
        return True


def _keys(facts: Facts) -> list[EscrowFact]:
    """Return each firm's current key of the conversation's class; `create_record` says what is wrong where not one."""
    wanted = set(facts.membership.firms)
    return [key for key in facts.escrow if (key.firm, key.retention_class) in wanted and is_current_key(key, facts)]
