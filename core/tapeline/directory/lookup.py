"""The tables of the directory and the questions that one look into them answers."""

from __future__ import annotations

from collections.abc import Mapping

from tapeline.base.errors import NotFound
from tapeline.crypto.device import VerifiedDevice
from tapeline.crypto.membership import VerifiedMembership
from tapeline.crypto.record.facts import DeviceFact, EscrowFact
from tapeline.directory.devices import Devices, Person
from tapeline.directory.escrow_keys import EscrowKeys
from tapeline.directory.memberships import Memberships
from tapeline.directory.order import DirectoryNumbers, LeafTimes
from tapeline.directory.prekeys import Prekeys
from tapeline.directory.revocations import Revocations
from tapeline.directory.rosters import Rosters
from tapeline.governance.certificate import EscrowCertificate
from tapeline.governance.roster import Roster
from tapeline.transparency.cosigned import CosignedCheckpoint
from tapeline.transparency.quorum import Policy

MAX_NOTES = 256
EVERYTHING = 2**63
"""An index above every leaf."""


class Lookup:
    """The tables, each verified and filled by the replay."""

    def __init__(self, pinned_rosters: Mapping[str, bytes], times: LeafTimes, numbers: DirectoryNumbers) -> None:
        self._times = times
        self.numbers = numbers
        self.rosters = Rosters(pinned_rosters)
        self.revocations = Revocations(self.rosters)
        self.devices = Devices(self.rosters, self.revocations)
        self.escrow = EscrowKeys(self.rosters, self.revocations)
        self.prekeys = Prekeys(self.devices, self.escrow)
        self.memberships = Memberships(self.rosters, self.devices)
        self._device_facts: dict[bytes, tuple[tuple[int, int | None], DeviceFact]] = {}
        self._notes: dict[bytes, CosignedCheckpoint] = {}

    @property
    def latest_time_ms(self) -> int:
        """Relay time of the highest leaf taken, 0 before the first."""
        return self._times.latest_ms

    def roster(self, firm: str | None = None) -> Roster:
        """Return a firm's newest roster; without a name, that of the archive's own firm."""
        return self.rosters.home.current if firm is None else self.rosters.current(firm)

    @property
    def deployment(self) -> bytes:
        """The deployment's id, 32 bytes."""
        return self.rosters.home.current.deployment

    @property
    def relay_key(self) -> bytes:
        """The Ed25519 key of acknowledgements and manifests."""
        return self.rosters.home.current.relay_key

    def archive_policy(self) -> Policy:
        """Return the newest roster's policy for archive notes; `verify_archive_note` also heeds the delay."""
        return self.rosters.home.current.archive_policy()

    def verify_archive_note(self, note: bytes) -> CosignedCheckpoint:
        """Return the checkpoint, cosigned by the quorum in force at its own time; a few hundred are remembered.

        Raises:
            Refused: NOTE_SYNTAX, NOTE_SIGNATURE or NOTE_QUORUM.
        """
        found = self._notes.get(note)
        if found is None:
            found = self.rosters.home.verify_archive_note(note)
            if len(self._notes) >= MAX_NOTES:
                del self._notes[next(iter(self._notes))]
            self._notes[note] = found
        return found

    def device(self, entry_hash: bytes) -> DeviceFact:
        """Return a device with all its prekeys.

        Raises:
            NotFound: no such entry.
        """
        return self._device_fact(entry_hash, None)

    def devices_of(self, firm: str, user: str, *, below: int | None = None) -> tuple[DeviceFact, ...]:
        """Return a user's devices, in the order of the log, with what lies below an index."""
        facts = (self._device_fact(entry_hash, below) for entry_hash in self.devices.hashes_of((firm, user)))
        return tuple(fact for fact in facts if below is None or fact.leaf_index < below)

    def devices_by_key(self, device_key: bytes) -> list[VerifiedDevice]:
        """Return the entries with this Ed25519 key, oldest first."""
        return self.devices.by_key(device_key)

    def user_salt(self, firm: str, user: str) -> bytes:
        """Return the salt of a user's tag, 32 bytes.

        Raises:
            NotFound: not enrolled.
        """
        salt = self.devices.salt((firm, user))
        if salt is None:
            raise NotFound("The user is not enrolled.", "Check the name, or fetch the newest directory leaves.")
        return salt

    def find_user(self, name: str) -> list[Person]:
        """Return the users of that name as (firm, user), one for each firm that has one."""
        return self.devices.find(name)

    def membership(self, conversation: bytes, *, below: int | None = None) -> VerifiedMembership:
        """Return a conversation's newest statement, or the newest below an index.

        Raises:
            NotFound: no such conversation, or none of its statements lies below.
        """
        return self.memberships.newest(conversation, below=below)[1]

    def conversation_by_tag(self, tag: bytes) -> bytes | None:
        """Return the id of the conversation whose leaves have this tag."""
        return self.memberships.by_tag(tag)

    def conversations_of(self, firm: str, user: str, *, former: bool = False) -> list[bytes]:
        """Return the conversations that a user is in, with those that the user was in where `former`."""
        return self.memberships.of((firm, user), former=former)

    def escrow_keys(self, firm: str) -> tuple[EscrowFact, ...]:
        """Return all certified keys of a firm, superseded or not as of the newest leaf's time."""
        return tuple(self.escrow.facts(firm, below=EVERYTHING, at_ms=self.latest_time_ms))

    def current_escrow(self, firm: str, retention_class: str, at_ms: int, below: int | None = None) -> EscrowFact:
        """Return the firm's key of that class that a sender must use at a time, certified below an index.

        Raises:
            NotFound: there is none.
        """
        limit = EVERYTHING if below is None else below
        usable = [
            key
            for key in self.escrow.facts(firm, below=limit, at_ms=at_ms)
            if key.retention_class == retention_class
            and key.active_from_ms <= at_ms < key.not_after_ms
            and not key.superseded
            and (key.revoked_index is None or key.revoked_index >= limit)
        ]
        if not usable:
            raise NotFound(
                "The firm has no current escrow key of that class.", "Wait for the ceremony.", retryable=True
            )
        return max(usable, key=lambda key: key.epoch)

    def certificate_of(self, escrow_key_id: bytes) -> EscrowCertificate:
        """Return the certificate of an escrow key.

        Raises:
            NotFound: no such key is certified.
        """
        found = self.escrow.by_key_id(escrow_key_id)
        if found is None:
            raise NotFound("The escrow key is not certified.", "Fetch the newest directory leaves.", retryable=True)
        return found

    def _device_fact(self, entry_hash: bytes, below: int | None) -> DeviceFact:
        """Return a device as it looks below an index; the last answer for each device is kept, since most repeat."""
        known = self.devices.get(entry_hash)
        if known is None:
            raise NotFound("The device is not in the directory.", "Fetch the newest directory leaves.", retryable=True)
        index, device = known
        revoked = self.revocations.index_of(device.firm, "device", entry_hash)
        key = (self.prekeys.count_below(entry_hash, below), revoked)
        cached = self._device_facts.get(entry_hash)
        if cached is not None and cached[0] == key:
            return cached[1]
        fact = DeviceFact(device, index, self.prekeys.first(entry_hash, key[0]), revoked)
        self._device_facts[entry_hash] = (key, fact)
        return fact
