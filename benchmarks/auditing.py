"""The offline audit: sessions and leaves a second, over a copy on disk of a small deployment's logs."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from audit_kit import Deployment

from benchmarks.harness import Figure, figure
from tapeline.audit.auditor import audit
from tapeline.cli.copyfolder import open_copy

USERS = 6
SESSIONS = 40
MESSAGES = 400
ROUNDS = 3


def measure() -> list[Figure]:
    """Return sessions a second where each has few messages, and leaves a second where one session has many."""
    return [
        *_rates("audit: sessions", _deployment(SESSIONS, 1), sessions=True),
        *_rates("audit: leaves", _deployment(2, MESSAGES // 2), sessions=False),
    ]


def _deployment(sessions: int, messages: int) -> Deployment:
    """Build a deployment whose one conversation holds that many sessions of that many messages."""
    world = Deployment("bench")
    names = [f"user-{number}" for number in range(USERS)]
    for name in names:
        world.enrol(name)
    conversation = world.converse(*names)
    for number in range(sessions):
        talk = world.open(names[number % USERS], conversation)
        for _ in range(messages):
            world.say(talk, "x" * 300)
    return world


def _rates(name: str, world: Deployment, *, sessions: bool) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        copy = world.write(Path(folder) / "copy")
        rates = []
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            report = audit(open_copy(copy))
            seconds = time.perf_counter() - begun
            if not report.complete:
                raise RuntimeError(report.sentence())
            rates.append((report.tally.sessions if sessions else report.archive_size) / seconds)
    return [figure(name, "1/s", rates)]
