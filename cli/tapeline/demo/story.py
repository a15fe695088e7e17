"""The story, from founding to audit, on one stage; whatever happens, every process that it started is ended."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tapeline.demo.folder import DataFolder
from tapeline.demo.narration import Narrator
from tapeline.demo.outcome import Outcome
from tapeline.demo.processes import Supervisor
from tapeline.demo.script import builtin_script
from tapeline.demo.stage import Stage
from tapeline.demo.step1_founding import found
from tapeline.demo.step2_chat import chat, collect
from tapeline.demo.step3_frauds import try_frauds
from tapeline.demo.step4_search import search
from tapeline.demo.step5_review import review
from tapeline.demo.step6_audit import audit
from tapeline.demo.transcript import Transcript, load_transcript

STEPS = {
    "founding": "Step 1: the organisation is founded, and its escrow key made",
    "chat": "Step 2: people chat, end to end encrypted, every session sealed to escrow too",
    "frauds": "Step 3: a modified client tries to cheat",
    "search": "Step 4: what do the servers hold?",
    "review": "Step 5: a reviewer, a warrant, a quorum",
    "audit": "Step 6: an auditor without any secret",
}


async def tell(transcripts: Sequence[Path], data: Path | None, *, keep: bool, for_program: bool) -> Outcome:
    """Play the story and return what it came to; Ctrl-C, SIGTERM and SIGHUP end it in order."""
    logs = [load_transcript(path) for path in transcripts] or [builtin_script()]
    narrator, folder, outcome = Narrator(for_program=for_program), DataFolder(data, keep=keep), Outcome()
    narrator.say(f"Everything runs on this machine, on loopback, with its data in {folder.path}.")
    failed = True
    try:
        with _signals():
            async with Supervisor(folder.part("logs")) as supervisor:
                stage = Stage(folder, supervisor, narrator, outcome)
                await _play(stage, logs)
        failed = bool(outcome.faults())
    finally:
        outcome.seconds = narrator.seconds
        narrator.close(_ending(outcome, failed=failed))
        narrator.say(folder.finish(failed=failed))
    return outcome


async def _play(stage: Stage, logs: Sequence[Transcript]) -> None:
    narrator = stage.narrator
    with narrator.step("founding", STEPS["founding"]):
        await found(stage)
    with narrator.step("chat", STEPS["chat"]):
        talk = await chat(stage, logs)
    with narrator.step("frauds", STEPS["frauds"]):
        await try_frauds(stage, talk)
    with narrator.step("search", STEPS["search"]):
        await search(stage, talk)
    with narrator.step("review", STEPS["review"]):
        await review(stage, talk)
    with narrator.step("audit", STEPS["audit"]):
        await collect(stage, talk)  # acknowledgements of the last disclosure came meanwhile
        await audit(stage)


def _ending(outcome: Outcome, *, failed: bool) -> str:
    if not failed:
        return f"The story ends well, after {sum(outcome.seconds.values()):.0f} s. Every process is ended."
    return " ".join(["The story did not end well.", *outcome.faults(), "Every process is ended."])


@contextmanager
def _signals() -> Iterator[None]:
    """Let signals cancel the story, so that what it started is ended before the process is."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    stopping = False

    def stop() -> None:
        nonlocal stopping
        if not stopping:  # impatience must not cut the ending short
            stopping = True
            task.cancel()

    for number in numbers:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
