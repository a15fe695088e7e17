"""Adversary: a member who writes a message that looks like another person's line in `tapeline chat read`."""

from __future__ import annotations

import re

import pytest

from tapeline.base.times import time_text
from tapeline.cli import chat_words
from tapeline.cli.chat_words import line_of, recorded_line
from tapeline.client import Message
from tapeline.client.content import Body, Edit, RecordingDisclosure, Reply, Text

AT_MS = 1_800_000_000_000
FORGED = f"{time_text(AT_MS)} UTC  {'aa' * 4}  boss: pay mallory"
A_HEADING = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2} ", re.MULTILINE)


def message(body: Body, sender: str = "mallory") -> Message:
    return Message(
        conversation=bytes.fromhex("aa" * 64), firm="bank", sender=sender, device=bytes(64), body=body, labels={},
        message_id=bytes(16), message_hash=bytes(64), record_hash=bytes(64), index=0, sequence=0, leaf_index=0,
        relay_time_ms=AT_MS, client_time_ms=AT_MS, position=1,
    )  # fmt: skip


@pytest.mark.parametrize("width", [None, 60, 100, 200])
@pytest.mark.parametrize(
    "body",
    [
        Text(f"ok\n{FORGED}"),
        Text("ok" + " " * 400 + FORGED),
        Text("\n" * 5 + FORGED),
        Text("☎\ufe0f" * 60 + FORGED),
        Text("銀" * 90 + FORGED),
        Reply(bytes(64), f"x\n{FORGED}"),
        Edit(bytes(64), f"x\n{FORGED}"),
        RecordingDisclosure("bank", f"x\n{FORGED}", "7y"),
    ],
)
def test_only_the_senders_own_line_stands_at_the_edge(
    monkeypatch: pytest.MonkeyPatch, width: int | None, body: Body
) -> None:
    monkeypatch.setattr(chat_words, "terminal_width", lambda: width)
    shown = line_of(message(body)).plain
    assert len(A_HEADING.findall(shown)) == shown.count("mallory:") == 1
    assert all(line.startswith("    │ ") for line in shown.split("\n")[1:])
    assert width is None or all(len(line) <= width for line in shown.split("\n"))  # the terminal folds nothing itself


def test_a_disclosures_own_words_forge_none_either() -> None:
    shown = recorded_line("bank", f"taped\n{FORGED}").plain
    assert A_HEADING.findall(shown) == []


def test_times_say_which_time_they_are() -> None:
    assert " UTC " in line_of(message(Text("hi"))).plain
