"""The driver: polls the board, makes one step at a time, stores before it posts, and goes on after any crash."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tapeline.agent.ceremony import ROUNDS
from tapeline.base.errors import StateError, Unavailable
from tapeline.base.times import SECOND, Clock, Rng
from tapeline.crypto.wire import encode
from tapeline.custodian.ceremony.call import Call, verify_call
from tapeline.custodian.ceremony.memory import CeremonyMemory
from tapeline.custodian.ceremony.record import CeremonyRecord
from tapeline.custodian.ceremony.steps import Board, Custodian, missing, next_round, step
from tapeline.governance.roster import Roster
from tapeline.wire.v1 import escrow_pb2 as wire


class CeremonyPort(Protocol):
    """What a ceremony needs of a board; `BoardClient` is one, a carried file another."""

    def ceremony(self, ceremony: bytes) -> wire.CeremonyState:
        """Return the ceremony with its messages."""

    def post_ceremony(self, ceremony: bytes, round_name: str, message: bytes) -> None:
        """Post a signed message of a round."""


@dataclass(frozen=True)
class CeremonyProgress:
    """Where a ceremony stands: the last round that this custodian made, and whom the next one waits for."""

    round: str
    done: bool
    waiting_for: tuple[str, ...]


def run_ceremony(
    port: CeremonyPort,
    memory: CeremonyMemory,
    me: Custodian,
    roster: Roster,
    ceremony: bytes,
    *,
    rng: Rng,
    clock: Clock,
    deadline_ms: int,
    progress: Callable[[CeremonyProgress], None] = lambda _: None,
    away: Callable[[bool], None] = lambda _: None,
    poll_ms: int = SECOND // 5,
    pause: Callable[[float], None] = time.sleep,
) -> CeremonyRecord:
    """Take part until every custodian signed the certificate, and return the finished record.

    Args:
        port: the board.
        memory: this agent's store.
        me: roster id and key.
        roster: the newest one that this agent verified.
        ceremony: id on the board.
        rng, clock: randomness and time.
        deadline_ms: unix milliseconds after which to stop; running again goes on from there.
        progress: told of every change.
        away: told that the board does not answer, once each time, and that it does again.
        poll_ms: between two looks at the board.
        pause: waits some seconds.

    Raises:
        Refused: DKG-1 to DKG-8, naming the culprit; then the ceremony is to be repeated as a new attempt.
        StateError: the deadline passed (retryable), or the store lost what this custodian posted.
    """
    shown: CeremonyProgress | None = None
    is_away = False
    while True:
        try:
            record, now = advance(port, memory, me, roster, ceremony, rng)
        except Unavailable:
            # A board that does not answer is waited for: nothing is lost meanwhile.
            if not is_away:
                away(True)
            is_away = True
        else:
            if is_away:
                away(False)
            is_away = False
            if now != shown:
                progress(now)
                shown = now
            if record.certificate:
                return record
        if clock() >= deadline_ms:
            raise StateError("The ceremony did not finish in time.", "Run it again: it goes on.", retryable=True)
        pause(poll_ms / SECOND)


def advance(
    port: CeremonyPort, memory: CeremonyMemory, me: Custodian, roster: Roster, ceremony: bytes, rng: Rng
) -> tuple[CeremonyRecord, CeremonyProgress]:
    """Make every step that is possible now; each new message is stored before it is posted.

    Raises:
        Refused, StateError: as `run_ceremony`.
    """
    state = port.ceremony(ceremony)
    call = verify_call(state, roster)
    call.index_of(me.id)
    board = {(one.round, one.custodian): encode(one.message) for one in state.messages}
    record = memory.restore(ceremony) or _joined(memory, ceremony, me, board, rng)
    while True:
        _post_missing(port, me, record, board)
        new = step(call, me, record, board, rng)
        if new == record:
            return record, _progress(call, record, board)
        memory.save(new)
        record = memory.restore(ceremony) or new  # protocol, Ceremony: store, restore, only then the test partial


def _joined(memory: CeremonyMemory, ceremony: bytes, me: Custodian, board: Board, rng: Rng) -> CeremonyRecord:
    if any(custodian == me.id for _, custodian in board):
        raise StateError(
            "This custodian takes part already, from another store.",
            "Use that store; where it is lost, an officer opens another: tapeline officer ceremony open --attempt.",
        )
    record = CeremonyRecord.fresh(ceremony, rng)
    memory.save(record)
    return record


def _post_missing(
    port: CeremonyPort, me: Custodian, record: CeremonyRecord, board: dict[tuple[str, str], bytes]
) -> None:
    for name in ROUNDS:
        mine, shown = record.messages.get(name), board.get((name, me.id))
        if mine != shown and shown is not None:
            raise StateError(
                "The board holds another message of this custodian.", "Is a second copy of the agent running?"
            )
        if mine is not None and shown is None:
            port.post_ceremony(record.ceremony, name, mine)
            board[name, me.id] = mine


def _progress(call: Call, record: CeremonyRecord, board: Board) -> CeremonyProgress:
    upcoming = next_round(record)
    made = ROUNDS[-1] if upcoming is None else ROUNDS[max(ROUNDS.index(upcoming) - 1, 0)]
    return CeremonyProgress(made, bool(record.certificate), missing(call, board, made))
