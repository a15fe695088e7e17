"""The one door to a believed checkpoint: the log's signature, the policy's quorum, and the time they agree on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import InitVar, dataclass
from types import MappingProxyType

from tapeline.base.rules import Rule, require
from tapeline.base.times import SECOND
from tapeline.transparency.checkpoint import parse_checkpoint
from tapeline.transparency.cosignature import verify_cosignature
from tapeline.transparency.note import Note, parse_note, verify_note_signature
from tapeline.transparency.policy import Policy

AGREEMENT_S = 600
"""How far a witness's time may lie from the median to count towards the quorum that states it (10 minutes)."""
_VERIFIED = object()


@dataclass(frozen=True, slots=True)
class CosignedCheckpoint:
    """A checkpoint that its log signed and a quorum of witnesses cosigned; only `verify_cosigned` makes one.

    Attributes:
        raw: the note as received.
        origin: the log's origin.
        size: number of leaves.
        root: 32 bytes.
        median_time_ms: `median_time` of the witnesses' times, in unix milliseconds.
        witness_times: POSIX seconds by the witness's name in the policy.
    """

    raw: bytes
    origin: str
    size: int
    root: bytes
    median_time_ms: int
    witness_times: Mapping[str, int]
    verified: InitVar[object] = None

    def __post_init__(self, verified: object) -> None:
        if verified is not _VERIFIED:
            raise TypeError("a CosignedCheckpoint comes from verify_cosigned")


def median_time(times: Iterable[int]) -> int:
    """Return the lower median: of k sorted times the one at (k − 1) // 2, never a mean of two.

    It always is some witness's own statement. Fewer than half of the cosigners cannot drag it: with f < k/2 wrong
    clocks, at least one right time lies at or below this place and one at or above it, so the result stays between the
    earliest and the latest right time, whatever the others claim. Of an even number the lower one is taken, so that a
    tie makes a checkpoint look older, never fresher. Each witness counts once, because a policy holds no key
    twice and a note with two cosignatures by one key is refused. The log chooses which cosignatures beyond the quorum
    a note carries, so the median alone withstands f wrong clocks only where the smallest quorum has more than 2f
    witnesses; step 5 of `verify_cosigned` does not rely on that.
    """
    ordered = sorted(times)
    return ordered[(len(ordered) - 1) // 2]


def verify_cosigned(note: bytes, policy: Policy, *, log_origin: str) -> CosignedCheckpoint:
    """Verify a checkpoint note against a policy.

    1. The note and the checkpoint are of the exact form.
    2. The origin is the wanted one, and the log of that origin in the policy signed it.
    3. Every cosignature by a witness of the policy verifies; no witness cosigned twice.
    4. The witnesses that cosigned form the policy's quorum, and there is at least one.
    5. So do those alone whose times lie within 10 minutes of the median. Otherwise the witnesses of one company could
       date a checkpoint by themselves: attach an old cosignature from outside to fresh ones of their own, and a stale
       log looks fresh; or the reverse, and a fresh leaf looks old enough.

    Raises:
        Refused: NOTE_SYNTAX, NOTE_SIGNATURE or NOTE_QUORUM.
    """
    parsed = parse_note(note)  # 1
    checkpoint = parse_checkpoint(parsed.text)
    require(checkpoint.origin == log_origin, Rule.NOTE_SIGNATURE, "The checkpoint is another log's.")  # 2
    verify_note_signature(parsed, policy.log_keys(log_origin))
    times = _witness_times(parsed, policy)  # 3
    require(  # 4: `quorum none` is a policy too, but gives no time to judge by
        len(times) > 0 and policy.is_met_by(times.keys()),
        Rule.NOTE_QUORUM,
        "Too few of the policy's witnesses cosigned the checkpoint.",
    )
    median_s = median_time(times.values())
    agreeing = {name for name, time_s in times.items() if abs(time_s - median_s) <= AGREEMENT_S}
    require(policy.is_met_by(agreeing), Rule.NOTE_QUORUM, "Too few witnesses agree on the checkpoint's time.")  # 5
    return CosignedCheckpoint(
        raw=note,
        origin=checkpoint.origin,
        size=checkpoint.size,
        root=checkpoint.root,
        median_time_ms=median_s * SECOND,
        witness_times=MappingProxyType(times),
        verified=_VERIFIED,
    )


def _witness_times(note: Note, policy: Policy) -> dict[str, int]:
    times: dict[str, int] = {}
    for witness in policy.witnesses:
        for signature in note.signatures_by(witness.key):
            require(witness.name not in times, Rule.NOTE_SYNTAX, "A witness cosigned the same note twice.")
            times[witness.name] = verify_cosignature(note.text, signature, witness.key)
    return times
