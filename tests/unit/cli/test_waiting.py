"""Waits that speak: silence at first, then what is waited for, on standard error alone."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from gov_kit import key
from process_kit import eventually

from tapeline.agent.remote import Remote
from tapeline.base.errors import Unavailable
from tapeline.cli.waiting import speaking


def test_a_long_wait_is_spoken_of_ever_more_seldom(capsys: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []

    def lines() -> int:
        said.append(capsys.readouterr().err)
        return len("".join(said).splitlines())

    with speaking("the relay at \x1b[2J", first_s=0.01):
        eventually(lambda: lines() >= 3, within_s=20, what="three lines")
    text = "".join(said)
    assert text.splitlines()[0] == "Waiting for the relay at \\x1b[2J …"
    assert "s so far" in text.splitlines()[1]


async def test_a_short_wait_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    with speaking("nothing", first_s=30):
        await asyncio.sleep(0)
    out, err = capsys.readouterr()
    assert (out, err) == ("", "")


def test_no_thread_is_left_behind() -> None:
    before = threading.active_count()
    for _ in range(50):
        with speaking("nothing", first_s=30):
            pass
    eventually(lambda: threading.active_count() <= before, within_s=20, what="the speakers' end")


def test_a_call_to_a_service_that_does_not_answer_is_spoken_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import socket

    with socket.socket() as mute:  # takes connections and says nothing
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        remote = Remote(
            address, key("acme/rita"), origin="o", audience="a", timeout_s=0.5,
            waiting=lambda where: speaking(f"an answer from {where}", first_s=0.05),
        )  # fmt: skip
        with pytest.raises(Unavailable):
            remote.bearer()
        remote.close()
    assert f"Waiting for an answer from {address}" in capsys.readouterr().err
