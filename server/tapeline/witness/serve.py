"""The witness process: key, memory, known logs, HTTP, and an end without a cut request."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

from tapeline.base.seam import system_clock
from tapeline.base.times import Clock
from tapeline.tlog.listen import HttpServer
from tapeline.transparency.witness import Witness
from tapeline.witness.app import witness_app
from tapeline.witness.config import WitnessConfig, read_logs
from tapeline.witness.keyfile import load_key
from tapeline.witness.store import SqliteWitnessStore

STORE_FILE = "witness.db"


async def serve(config: WitnessConfig, *, ready: Callable[[dict[str, str]], None], clock: Clock = system_clock) -> None:
    """Serve until SIGTERM or SIGINT, then drain.

    Args:
        config: folder, known logs, address.
        ready: called once with {"url", "vkey"} when requests are taken.
        clock: unix milliseconds.

    Raises:
        StateError: no key, no file of logs, or the address is taken.
        Refused: POLICY_SYNTAX for a malformed key or log line.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    witness = Witness(load_key(config.data), read_logs(config.logs), SqliteWitnessStore(config.data / STORE_FILE))
    server = HttpServer(witness_app(witness, clock), config.host, config.port)
    url = await server.start()
    ready({"url": url, "vkey": witness.key.encode()})
    await stopping.wait()
    await server.stop()
