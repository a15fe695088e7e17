"""What a judge of a record knows: directory facts as of the record's note, and what changed up to its leaf.

Built by the directory alone. A fact whose `leaf_index` is not below `note_size` is outside the record's view.
"""

from __future__ import annotations

from dataclasses import dataclass

from tapeline.crypto.device import VerifiedDevice
from tapeline.crypto.group import Point
from tapeline.crypto.hpke import HpkePublic
from tapeline.crypto.membership import VerifiedMembership
from tapeline.crypto.prekey import VerifiedPrekey


@dataclass(frozen=True)
class PrekeyFact:
    """A logged prekey; `superseded_ms` is the leaf time of the device's next prekey below the note's size."""

    prekey: VerifiedPrekey
    leaf_index: int
    superseded_ms: int | None


@dataclass(frozen=True)
class DeviceFact:
    """A logged device with its prekeys; `revoked_index` is the leaf of its revocation, wherever that lies."""

    device: VerifiedDevice
    leaf_index: int
    prekeys: tuple[PrekeyFact, ...]
    revoked_index: int | None

    @property
    def person(self) -> tuple[str, str]:
        """The device's (firm, user)."""
        return self.device.firm, self.device.user


@dataclass(frozen=True)
class EscrowFact:
    """A certified escrow key E with its vault key V, as the log and the firm's roster state them."""

    firm: str
    key_id: bytes
    point: Point
    v_key_id: bytes
    v_public: HpkePublic
    retention_class: str
    epoch: int
    active_from_ms: int
    not_after_ms: int
    certificate_hash: bytes
    leaf_index: int
    superseded: bool
    """A newer epoch's certificate of the same firm and class is active below the note's size."""
    revoked_index: int | None
    vault_signer: bytes
    """Ed25519 key of the firm's vault in its roster."""


@dataclass(frozen=True)
class Facts:
    """Everything that `verify_record` judges by, beside the record itself; times in unix milliseconds."""

    deployment: bytes
    archive_note: bytes
    """The cosigned note of the record's context; the directory has verified its quorum and its log."""
    note_size: int
    note_time_ms: int
    """τ, the median cosignature time of the note."""
    directory_leaves: int
    """How many leaves of the directory's sequence lie below the note's size."""
    leaf_index: int
    leaf_time_ms: int
    membership: VerifiedMembership
    """The statement that the context names."""
    membership_leaf_index: int
    newest_membership: bytes
    """Hash of the conversation's newest statement at `leaf_index`."""
    sender: DeviceFact
    devices: tuple[DeviceFact, ...]
    """Every device of every member, the sender included."""
    escrow: tuple[EscrowFact, ...]
    """Every certified key of the member firms."""
