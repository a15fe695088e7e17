"""What becomes of a submission."""

from __future__ import annotations

from dataclasses import dataclass

from tapeline.base.errors import TapelineError
from tapeline.base.remote import to_refusal
from tapeline.wire.v1.objects_pb2 import Ack
from tapeline.wire.v1.relay_pb2 import Answer


@dataclass(frozen=True, slots=True)
class Accepted:
    """It is durable: the relay's signed promise."""

    ack: Ack


@dataclass(frozen=True, slots=True)
class Rejected:
    """It is refused; `newer` is the leaf that outdated the sender's view, where that is the cause."""

    error: TapelineError
    newer: Ack | None = None


Outcome = Accepted | Rejected


def to_answer(ticket: int, outcome: Outcome) -> Answer:
    """Return the answer of a stream to one submission."""
    if isinstance(outcome, Accepted):
        return Answer(ticket=ticket, ack=outcome.ack)
    return Answer(ticket=ticket, refusal=to_refusal(outcome.error, outcome.newer))
