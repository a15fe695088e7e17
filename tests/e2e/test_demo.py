"""The demo, once for real: every figure of its JSON object, and what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tapeline.demo.outcome import FRAUDS
from tapeline.demo.spoil import SPOILS

DEMO = [sys.executable, "-m", "tapeline.cli", "demo"]
STEPS = {"founding", "chat", "frauds", "search", "review", "audit"}


def children_of_this_run(folder: Path) -> list[str]:
    """Return the command lines of all processes that name the demo's folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            except OSError:
                continue
            if str(folder) in line:
                found.append(line)
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    folder = tmp_path_factory.mktemp("demo") / "data"
    done = subprocess.run([*DEMO, "--json", "--data", str(folder)], capture_output=True, text=True, timeout=570)
    return done, folder


@pytest.fixture(scope="module")
def told(run: tuple[subprocess.CompletedProcess[str], Path]) -> dict[str, Any]:
    done, _ = run
    assert done.stdout.count("\n") == 1, done.stderr
    return dict(json.loads(done.stdout))


pytestmark = pytest.mark.timeout(600)


def test_all_is_as_it_should_be(run: tuple[subprocess.CompletedProcess[str], Path], told: dict[str, Any]) -> None:
    assert told["faults"] == [], run[0].stderr
    assert run[0].returncode == 0


def test_everything_sent_is_stored_once(told: dict[str, Any]) -> None:
    assert told["stored"] == told["sent"] > 50
    assert told["unread"] == 0


def test_what_was_in_scope_opened_byte_for_byte(told: dict[str, Any]) -> None:
    assert told["in_scope"] == told["opened"] == told["matched"] > 10
    assert told["in_scope"] < told["sent"]


def test_every_fraud_is_refused(told: dict[str, Any]) -> None:
    assert told["frauds_refused"] == dict.fromkeys(FRAUDS, True) or sorted(told["frauds_refused"]) == sorted(FRAUDS)
    assert all(told["frauds_refused"].values())


def test_the_servers_hold_nothing(told: dict[str, Any]) -> None:
    assert told["plaintext_hits"] == 0


def test_the_audit_is_complete_and_every_spoilt_copy_named(told: dict[str, Any]) -> None:
    assert told["audit"]["complete"] is True
    assert told["audit"]["sentence"].startswith(f"Complete: {told['sent']} of {told['sent']} messages, no gaps; ")
    assert told["audit"]["sentence"].endswith(
        f"{told['sessions']} of {told['sessions']} sessions openable; log checked by 2 witnesses."
    )
    assert set(told["spoilt_named"]) == set(SPOILS)
    assert all(told["spoilt_named"].values())


def test_each_step_says_how_long_it_took(told: dict[str, Any]) -> None:
    assert set(told["seconds"]) == STEPS


def test_no_process_is_left_and_the_data_lie_where_it_says(
    run: tuple[subprocess.CompletedProcess[str], Path], told: dict[str, Any]
) -> None:
    done, folder = run
    assert told
    assert children_of_this_run(folder) == []
    assert f"The data lie in {folder}" in done.stderr.replace("\n", " ")
    assert (folder / "services" / "relay" / "relay.db").is_file()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_stopped_demo_leaves_no_process(number: signal.Signals, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    demo = subprocess.Popen(
        [*DEMO, "--data", str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        deadline = time.monotonic() + 120
        while not (folder / "services" / "witness-inside" / "witness.key").exists() and time.monotonic() < deadline:
            time.sleep(0.05)  # polling with a deadline: something of it runs by then
        demo.send_signal(number)
        _, errors = demo.communicate(timeout=60)
    finally:
        demo.kill()
    assert demo.returncode == 130, errors
    assert "Traceback" not in errors
    assert children_of_this_run(folder) == []


@pytest.mark.parametrize("content", [b"", b"=== nobody has joined #c\n"])
def test_a_log_that_nobody_speaks_in_is_one_readable_error(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "silent.log"
    path.write_bytes(content)
    done = subprocess.run([*DEMO, "--transcript", str(path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "Nobody speaks" in done.stderr
