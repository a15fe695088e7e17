"""Who this device is: its key, its directory entry, and what its enrolment code pinned."""

from __future__ import annotations

from dataclasses import dataclass
from sqlite3 import Connection

from tapeline.base.secret import Secret
from tapeline.client.store import meta


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
        firm: organisation of the pinned roster, empty until the first bootstrap.
        origin: of the archive log, empty until the first bootstrap.
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
    firm: str = ""
    origin: str = ""


def load(connection: Connection) -> Identity | None:
    """Return the identity, None where nothing was enrolled here."""
    seed = meta.get(connection, "identity/seed")
    if seed is None:
        return None

    def field(name: str) -> bytes:
        return meta.get(connection, f"identity/{name}") or b""

    return Identity(
        relay=field("relay").decode(),
        enroller=field("enroller").decode(),
        device_name=field("device_name").decode(),
        seed=Secret(seed),
        code=field("code").decode(),
        roster_pin=field("roster_pin"),
        log_pin=field("log_pin"),
        entry=field("entry"),
        deployment=field("deployment"),
        firm=field("firm").decode(),
        origin=field("origin").decode(),
    )


def save(connection: Connection, identity: Identity) -> None:
    """Store every field; secure_delete overwrites what stood there."""
    values = {
        "relay": identity.relay.encode(),
        "enroller": identity.enroller.encode(),
        "device_name": identity.device_name.encode(),
        "seed": identity.seed.reveal(),
        "code": identity.code.encode(),
        "roster_pin": identity.roster_pin,
        "log_pin": identity.log_pin,
        "entry": identity.entry,
        "deployment": identity.deployment,
        "firm": identity.firm.encode(),
        "origin": identity.origin.encode(),
    }
    for name, value in values.items():
        meta.put(connection, f"identity/{name}", value)
