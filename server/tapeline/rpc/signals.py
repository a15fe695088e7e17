"""Waiting for the signals that ask a process to stop."""

from __future__ import annotations

import asyncio
import signal


async def until_stopped(stopping: asyncio.Event, *vital: asyncio.Task[None]) -> None:
    """Wait for the stop, or for the failure of a task without which the service may not go on.

    Raises:
        Exception: what the task failed with; the caller drains before it lets it through.
    """
    waiting = asyncio.ensure_future(stopping.wait())
    done, _ = await asyncio.wait({waiting, *vital}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    for task in done.intersection(vital):
        task.result()


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
