"""Waits that speak: after two seconds a line on standard error says what is waited for, and later how long already."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.text import Text

from tapeline.base.text import printable
from tapeline.cli.common import stderr

FIRST_S = 2.0
"""Within two seconds nobody wonders."""


@contextmanager
def speaking(what: str, *, first_s: float = FIRST_S) -> Iterator[None]:
    """Say on standard error what the block waits for, first after `first_s` and then each time twice as late.

    Works around blocking calls and around `await` alike: a thread of its own does the talking.

    Args:
        what: such as "the relay at 127.0.0.1:7001"; made printable.
        first_s: silence before the first line.
    """
    ended = threading.Event()
    speaker = threading.Thread(target=_speak, args=(printable(what), first_s, ended), daemon=True)
    speaker.start()
    try:
        yield
    finally:
        ended.set()


def _speak(what: str, first_s: float, ended: threading.Event) -> None:
    began, pause = time.monotonic(), first_s
    while not ended.wait(pause):
        waited = time.monotonic() - began
        since = f" ({waited:.0f} s so far)" if waited >= 2 * first_s else ""
        stderr().print(Text(f"Waiting for {what}{since} …"), soft_wrap=True)
        pause = waited
