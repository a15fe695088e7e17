"""What the client tells its application beside messages."""

from __future__ import annotations

from dataclasses import dataclass

from tapeline.base.errors import TapelineError
from tapeline.crypto.membership import Member
from tapeline.governance.expiry import ExpiryWarning


@dataclass(frozen=True, slots=True)
class Connected:
    """The stream to the relay is up."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The stream is down; what is sent is kept and sent later."""

    cause: TapelineError


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """Everything that the relay had stored for this device was processed."""


@dataclass(frozen=True, slots=True)
class MembershipChanged:
    """A conversation began or its members changed, as verified under a cosigned note."""

    conversation: bytes
    members: tuple[Member, ...]
    sequence: int


@dataclass(frozen=True, slots=True)
class Disclosure:
    """This line is taped: show it.

    `of` is the disclosing message's hash; it is empty where this client says so itself, since the first message that it
    got of the conversation did not: nobody can keep that from its user.
    """

    conversation: bytes
    by: str
    firm: str
    text: str
    retention_class: str
    of: bytes


@dataclass(frozen=True, slots=True)
class ExpiresSoon:
    """The firm's roster, or this device's own entry, ends within 60 days or has ended; told once a day."""

    warning: ExpiryWarning


@dataclass(frozen=True, slots=True)
class SendDelayed:
    """No session can be opened now, and why; messages wait in the outbox, and it is tried again."""

    conversation: bytes
    cause: TapelineError


@dataclass(frozen=True, slots=True)
class NotSent:
    """A message was given up, and why; it is out of the outbox. Whoever waits for its receipt is told too."""

    conversation: bytes
    message_id: bytes
    cause: TapelineError


@dataclass(frozen=True, slots=True)
class StaleDevices:
    """Devices without a valid prekey were left out of a session; they catch up by a history grant."""

    conversation: bytes
    devices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Withheld:
    """A session has no row for this device: its messages exist and stay sealed here."""

    conversation: bytes
    record_hash: bytes


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something did not verify. It is kept in the store; where it names a session, that session is dropped."""

    rule: str
    cause: str
    remedy: str
    conversation: bytes
    record_hash: bytes
    message_hash: bytes


@dataclass(frozen=True, slots=True)
class DeviceJoined:
    """A user whom this client talks with, or its own, has one more device, which reads from now on.

    One that the enroller issued, and one of the own user, is an `Alarm` of rule "NewDevice" too: ask whose it is.
    """

    firm: str
    user: str
    device_name: str
    by_enroller: bool
    is_own: bool


@dataclass(frozen=True, slots=True)
class ComplaintUnheard:
    """A complaint is not in the audit log long after it was filed: hand it to an auditor (`Client.complaints`)."""

    rule: str
    since_ms: int


Event = (
    Connected
    | Disconnected
    | CaughtUp
    | MembershipChanged
    | Disclosure
    | ExpiresSoon
    | SendDelayed
    | NotSent
    | StaleDevices
    | Withheld
    | Alarm
    | ComplaintUnheard
    | DeviceJoined
)
