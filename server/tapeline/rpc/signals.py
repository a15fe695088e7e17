"""Waiting for the signals that ask a process to stop."""

from __future__ import annotations

import asyncio
import signal


class StopSignal:
    """Set by SIGTERM and SIGINT while inside the context."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def __enter__(self) -> asyncio.Event:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._event.set)
        return self._event

    def __exit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
