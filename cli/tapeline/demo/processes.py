"""The supervisor: starts the parties' processes, reads their ready lines, and ends every one of them, come what may."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tapeline.base.errors import StateError
from tapeline.base.text import printable

READY_SECONDS = 60.0
GRACE_SECONDS = 15.0
LINE_LIMIT = 64 * 1024 * 1024
_LEASH = Path(__file__).with_name("leash.py")


class PartyFailed(StateError):
    """A party's process ended with a failure; `refusal` is what it printed with --json, where it did."""

    def __init__(self, who: str, status: int, refusal: Mapping[str, Any]) -> None:
        cause = printable(str(refusal.get("cause") or f"it ended with status {status}"))
        super().__init__(f"{who}: {cause}", printable(str(refusal.get("remedy") or "See its log in the data folder.")))
        self.status = status
        self.refusal = dict(refusal)

    @property
    def rule(self) -> str:
        """The id of the rule that refused, or empty."""
        return str(self.refusal.get("rule") or "")


class Party:
    """One running process; its standard output is JSON lines, its standard error a log file."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.log = log
        self.ready: dict[str, Any] = {}
        self._process = process
        self._drain: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its process group."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process has not ended."""
        return self._process.returncode is None

    async def read_ready(self, within: float) -> None:
        """Wait for the one JSON line that says where the process listens."""
        self.ready = await self.receive(within)

    def drain(self) -> None:
        """Pass over whatever else the process prints, so that its pipe never fills up."""
        self._drain = asyncio.create_task(self._pass_over())

    async def _pass_over(self) -> None:
        assert self._process.stdout is not None
        while await self._process.stdout.read(65536):
            pass

    async def send(self, command: Mapping[str, Any]) -> None:
        """Write one JSON line to the process."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        await self._process.stdin.drain()

    async def receive(self, within: float) -> dict[str, Any]:
        """Read one JSON line from the process.

        Raises:
            PartyFailed: it ended, was silent too long, or printed something else.
        """
        assert self._process.stdout is not None
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), within)
            answer = json.loads(line)
        except TimeoutError:
            raise PartyFailed(self.name, 0, {"cause": f"it said nothing for {within:.0f} s"}) from None
        except ValueError:
            status = await self.wait(GRACE_SECONDS)
            raise PartyFailed(self.name, status, last_error(self.log)) from None
        if not isinstance(answer, dict):
            raise PartyFailed(self.name, 0, {"cause": "it printed something that is not a JSON object"})
        return answer

    async def ask(self, command: Mapping[str, Any], within: float) -> dict[str, Any]:
        """Send a command and return its answer."""
        await self.send(command)
        answer = await self.receive(within)
        if "error" in answer:
            raise PartyFailed(self.name, 0, answer["error"])
        return answer

    async def wait(self, within: float) -> int:
        """Wait for the process to end and return its status."""
        return await asyncio.wait_for(self._process.wait(), within)

    def signal_group(self, number: signal.Signals) -> None:
        """Signal the process and what it started; it is the leader of its own group."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    async def end(self, grace: float = GRACE_SECONDS) -> None:
        """Ask the process to drain and end; kill it where it does not in time."""
        if self.running:
            self.signal_group(signal.SIGTERM)
            try:
                await asyncio.wait_for(self._process.wait(), grace)
            except TimeoutError:
                self.signal_group(signal.SIGKILL)
                await self._process.wait()
        self.signal_group(signal.SIGKILL)  # whatever it may have left in its group
        if self._drain is not None:
            self._drain.cancel()


class Supervisor:
    """Owner of every process of a run; `async with` ends them all."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._parties: list[Party] = []
        logs.mkdir(parents=True, exist_ok=True, mode=0o700)

    async def __aenter__(self) -> Supervisor:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.end_all()

    @property
    def parties(self) -> tuple[Party, ...]:
        """Every process that was started and not yet ended."""
        return tuple(party for party in self._parties if party.running)

    async def start(
        self, name: str, argv: Sequence[str], *, controlled: bool = False, within: float = READY_SECONDS
    ) -> Party:
        """Start a process and wait for its ready line; `controlled` ones take JSON lines on standard input."""
        party = await self._spawn(name, argv, controlled=controlled)
        await party.read_ready(within)
        if not controlled:
            party.drain()
        return party

    async def run(
        self, name: str, argv: Sequence[str], *, within: float = READY_SECONDS, statuses: Collection[int] = (0,)
    ) -> dict[str, Any]:
        """Run a command to its end and return the JSON object in the last line of its output.

        Raises:
            PartyFailed: it ended with a status that is none of `statuses`, or printed nothing of the kind.
        """
        party = await self._spawn(name, argv, controlled=False)
        try:
            assert party._process.stdout is not None
            output = await asyncio.wait_for(party._process.stdout.read(), within)
            status = await party.wait(within)
        except TimeoutError:
            raise PartyFailed(name, 0, {"cause": f"it did not end within {within:.0f} s"}) from None
        finally:
            await party.end(grace=1.0)
            self._parties.remove(party)
        if status not in statuses:
            raise PartyFailed(name, status, last_error(party.log))
        with suppress(ValueError, IndexError):
            result = json.loads(output.strip().splitlines()[-1])
            if isinstance(result, dict):
                return result
        raise PartyFailed(name, status, last_error(party.log) or {"cause": "it printed no JSON object"})

    async def end_all(self) -> None:
        """End every process, those started last first, all at once where they do not depend on one another."""
        parties, self._parties = self._parties[::-1], []
        await asyncio.gather(*(party.end() for party in parties))

    async def _spawn(self, name: str, argv: Sequence[str], *, controlled: bool) -> Party:
        log = self._logs / f"{name}.log"
        with log.open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                str(_LEASH),
                str(os.getpid()),
                *argv,
                stdin=asyncio.subprocess.PIPE if controlled else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                start_new_session=True,  # Ctrl-C reaches us alone, and we end them in order
                limit=LINE_LIMIT,
            )
        party = Party(name, process, log)
        self._parties.append(party)
        return party


def last_error(log: Path) -> dict[str, Any]:
    """Return the JSON error in the last lines of a process's log, or what its last line says."""
    try:
        lines = log.read_bytes()[-65536:].splitlines()
    except OSError:
        return {}
    for line in reversed(lines[-20:]):
        with suppress(ValueError):
            told = json.loads(line)
            if isinstance(told, dict) and isinstance(told.get("error"), dict):
                return dict(told["error"])
    return {"cause": printable(lines[-1].decode("utf-8", "replace"), limit=300)} if lines else {}
