"""The witness process: key, memory, known logs, HTTP, and an end without a cut request."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from tapeline.base.errors import StateError
from tapeline.base.seam import system_clock
from tapeline.base.times import Clock
from tapeline.local.folder import FolderLock
from tapeline.rpc.signals import StopSignal
from tapeline.tlog.listen import HttpPort, HttpServer
from tapeline.transparency.witness import Witness
from tapeline.witness.app import witness_app
from tapeline.witness.config import WitnessConfig, read_logs
from tapeline.witness.keyfile import load_key
from tapeline.witness.store import STORE_FILE, SqliteWitnessStore


async def serve(
    config: WitnessConfig, *, ready: Callable[[Mapping[str, Any]], None], clock: Clock = system_clock
) -> None:
    """Serve until SIGTERM or SIGINT, then drain.

    Args:
        config: folder, known logs, address.
        ready: called once with {"url", "vkey", "pid"} when requests are taken.
        clock: unix milliseconds.

    Raises:
        StateError: no key or memory, another process on the folder, no file of logs, or the address is taken.
        Refused: POLICY_SYNTAX for a malformed key or log line.
    """
    with FolderLock.hold(config.data), StopSignal() as stopping:
        cosigner, logs = load_key(config.data), read_logs(config.logs)
        port = HttpPort(config.host, config.port)
        _require_memory(config)
        memory = SqliteWitnessStore(config.data / STORE_FILE)
        witness = Witness(cosigner, logs, memory, accept_older=config.accept_older)
        server = HttpServer(witness_app(witness, clock), port)
        ready({"url": await server.start(), "vkey": witness.key.encode(), "pid": os.getpid()})
        await stopping.wait()
        await server.stop()


def _require_memory(config: WitnessConfig) -> None:
    if not config.accept_older and not (config.data / STORE_FILE).is_file():
        raise StateError(
            "This witness's memory is missing: it no longer knows what it cosigned, and could cosign a second history.",
            f"Restore {STORE_FILE}. If it is lost, make a new witness, or start once with --accept-older-copy.",
        )
