"""A child's memory: what it holds is found, what it never held is not; a stranger's is out of reach."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tapeline.demo.memory import MemoryForbidden, search_process
from tapeline.demo.patterns import Needle, PatternTable

CHILD = """
import base64, sys
kept = bytes.fromhex(sys.stdin.readline())
wide = kept.hex().encode("utf-16-le")
ballast = bytearray(20_000_000)
print("ready", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def holder() -> Iterator[tuple[subprocess.Popen[str], bytes]]:
    value = secrets.token_bytes(32)
    child = subprocess.Popen([sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(value.hex() + "\n")
    child.stdin.flush()
    assert child.stdout.readline() == "ready\n"
    yield child, value
    child.stdin.close()
    child.wait(timeout=10)
    child.stdout.close()


def test_what_the_child_holds_is_found_and_nothing_else(holder: tuple[subprocess.Popen[str], bytes]) -> None:
    child, value = holder
    table = PatternTable([Needle("held", value), Needle("never", secrets.token_bytes(32))])
    hits, total = search_process(table, child.pid, "the child")
    assert {hit.name for hit in hits} == {"held"}
    assert {"raw", "UTF-16LE"} <= {hit.spelling for hit in hits}
    assert total > 20_000_000


def test_the_child_runs_on_afterwards(holder: tuple[subprocess.Popen[str], bytes]) -> None:
    child, _ = holder
    search_process(PatternTable([]), child.pid, "the child")
    assert child.stdin is not None
    child.stdin.close()
    assert child.wait(timeout=10) == 0


def test_unreadable_memory_is_said_so() -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()  # a zombie is gone: its memory cannot be read
    with pytest.raises((MemoryForbidden, ProcessLookupError)):
        search_process(PatternTable([Needle("x", bytes(32))]), child.pid, "nobody")
