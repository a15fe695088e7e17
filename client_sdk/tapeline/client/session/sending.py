"""An open sending session and when it ends; its chain lives here in memory and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

from tapeline.base.times import MINUTE
from tapeline.crypto.message.chain import SendingChain
from tapeline.crypto.record.current import is_current_key, recipients
from tapeline.crypto.record.facts import Facts

END_MARGIN_MS = 5 * MINUTE


@dataclass(frozen=True)
class View:
    """What must stay as it is for a session to go on (protocol: members, devices, own prekey, epoch)."""

    membership: bytes
    devices: frozenset[bytes]
    own_prekey: bytes
    escrow_keys: frozenset[bytes]

    @classmethod
    def of(cls, facts: Facts) -> View:
        """Return the view that these facts give."""
        found, _ = recipients(facts)
        own = facts.sender.prekeys[-1].prekey.prekey_hash if facts.sender.prekeys else b""
        return cls(
            membership=facts.newest_membership,
            devices=frozenset(one.device.device.entry_hash for one in found),
            own_prekey=own,
            escrow_keys=frozenset(key.key_id for key in facts.escrow if is_current_key(key, facts)),
        )


@dataclass(slots=True)
class SendingSession:
    """A session that this device opened.

    Attributes:
        record_hash: 64 bytes.
        chain: seals its messages.
        view: what it was opened under.
        not_after_ms: from the context.
        version: of the directory when `view` was last found unchanged.
    """

    record_hash: bytes
    chain: SendingChain
    view: View
    not_after_ms: int
    version: int

    def has_room(self, now_ms: int) -> bool:
        """Tell whether number and time allow one more message."""
        return not self.chain.is_full and now_ms < self.not_after_ms - END_MARGIN_MS
