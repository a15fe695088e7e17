"""This device: who it is and what it signs with; one object for all parts of a client."""

from __future__ import annotations

from dataclasses import dataclass

from tapeline.base.times import Clock, Rng
from tapeline.client.directory.sync import DirectorySync
from tapeline.client.store.database import Database
from tapeline.client.transport.calls import Caller
from tapeline.crypto.device import VerifiedDevice, parse_device_entry
from tapeline.crypto.record.facts import DeviceFact
from tapeline.crypto.signing import SigningKey


@dataclass(frozen=True)
class Device:
    """The parts that every room of the client needs.

    Attributes:
        key: the device's identity key.
        entry: its verified directory entry.
        database: the store.
        directory: verified view of everybody.
        caller: calls to the relay in the device's name.
        clock: unix milliseconds.
        rng: source of randomness.
    """

    key: SigningKey
    entry: VerifiedDevice
    database: Database
    directory: DirectorySync
    caller: Caller
    clock: Clock
    rng: Rng

    @property
    def person(self) -> tuple[str, str]:
        """(firm, user)."""
        return self.entry.firm, self.entry.user

    @property
    def fact(self) -> DeviceFact:
        """The device as the directory has it now.

        Raises:
            NotFound: its entry is not under a cosigned note yet.
        """
        return self.directory.state.device(self.entry.entry_hash)


def own_entry(obj: bytes) -> VerifiedDevice:
    """Return the own entry, which was verified when it was enrolled and is kept in the authenticated store since."""
    parsed = parse_device_entry(obj)
    entry = parsed.entry
    return VerifiedDevice(
        entry_hash=parsed.entry_hash,
        deployment=entry.deployment,
        firm=entry.firm,
        user=entry.user,
        user_salt=entry.user_salt,
        device_key=entry.device_key,
        device_name=entry.device_name,
        not_before_ms=entry.not_before_ms,
        not_after_ms=entry.not_after_ms,
    )
