"""HTTP connections with an end: a request arrives in time, an answer is taken in time, and there are only so many.

Everybody on this machine shares the address 127.0.0.1, so no limit by address tells an attacker from a reader. Where
there are too many connections, the one goes that has waited longest without a request: never one that is answered.
"""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass
from typing import Any, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Connections at once; seconds for a request to arrive in whole, and for its answer to be made and taken."""

    connections: int = 128
    request_s: float = 10.0
    answer_s: float = 60.0


def protocol_with(limits: HttpLimits) -> type[H11Protocol]:
    """Return the protocol class of one server."""
    return type("Bounded", (BoundedProtocol,), {"limits": limits})


class BoundedProtocol(H11Protocol):
    """uvicorn's own protocol, which by itself waits for ever for a first request, and for the rest of a begun one."""

    limits = HttpLimits()
    _numbers = itertools.count()

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.number = next(self._numbers)
        self._timer: asyncio.TimerHandle | None = None
        self._is_arriving = False

    @property
    def is_waiting(self) -> bool:
        """Tell whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a connection, and make room for it."""
        super().connection_made(cast("asyncio.Transport", transport))
        self._watch()
        if len(self.connections) > self.limits.connections:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        """Take bytes: the first ones of a request start its time, the last ones that of its answer."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Wait for the next request, for as long as uvicorn keeps the connection alive."""
        super().on_response_complete()
        if (
            self.transport.is_closing()
            or self.transport.get_write_buffer_size()
            or self.conn.their_state is h11.SEND_BODY
        ):
            return  # what is still to be taken, or to arrive, has its time already
        self._stop()
        self._is_arriving = False
        if not self.is_waiting:  # the next request had arrived together with this one
            self._watch()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection; one whose peer takes no more bytes is cut a little later."""
        super().timeout_keep_alive_handler()
        self._restart(self.limits.answer_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection and its timer."""
        self._stop()
        super().connection_lost(exc)

    def cut(self) -> None:
        """End the connection at once, whatever is still to be written."""
        self._stop()
        self.connections.discard(self)
        self.transport.abort()

    def _watch(self) -> None:
        """Start the time of what is awaited now, where it does not run already."""
        is_arriving = self.conn.their_state in {h11.IDLE, h11.SEND_BODY}
        if self._timer is None or is_arriving != self._is_arriving:
            self._is_arriving = is_arriving
            self._restart(self.limits.request_s if is_arriving else self.limits.answer_s)

    def _make_room(self) -> None:
        """End the connection that has waited longest; where all are being answered, this new one."""
        others = [each for each in self.connections if isinstance(each, BoundedProtocol) and each is not self]
        waiting = [each for each in others if each.is_waiting]
        min(waiting, key=lambda each: each.number, default=self).cut()

    def _restart(self, seconds: float) -> None:
        self._stop()
        self._timer = self.loop.call_later(seconds, self.cut)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
