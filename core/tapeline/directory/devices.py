"""Devices: who issued each entry, whose it is, and the salt that makes its user's tag."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable

from tapeline.base.rules import Refused, Rule, require
from tapeline.base.times import time_text
from tapeline.crypto.device import (
    EnrollerView,
    IssuerView,
    UnverifiedDevice,
    VerifiedDevice,
    parse_device_entry,
    require_device_valid,
    verify_device_entry,
)
from tapeline.directory.revocations import Revocations
from tapeline.directory.rosters import Rosters
from tapeline.governance.person import Person as RosterPerson

Person = tuple[str, str]
"""A user as (firm, user)."""


class Devices:
    """Device entries by hash, by key and by user."""

    def __init__(self, rosters: Rosters, revocations: Revocations) -> None:
        self._rosters = rosters
        self._revocations = revocations
        self._by_hash: dict[bytes, tuple[int, VerifiedDevice]] = {}
        self._by_key: dict[bytes, Person] = {}
        self._by_person: dict[Person, list[bytes]] = {}
        self._by_user: dict[str, list[Person]] = {}
        self._salts: dict[Person, bytes] = {}
        self._entered_ms: dict[Person, list[int]] = {}

    def verify(self, obj: bytes, leaf_time_ms: int) -> VerifiedDevice:
        """Return the entry, issued by the firm's enroller or a usable device of the user.

        Raises:
            Refused: DEVICE_ISSUER, DEVICE_TENANT, DEVICE_EXPIRED, DEVICE_LEFT, or of the wire format.
        """
        claimed = parse_device_entry(obj)
        device = verify_device_entry(obj, self._issuer(claimed, leaf_time_ms))
        person = (device.firm, device.user)
        require(
            self._salts.get(person, device.user_salt) == device.user_salt,
            Rule.DEVICE_TENANT,
            "The entry gives its user another salt than the first one did.",
        )
        require(
            not self._revocations.leavers.has_left(person),
            Rule.DEVICE_LEFT,
            f"The user {device.user} has left {device.firm} and was not readmitted.",
        )
        # A login names a key only: were it in two users' entries, one could act as the other.
        require(
            self._by_key.get(device.device_key, person) == person and device.entry_hash not in self._by_hash,
            Rule.DEVICE_TENANT,
            "The entry, or its key for another user, is in the directory already.",
        )
        return device

    def add(self, index: int, device: VerifiedDevice, leaf_time_ms: int) -> None:
        """Take a verified entry."""
        person = (device.firm, device.user)
        if person not in self._salts:
            self._salts[person] = device.user_salt
            self._by_user.setdefault(device.user, []).append(person)
        self._by_hash[device.entry_hash] = (index, device)
        self._by_key[device.device_key] = person
        self._by_person.setdefault(person, []).append(device.entry_hash)
        insort(self._entered_ms.setdefault(person, []), leaf_time_ms)

    def get(self, entry_hash: bytes) -> tuple[int, VerifiedDevice] | None:
        """Return leaf index and entry."""
        return self._by_hash.get(entry_hash)

    def hashes_of(self, person: Person) -> list[bytes]:
        """Return the entry hashes of a user, in the order of the log."""
        return self._by_person.get(person, [])

    def entered_since(self, person: Person, since_ms: int) -> int:
        """Return how many of a user's entries have leaves later than that."""
        times = self._entered_ms.get(person, [])
        return len(times) - bisect_right(times, since_ms)

    def by_key(self, device_key: bytes) -> list[VerifiedDevice]:
        """Return the entries with this Ed25519 key, oldest first."""
        person = self._by_key.get(device_key)
        found = [] if person is None else [self._by_hash[one][1] for one in self.hashes_of(person)]
        return [device for device in found if device.device_key == device_key]

    def salt(self, person: Person) -> bytes | None:
        """Return a user's salt, None where the user is not enrolled."""
        return self._salts.get(person)

    def find(self, user: str) -> list[Person]:
        """Return the users of that name, one for each firm that has one."""
        return list(self._by_user.get(user, []))

    def people(self) -> list[Person]:
        """Return all enrolled users, in the order of their first entries."""
        return list(self._salts)

    def first_index(self, person: Person) -> int | None:
        """Return the leaf index of a user's first entry."""
        hashes = self._by_person.get(person)
        return self._by_hash[hashes[0]][0] if hashes else None

    def require_usable(self, device: VerifiedDevice, at_ms: int, rule: Rule, cause: str) -> None:
        """Refuse a device that is not valid at that time (DEV-3), or is revoked (`rule`)."""
        require_device_valid(device, at_ms)
        require(not self._revocations.covers(device.firm, "device", device.entry_hash), rule, cause)

    def _issuer(self, claimed: UnverifiedDevice, leaf_time_ms: int) -> IssuerView:
        """Return the view of the one whom the entry names, or refuse it under DEV-1 where there is none."""
        entry = claimed.entry
        known = self._by_hash.get(entry.issuer)
        if known is not None:
            device = known[1]
            self.require_usable(device, leaf_time_ms, Rule.DEVICE_ISSUER, "The issuing device is revoked.")
            return device
        if not self._rosters.knows(entry.firm):
            raise Refused(Rule.DEVICE_ISSUER, "The device entry is of a firm without a roster.")
        self._require_enroller(entry.firm, entry.issuer, leaf_time_ms)
        roster = self._rosters.current(entry.firm)
        return EnrollerView(roster.deployment, roster.organisation, entry.issuer)

    def _require_enroller(self, firm: str, key: bytes, at_ms: int) -> None:
        chain = self._rosters.chain(firm)
        from_ms = chain.counts_from(at_ms)
        if from_ms is not None and not _names(chain.in_force(at_ms).enrollers, key) and self._stands(firm, key):
            raise Refused(
                Rule.DEVICE_ISSUER,
                f"The enroller who signed the entry was appointed lately, and counts from {time_text(from_ms)}.",
            )
        require(
            self.is_enroller(firm, key, at_ms),
            Rule.DEVICE_ISSUER,
            "The device entry's issuer is neither the firm's enroller nor a device of the user.",
        )

    def is_enroller(self, firm: str, key: bytes, at_ms: int) -> bool:
        """Tell whether the key is one of the firm's enrollers at a time.

        An appointment counts after the change delay, as an approver's does. Whom the newest roster leaves out, or a
        revocation names, has ended at once.
        """
        return _names(self._rosters.chain(firm).in_force(at_ms).enrollers, key) and self._stands(firm, key)

    def _stands(self, firm: str, key: bytes) -> bool:
        """Tell whether the newest roster names the enroller, and neither key nor person is revoked."""
        person = self._rosters.current(firm).by_key(key)
        return (
            person is not None
            and "enroller" in person.roles
            and not self._revocations.covers(firm, "key", key)
            and not self._revocations.covers(firm, "person", person.id)
        )


def _names(people: Iterable[RosterPerson], key: bytes) -> bool:
    return any(person.key == key for person in people)
