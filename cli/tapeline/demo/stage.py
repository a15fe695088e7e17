"""Everything that a run of the demo holds: folder, processes, addresses, people; and how commands are run."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tapeline.demo.folder import DataFolder
from tapeline.demo.narration import Narrator
from tapeline.demo.outcome import Outcome
from tapeline.demo.processes import Party, Supervisor

TAPELINE = (sys.executable, "-m", "tapeline.cli")
FIRM = "Example Bank"
CLASS = "7y"
AT_ONCE = 3


@dataclass(frozen=True, slots=True)
class Role:
    """A person of the organisation: roster id, roles, group."""

    id: str
    roles: tuple[str, ...]
    group: str = ""


PEOPLE = (
    Role("officer-1", ("officer",)),
    Role("officer-2", ("officer",)),
    *(Role(f"custodian-{number}", ("custodian",), f"floor {number}") for number in range(1, 6)),
    Role("approver-1", ("approver",), "legal"),
    Role("approver-2", ("approver",), "works council"),
    # An approver too, so that the refusal of her own case has no other cause than that it is her own.
    Role("reviewer-1", ("approver", "reviewer"), "legal"),
    Role("auditor-1", ("auditor",)),
)


@dataclass
class Stage:
    """One run."""

    folder: DataFolder
    supervisor: Supervisor
    narrator: Narrator
    outcome: Outcome
    addresses: dict[str, str] = field(default_factory=dict)
    parties: dict[str, Party] = field(default_factory=dict)
    hosts: list[Party] = field(default_factory=list)
    _gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    @property
    def roster(self) -> Path:
        """The signed roster, version 1."""
        return self.folder.part("public") / "roster.json"

    def service(self, name: str) -> Path:
        """Return a service's data folder."""
        return self.folder.part("services") / name

    def key(self, person: str) -> Path:
        """Return a person's key file."""
        return self.folder.part("people", person) / "person.key"

    def passphrase_file(self, person: str) -> Path:
        """Return the file with a person's passphrase, made when first asked for; only its owner reads it."""
        path = self.folder.part("people", person) / "passphrase"
        if not path.exists():
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            os.write(handle, secrets.token_hex(16).encode() + b"\n")
            os.close(handle)
        return path

    def store(self, custodian: str) -> Path:
        """Return the folder of a custodian's sealed store."""
        return self.folder.part("people", custodian) / "store"

    def as_person(self, person: str) -> list[str]:
        """Return the options with which a person's command opens the key file."""
        return ["--key", str(self.key(person)), "--passphrase-file", str(self.passphrase_file(person))]

    def desk(self, person: str, *, relay: bool = False) -> list[str]:
        """Return the options of a command that talks to the escrow service, and to the relay where asked."""
        options = [*self.as_person(person), "--roster", str(self.roster), "--escrow", self.addresses["escrow"]]
        return [*options, "--relay", self.addresses["relay"]] if relay else options

    async def run(
        self, name: str, *words: str, within: float = 60.0, statuses: Collection[int] = (0,)
    ) -> dict[str, Any]:
        """Run one `tapeline` command with --json to its end; see `Supervisor.run`."""
        async with self._gate:
            return await self.supervisor.run(name, [*TAPELINE, *words, "--json"], within=within, statuses=statuses)

    async def run_all(self, commands: Sequence[tuple[str, ...]]) -> list[dict[str, Any]]:
        """Run commands side by side, each given as its name and its words."""
        return list(await asyncio.gather(*(self.run(name, *words) for name, *words in commands)))

    async def serve(self, name: str, *words: str) -> Party:
        """Start a service with --json and keep its addresses."""
        party = await self.supervisor.start(name, [*TAPELINE, *words, "--json"])
        self.parties[name] = party
        for kind, address in party.ready.items():
            if kind in {"grpc", "url"}:
                self.addresses[name] = str(address)
            elif kind == "http":
                self.addresses[f"{name} http"] = str(address)
        return party
