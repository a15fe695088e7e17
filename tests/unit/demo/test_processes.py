"""The supervisor starts, talks to and ends real processes, whatever they do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tapeline.demo.processes import PartyFailed, Supervisor

PYTHON = sys.executable
SERVE = "import time; print('{\"port\": 7}', flush=True); time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SERVE
ECHO = "import sys; print('{}', flush=True)\nfor line in sys.stdin: print(line, end='', flush=True)"
PARENT = """
import asyncio, sys
from pathlib import Path
from tapeline.demo.processes import Supervisor
async def main():
    party = await Supervisor(Path(sys.argv[1])).start("child", [sys.executable, "-c", sys.argv[2]])
    print(party.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def gone(pid: int, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(pid)


async def test_a_server_says_where_it_listens_and_is_ended(tmp_path: Path) -> None:
    async with Supervisor(tmp_path) as supervisor:
        party = await supervisor.start("server", [PYTHON, "-c", SERVE])
        assert party.ready == {"port": 7}
        assert alive(party.pid)
    assert not alive(party.pid)


async def test_one_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path)
    party = await supervisor.start("stubborn", [PYTHON, "-c", STUBBORN])
    await party.end(grace=0.2)
    assert not alive(party.pid)


async def test_a_failure_inside_still_ends_everything(tmp_path: Path) -> None:
    pids = []

    async def fail() -> None:
        async with Supervisor(tmp_path) as supervisor:
            pids.append((await supervisor.start("server", [PYTHON, "-c", SERVE])).pid)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert not alive(pids[0])


async def test_a_controlled_process_answers_line_by_line(tmp_path: Path) -> None:
    async with Supervisor(tmp_path) as supervisor:
        party = await supervisor.start("echo", [PYTHON, "-c", ECHO], controlled=True)
        assert await party.ask({"n": 1}, 5) == {"n": 1}
        with pytest.raises(PartyFailed, match="no such user") as failed:
            await party.ask({"error": {"cause": "no such user", "rule": "DEV-1"}}, 5)
        assert failed.value.rule == "DEV-1"


async def test_a_command_gives_its_last_line(tmp_path: Path) -> None:
    async with Supervisor(tmp_path) as supervisor:
        assert await supervisor.run("c", [PYTHON, "-c", "print('words'); print('{\"a\": 1}')"]) == {"a": 1}
        assert supervisor.parties == ()


async def test_a_failed_command_tells_cause_and_rule(tmp_path: Path) -> None:
    code = 'import sys; sys.stderr.write(\'{"error": {"cause": "no", "rule": "GAT-4"}}\\n\'); sys.exit(1)'
    async with Supervisor(tmp_path) as supervisor:
        with pytest.raises(PartyFailed, match="no") as failed:
            await supervisor.run("c", [PYTHON, "-c", code])
    assert (failed.value.rule, failed.value.status) == ("GAT-4", 1)


async def test_one_that_dies_before_it_is_ready_is_reported(tmp_path: Path) -> None:
    async with Supervisor(tmp_path) as supervisor:
        with pytest.raises(PartyFailed, match="bad news"):
            await supervisor.start("s", [PYTHON, "-c", "import sys; sys.exit('bad news \\x1b[2J')"])


async def test_a_silent_one_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    async with Supervisor(tmp_path) as supervisor:
        with pytest.raises(PartyFailed, match="said nothing"):
            await supervisor.start("s", [PYTHON, "-c", "import time; time.sleep(60)"], within=0.3)


@pytest.mark.skipif(sys.platform != "linux", reason="the leash is Linux's")
def test_a_killed_supervisor_leaves_no_process_behind(tmp_path: Path) -> None:
    parent = subprocess.Popen([PYTHON, "-c", PARENT, str(tmp_path), SERVE], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert alive(child)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert gone(child)
