"""Every service's data folder of one founded firm, made in this process, and the commands that serve them."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from process_kit import Running

from tapeline.base.errors import TapelineError
from tapeline.base.seam import system_clock, system_rng
from tapeline.base.times import Rng
from tapeline.client import Client
from tapeline.client.store.keys import StoreKey
from tapeline.enroller import keys as enroller_keys
from tapeline.escrow.keys import init_keys as init_escrow
from tapeline.governance.person import Witness
from tapeline.relay.keys import init_keys as init_relay
from tapeline.testing.background import CHEAP
from tapeline.testing.founding import Founding, PublicParts, found
from tapeline.vault.keys import init_keys as init_vault
from tapeline.witness.keyfile import create_key

SERVICES = ("relay", "escrow", "vault", "enroller", "witness")
ARCHIVE, AUDIT = "bank.example/archive", "bank.example/audit"
NOWHERE = "http://127.0.0.1:9"
_COMMAND = (sys.executable, "-c", "from tapeline.cli.main import run; run()")


@dataclass
class Firm:
    """Folders by the service's name under `folder`; rosters are made anew as often as wanted."""

    folder: Path
    parts: PublicParts
    witness: str
    founding: Founding
    running: list[Running] = field(default_factory=list)

    def found_again(self, url: str = NOWHERE, rng: Rng = system_rng) -> Founding:
        """Write another roster version 1 over the one before, as officers do who changed a witness's address."""
        witness = Witness("w1", self.witness, url, "outside")
        self.founding = found(self.parts, [witness], rng=rng, now_ms=system_clock())
        (self.folder / "roster.json").write_bytes(self.founding.envelope)
        return self.founding

    def serve(self, service: str, *options: str) -> list[str]:
        """Return the words of `tapeline … serve`."""
        trust = ["--logs", "logs"] if service == "witness" else ["--roster", "roster.json"]
        return [service, "serve", "--data", service, *trust, *options]

    def start(self, service: str, *options: str) -> Running:
        """Start a service; `end` ends it where the caller does not."""
        process = Running(self.serve(service, *options), self.folder, self.folder / f"{service}.log")
        self.running.append(process)
        return process

    def end(self) -> None:
        """Kill what still runs."""
        for process in self.running:
            if process.process.poll() is None:
                process.kill()

    def command(self, service: str, *options: str) -> list[str]:
        """Return the whole command of a service."""
        return [*_COMMAND, *self.serve(service, *options)]

    def refused(self, service: str, *options: str) -> dict[str, Any]:
        """Return the error of a service that does not start."""
        command = [*self.command(service, *options), "--json"]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode in {1, 3}, done.stdout + done.stderr
        return dict(json.loads(done.stderr.strip().splitlines()[-1])["error"])


def firm(folder: Path, url: str = NOWHERE) -> Firm:
    """Return a firm whose services have keys and a roster; none runs."""
    relay = init_relay(folder / "relay", ARCHIVE, system_rng)
    escrow = init_escrow(folder / "escrow", AUDIT, system_rng)
    vault = init_vault(folder / "vault", system_rng)
    vault.store.close()
    witness = create_key(folder / "witness", "w1.example/witness", system_rng)
    parts = PublicParts(
        relay_key=relay.relay.public,
        archive_log=relay.log.key.encode(),
        enroller_key=enroller_keys.init_key(folder / "enroller", system_rng).public,
        escrow_key=escrow.service.public,
        audit_log=escrow.log.key.encode(),
        vault_key=vault.roster.public,
    )
    (folder / "logs").write_text(parts.archive_log + "\n" + parts.audit_log + "\n")
    made = Firm(folder, parts, witness.key.encode(), None)  # type: ignore[arg-type]
    made.found_again(url)
    return made


def content(folder: Path) -> dict[str, bytes]:
    """Return a folder's files, but the lock, of which only the kernel's part counts."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "lock"}


async def enrol(code: str, relay: dict[str, Any], enroller: dict[str, Any], store: Path) -> None:
    """Enrol a device, waiting for an enroller that has not compared itself with the archive yet."""
    for _ in range(200):
        try:
            client = await Client.enrol(
                code, relay=relay["grpc"], enroller=enroller["grpc"], store=store,
                passphrase=StoreKey.new("pw", system_rng, CHEAP),
            )  # fmt: skip
        except TapelineError as error:
            if not error.retryable:
                raise
            shutil.rmtree(store, ignore_errors=True)
            await asyncio.sleep(0.05)
        else:
            await client.close()
            return
    raise AssertionError("the enroller never compared itself with the archive")
