"""Who this device is: its key, its directory entry, and what its enrolment code pinned."""

from __future__ import annotations

from dataclasses import dataclass
from sqlite3 import Connection

from tapeline.base.secret import Secret
from tapeline.client.store import meta

_FIELDS = (
    "relay",
    "enroller",
    "device_name",
    "seed",
    "code",
    "roster_pin",
    "log_pin",
    "entry",
    "deployment",
    "rosters",
)


@dataclass(frozen=True, slots=True)
class Identity:
    """What enrolment stores, in the order in which it comes to be known.

    Attributes:
        relay: gRPC address, host:port.
        enroller: gRPC address, host:port; needed until the entry is there.
        device_name: shown to others.
        seed: of the device's Ed25519 key, 32 bytes.
        code: the one-time part, emptied once it is spent.
        roster_pin: statement hash of the firm's pinned roster, 64 bytes.
        log_pin: hash of the archive log's vkey, 64 bytes.
        entry: the device's signed entry, empty until the enroller gave it.
        deployment: 32 bytes, empty until the first bootstrap.
        rosters: the pinned roster's envelope, empty until the first bootstrap.
    """

    relay: str
    enroller: str
    device_name: str
    seed: Secret
    code: str
    roster_pin: bytes
    log_pin: bytes
    entry: bytes = b""
    deployment: bytes = b""
    rosters: bytes = b""


def load(connection: Connection) -> Identity | None:
    """Return the identity, None where nothing was enrolled here."""
    values = {name: meta.get(connection, f"identity/{name}") for name in _FIELDS}
    if values["seed"] is None:
        return None
    found = {name: value or b"" for name, value in values.items()}
    texts = {name: found.pop(name).decode() for name in ("relay", "enroller", "device_name", "code")}
    return Identity(**texts, seed=Secret(found.pop("seed")), **found)


def save(connection: Connection, identity: Identity) -> None:
    """Store every field; secure_delete overwrites what stood there."""
    for name in _FIELDS:
        value = getattr(identity, name)
        encoded = value.reveal() if isinstance(value, Secret) else value.encode() if isinstance(value, str) else value
        meta.put(connection, f"identity/{name}", encoded)
