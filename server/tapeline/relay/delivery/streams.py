"""How many streams a device may hold open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from tapeline.base.errors import LimitExceeded
from tapeline.relay.metrics import Metrics

STREAMS_PER_DEVICE = 4


class OpenStreams:
    """Counts the open streams of each device."""

    def __init__(self, metrics: Metrics) -> None:
        self._open: Counter[bytes] = Counter()
        self._metrics = metrics

    @contextmanager
    def one_more(self, device: bytes) -> Iterator[None]:
        """Count a stream while inside.

        Raises:
            LimitExceeded: the device has as many as it may.
        """
        if self._open[device] >= STREAMS_PER_DEVICE:
            raise LimitExceeded("The device has too many open streams.", "Close one first.")
        self._open[device] += 1
        self._metrics.streams.inc()
        try:
            yield
        finally:
            self._metrics.streams.dec()
            self._open[device] -= 1
            if not self._open[device]:
                del self._open[device]
