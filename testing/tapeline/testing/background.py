"""The deployment in a thread with a loop of its own: for any test, synchronous or of any loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from tapeline.base.seam import system_rng
from tapeline.client import Client, ClientOptions
from tapeline.client.store.keys import KdfCost, StoreKey
from tapeline.testing.deployment import Deployment

T = TypeVar("T")
CHEAP = KdfCost(passes=1, memory_kib=8, lanes=1)
PASSPHRASE = "correct horse battery staple"  # noqa: S105 - of stores that live as long as a test


class BackgroundDeployment:
    """A running deployment; its calls may come from any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, deployment: Deployment) -> None:
        self._loop = loop
        self.deployment = deployment

    @classmethod
    @contextmanager
    def started(cls, folder: Path, *, relay_process: bool = True) -> Iterator[BackgroundDeployment]:
        """Start a deployment in a folder, and stop it at the end."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="tapeline-deployment", daemon=True)
        thread.start()
        try:
            started = asyncio.run_coroutine_threadsafe(Deployment.start(folder, relay_process=relay_process), loop)
            background = cls(loop, started.result())
            try:
                yield background
            finally:
                background._do(background.deployment.stop())
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    @property
    def relay(self) -> str:
        """The relay's gRPC address."""
        return self.deployment.relay

    @property
    def enroller(self) -> str:
        """The enroller's gRPC address."""
        return self.deployment.enroller

    def code(self, user: str) -> str:
        """Return a fresh enrolment code for a user."""
        return self._do(self.deployment.code(user))

    def start_relay(self) -> None:
        """Start the relay again, at the address that it had."""
        self._do(self.deployment.start_relay())

    def stop_relay(self, *, kill: bool = False) -> None:
        """End the relay: drained, or by SIGKILL."""
        self._do(self.deployment.stop_relay(kill=kill))

    async def client(
        self,
        user: str,
        store: Path,
        *,
        secret: str | StoreKey | None = None,
        options: ClientOptions | None = None,
        device_name: str = "test device",
    ) -> Client:
        """Return a newly enrolled client; without a secret, its store is under `PASSPHRASE` by a cheap derivation."""
        code = await asyncio.to_thread(self.code, user)
        return await Client.enrol(
            code,
            relay=self.relay,
            enroller=self.enroller,
            store=store,
            passphrase=secret or StoreKey.new(PASSPHRASE, system_rng, CHEAP),
            device_name=device_name,
            options=options,
        )

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
