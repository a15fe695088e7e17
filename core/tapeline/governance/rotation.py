"""Whether witnesses can be replaced without a gap: the quorum in force must be met until the change counts."""

from __future__ import annotations

from dataclasses import dataclass

from tapeline.governance.roster import Roster
from tapeline.transparency.keys import parse_vkey


@dataclass(frozen=True, slots=True)
class QuorumGap:
    """Witnesses that the next roster leaves out although the quorum before cannot be met without some of them.

    Attributes:
        leaving: their names.
        delay_ms: how long after the roster was posted the quorum before still counts.
    """

    leaving: tuple[str, ...]
    delay_ms: int


def quorum_gap(before: Roster, after: Roster) -> QuorumGap | None:
    """Return the gap that replacing one roster's witnesses by the next one's leaves; None where there is none.

    Checkpoints need the quorum before until the change delay has passed. Where the witnesses that both rosters name
    meet it, those that leave may stop at once. Where they do not, the leaving ones must run on, or nothing is cosigned.
    A witness is its key: another name, address or group is still the same one.
    """
    kept_keys = {parse_vkey(witness.vkey).public for witness in after.witnesses}
    kept = {witness.name for witness in before.witnesses if parse_vkey(witness.vkey).public in kept_keys}
    if before.archive_policy().is_met_by(kept):
        return None
    leaving = tuple(witness.name for witness in before.witnesses if witness.name not in kept)
    return QuorumGap(leaving, before.change_delay_ms)
