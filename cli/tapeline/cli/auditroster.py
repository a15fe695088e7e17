"""Whose copy an audit judges: the founding roster that the auditor trusts, held against the one that the copy names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tapeline.audit.copy import Copy
from tapeline.base.errors import MalformedInput, StateError, TapelineError
from tapeline.cli.spoken import pin_words
from tapeline.governance.chain import SHOWN
from tapeline.governance.roster import Roster

MAX_ROSTER_BYTES = 8 * 1024 * 1024
UNTRUSTED = (
    "Not trusted: only the copy itself says whose it is. Compare these words with the officers' words, "
    "then give the roster (--roster FILE), or say that they are right (--trust-copy)."
)


@dataclass(frozen=True, slots=True)
class Ground:
    """What an audit rests on: the firm's name, the pinned founding roster, and whether a person vouches for it.

    `deployment` is empty where the copy does not hold the roster that it names.
    """

    organisation: str
    deployment: str
    words: str
    trusted: bool

    def as_dict(self) -> dict[str, object]:
        """Return the part that --json adds to a report."""
        return {
            "trusted": self.trusted,
            "organisation": self.organisation,
            "deployment": self.deployment,
            "words": self.words,
        }


def ground_of(copy: Copy, roster: Path | None, *, trust_copy: bool) -> Ground:
    """Return what the copy's audit rests on.

    Raises:
        StateError: the roster that the auditor trusts is not the one that the copy was made with.
    """
    pin = next(iter(copy.pins.values()))
    held = _founding(copy, pin)
    if roster is not None:
        trusted = read_founding(roster)
        if copy.pins != {trusted.organisation: trusted.statement_hash}:
            raise StateError(_differs(copy, held, trusted), "Give the copy's own founding roster, or copy again.")
        return Ground(trusted.organisation, trusted.deployment.hex(), pin_words(pin), True)
    organisation = next(iter(copy.pins)) if held is None else held.organisation
    return Ground(organisation, "" if held is None else held.deployment.hex(), pin_words(pin), trust_copy)


def read_founding(path: Path) -> Roster:
    """Return the roster in a file, which must be version 1: later versions come out of the log."""
    with path.open("rb") as handle:
        data = handle.read(MAX_ROSTER_BYTES + 1)
    if len(data) > MAX_ROSTER_BYTES:
        raise MalformedInput("The file is too large for a roster.", "Check --roster.")
    roster = Roster.parse(data.strip())
    if roster.version != 1:
        raise StateError(
            f"The file is version {roster.version} of {roster.organisation}'s roster; an audit starts from version 1.",
            "Give the founding roster, version 1.",
        )
    return roster


def _founding(copy: Copy, pin: bytes) -> Roster | None:
    """Return the pinned roster, if the copy holds it: what it says is then as true as the pin."""
    try:
        roster = Roster.parse(copy.audit.object(pin))
    except TapelineError:
        return None
    return roster if roster.statement_hash == pin else None


def _differs(copy: Copy, held: Roster | None, trusted: Roster) -> str:
    pin = next(iter(copy.pins.values())).hex()[:SHOWN]
    whose = next(iter(copy.pins)) if held is None else f"{held.organisation}, deployment {held.deployment.hex()}"
    return (
        f"The copy is of {whose} (founding roster {pin}…); the roster that you trust is of {trusted.organisation}, "
        f"deployment {trusted.deployment.hex()} ({trusted.statement_hash.hex()[:SHOWN]}…): "
        "it is not the copy's founding roster."
    )
