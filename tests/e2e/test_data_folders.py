"""Data folders of real processes: one process each, and nothing is pinned before its ports are its own."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from process_kit import tapeline
from services_kit import SERVICES, Firm, content, firm

from tapeline.base.seam import system_rng
from tapeline.client import Client
from tapeline.client.errors import StoreProblem
from tapeline.client.store.keys import StoreKey
from tapeline.testing.background import CHEAP, BackgroundDeployment


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Firm]:
    made = firm(tmp_path)
    yield made
    made.end()


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.mark.parametrize("service", SERVICES)
def test_a_second_process_is_refused_and_a_killed_one_holds_nothing(bank: Firm, service: str) -> None:
    first = bank.start(service)
    first.ready()
    before = set(content(bank.folder / service))
    error = bank.refused(service)
    assert f"process {first.process.pid}" in error["cause"]
    assert set(content(bank.folder / service)) == before
    assert first.process.poll() is None
    first.kill()
    again = bank.start(service)
    again.ready()
    assert again.stop() == 0


@pytest.mark.parametrize("service", SERVICES)
def test_a_taken_port_leaves_the_folder_as_it_was_also_for_another_roster(bank: Firm, service: str, taken: int) -> None:
    before = content(bank.folder / service)
    error = bank.refused(service, "--port", str(taken))
    assert "taken" in error["cause"]
    assert content(bank.folder / service) == before
    # The officers change an address and found anew, as in the working day: the first roster was pinned nowhere.
    bank.found_again("http://127.0.0.1:10")
    process = bank.start(service)
    process.ready()
    assert process.stop() == 0


async def test_a_second_relay_on_the_same_data_harms_neither_the_first_nor_its_messages(
    tapeline_own_deployment: BackgroundDeployment, tmp_path: Path
) -> None:
    deployment = tapeline_own_deployment
    async with (
        await deployment.client("ann", tmp_path / "ann") as ann,
        await deployment.client("ben", tmp_path / "ben") as ben,
    ):
        conversation = await ann.create_conversation(["ben"])
        await conversation.send("before")
        folder = deployment.deployment.folder
        words = [sys.executable, "-c", "from tapeline.cli.main import run; run()", "relay", "serve", "--data", "relay"]
        done = await asyncio.to_thread(
            subprocess.run, [*words, "--roster", "roster.json"], cwd=folder, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 1
        assert "works on the folder relay" in done.stderr
        assert (await conversation.send("after")).index > 0
        async with asyncio.timeout(30):
            async for message in ben.messages():
                if message.text == "after":
                    break


async def test_a_second_client_on_one_store_is_told_what_it_can_do(
    tapeline_deployment: BackgroundDeployment, tmp_path: Path
) -> None:
    key = StoreKey.new("pw", system_rng, CHEAP)
    async with await tapeline_deployment.client("cara", tmp_path / "cara", secret=key) as cara:
        with pytest.raises(StoreProblem, match="second device") as refused:
            await Client.open(tmp_path / "cara", key)
        assert refused.value.retryable
        assert cara.user == "cara"
    async with await Client.open(tmp_path / "cara", key):
        pass


def test_status_of_a_custodian_makes_no_folder(tmp_path: Path) -> None:
    secret = tmp_path / "passphrase"
    secret.touch(mode=0o600)
    secret.write_text("correct horse battery staple")
    tapeline("key", "new", "--out", "cora.key", "--name", "Cora", "--passphrase-file", "passphrase", cwd=tmp_path)
    error = tapeline(
        "custodian", "status", "--key", "cora.key", "--data", "nofolder", "--passphrase-file", "passphrase",
        cwd=tmp_path, expect=1,
    )  # fmt: skip
    assert "no store" in error["error"]["cause"].lower()
    assert not (tmp_path / "nofolder").exists()
