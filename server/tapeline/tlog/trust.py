"""By what a log's readers judge its checkpoints, and which witnesses to ask so that they may."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tapeline.governance.chain import RosterChain
from tapeline.governance.person import Witness
from tapeline.tlog.witnessing import WitnessEndpoint
from tapeline.transparency.cosigned import CosignedCheckpoint
from tapeline.transparency.keys import parse_vkey

MAX_ASKED = 60
"""Fewer than a note takes lines, so that the log's own has its place (signed-note, Format)."""

Judge = Callable[[bytes], CosignedCheckpoint]


@dataclass(frozen=True)
class Trust:
    """The rule that holds now, asked anew for each checkpoint: rosters change it, and so does time.

    Attributes:
        judge: returns a note that the log's readers believe; refuses every other.
        witnesses: whom to ask at a time, unix milliseconds.
        judge_announced: returns a note that they would believe once an announced roster is in force.
    """

    judge: Judge
    witnesses: Callable[[int], Sequence[WitnessEndpoint]]
    judge_announced: Judge | None = None


def archive_trust(chain: Callable[[], RosterChain]) -> Trust:
    """Return the rule for the archive log, by the firm's rosters as they are at the time of asking."""
    return Trust(
        judge=lambda note: chain().verify_archive_note(note),
        witnesses=lambda at_ms: endpoints(chain().witnesses_to_ask(at_ms)),
    )


def audit_trust(chain: Callable[[], RosterChain], clock: Callable[[], int]) -> Trust:
    """Return the rule for the audit log, by the firm's rosters as they are at the time of asking."""
    return Trust(
        judge=lambda note: chain().verify_audit_note(note),
        witnesses=lambda at_ms: endpoints(chain().witnesses_to_ask(at_ms)),
        judge_announced=lambda note: chain().verify_announced_audit_note(note, clock()),
    )


def endpoints(witnesses: Sequence[Witness]) -> list[WitnessEndpoint]:
    """Return where the witnesses listen that say so, at most 60."""
    found = [
        WitnessEndpoint(one.name, one.url, parse_vkey(one.vkey).as_cosigner()) for one in witnesses if one.url != ""
    ]
    return found[:MAX_ASKED]
