"""What a witness is told: its folder, its address, and the logs that it knows.

The file of known logs has a line for each key; an origin follows only where it is not the key's name:

# our archive
archive.example+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k
sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8 go.sum database tree
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tapeline.base.errors import StateError
from tapeline.base.rules import Rule, require
from tapeline.transparency.keys import ED25519, VerifierKey, parse_vkey

MAX_LOGS_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class WitnessConfig:
    """Settings of one witness process; port 0 takes a free one, `accept_older` starts on a lost or older memory."""

    data: Path
    logs: Path
    host: str = "127.0.0.1"
    port: int = 0
    accept_older: bool = False


def read_logs(path: Path) -> Mapping[str, tuple[VerifierKey, ...]]:
    """Read the file of known logs: the keys of each origin.

    Raises:
        StateError: no such file.
        Refused: POLICY_SYNTAX.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_LOGS_BYTES + 1)
    except OSError:
        raise StateError("The file of known logs is not readable.", "Name one with a vkey on each line.") from None
    require(len(raw) <= MAX_LOGS_BYTES, Rule.POLICY_SYNTAX, "The file of known logs is too large.")
    return parse_logs(raw.decode("utf-8", "replace"))


def parse_logs(text: str) -> Mapping[str, tuple[VerifierKey, ...]]:
    """Parse the lines of a file of known logs.

    Raises:
        Refused: POLICY_SYNTAX.
    """
    logs: dict[str, tuple[VerifierKey, ...]] = {}
    for line in text.splitlines():
        vkey, _, origin = line.strip().partition(" ")
        if vkey == "" or vkey.startswith("#"):
            continue
        key = parse_vkey(vkey)
        require(key.kind == ED25519, Rule.POLICY_SYNTAX, "A log's key is not one that signs notes.")
        named = origin.strip() or key.name
        # A log that stands there twice is one log: with two entries, its signature would stand twice in the note.
        logs[named] = tuple(dict.fromkeys((*logs.get(named, ()), key)))
    require(logs != {}, Rule.POLICY_SYNTAX, "The file of known logs names none.")
    return logs
