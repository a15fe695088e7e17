"""How an enroller is set up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tapeline.base.errors import MalformedInput, StateError
from tapeline.base.times import DAY
from tapeline.crypto.signing import SigningKey
from tapeline.governance.chain import RosterChain
from tapeline.governance.roster import Roster

MAX_ROSTER_FILE = 8 * 1024 * 1024


@dataclass(frozen=True)
class EnrollerConfig:
    """Settings of one enroller.

    Attributes:
        data: folder of key and codes.
        roster: file of the firm's pinned roster version 1 (DSSE).
        host: loopback, since this version listens without TLS.
        port, http_port: 0 takes a free one.
        relay: where the archive is compared with what was signed here; None compares nothing.
        accept_older: go on where the archive holds entries that this folder does not remember.
        device_ms: how long a device entry is valid.
    """

    data: Path
    roster: Path
    host: str = "127.0.0.1"
    port: int = 0
    http_port: int = 0
    relay: str | None = None
    accept_older: bool = False
    device_ms: int = 365 * DAY

    @property
    def database(self) -> Path:
        """The SQLite file of codes and users' salts."""
        return self.data / "codes.db"


def load_roster(path: Path) -> Roster:
    """Return the pinned roster of a file, its officers' signatures verified.

    Raises:
        MalformedInput: unreadable or too large.
        Refused: GOV-2 or GOV-3.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_ROSTER_FILE + 1)
    except OSError:
        raise MalformedInput("The roster file cannot be read.", "Check --roster.") from None
    if len(data) > MAX_ROSTER_FILE:
        raise MalformedInput("The roster file is too large.", "Check --roster.")
    return RosterChain.pin(Roster.parse(data).statement_hash).verify(data)


def require_enroller(roster: Roster, key: SigningKey) -> None:
    """Raise StateError where the roster does not name this key as an enroller's: nobody would accept its entries."""
    if key.public not in roster.enroller_keys():
        raise StateError("The roster does not name this enroller's key.", "Check --data and --roster.")
