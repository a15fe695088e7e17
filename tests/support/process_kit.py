"""Real `tapeline` processes for tests: started with --json, their first line awaited, ended by signal."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

READY_S = 60.0
_COMMAND = (sys.executable, "-c", "from tapeline.cli.main import run; run()")


class Failed(AssertionError):
    """A command ended with another status than 0; its standard error is the text."""


def tapeline(*arguments: str, cwd: Path, expect: int = 0, timeout: float = 120) -> dict[str, Any]:
    """Run one command with --json and return its result, or its error object where `expect` is not 0."""
    done = subprocess.run(
        [*_COMMAND, *arguments, "--json"], cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False
    )
    if done.returncode != expect:
        raise Failed(f"tapeline {' '.join(arguments)}: status {done.returncode}\n{done.stdout}\n{done.stderr}")
    lines = (done.stdout if expect == 0 else done.stderr).strip().splitlines()
    return json.loads(lines[-1]) if lines else {}


class Running:
    """A process that serves or works until it is ended."""

    def __init__(self, arguments: Sequence[str], cwd: Path, log: Path) -> None:
        self.arguments = arguments
        self._log = log.open("ab")
        self.process = subprocess.Popen(
            [*_COMMAND, *arguments, "--json"], cwd=cwd, stdout=subprocess.PIPE, stderr=self._log
        )
        self.log = log

    def ready(self) -> dict[str, Any]:
        """Return the first JSON line."""
        out = self.process.stdout
        assert out is not None
        with selectors.DefaultSelector() as selector:
            selector.register(out, selectors.EVENT_READ)
            if not selector.select(READY_S):
                raise Failed(f"{self.arguments} is not ready\n{self.log.read_text()}")
        line = out.readline()
        if not line:
            raise Failed(f"{self.arguments} ended\n{self.log.read_text()}")
        return json.loads(line)

    def result(self, timeout: float = 120) -> dict[str, Any]:
        """Return the last JSON line of a process that ends by itself."""
        out, _ = self.process.communicate(timeout=timeout)
        if self.process.returncode != 0:
            raise Failed(f"{self.arguments}: status {self.process.returncode}\n{self.log.read_text()}")
        return json.loads(out.decode().strip().splitlines()[-1])

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)

    def stop(self) -> int:
        """Ask it to end and return its status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._log.close()
        return self.process.returncode


@contextmanager
def running(arguments: Sequence[str], cwd: Path, log: Path) -> Iterator[Running]:
    """Start a process, and end it at the end of the block."""
    process = Running(arguments, cwd, log)
    try:
        yield process
    finally:
        if process.process.poll() is None:
            process.process.kill()
            process.process.wait(20)


def eventually(holds: Any, *, within_s: float = 60, what: str = "the condition") -> Any:
    """Return the first true answer of `holds`, asked again and again until the deadline."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        answer = holds()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come true within {within_s} s")


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of this process with additions."""
    return {**os.environ, **(extra or {})}
