"""Asks a custodian's agent, on its own machine, for a session that no warrant covers: the agent refuses by itself.

A process of its own with the custodian's key and store, as `tapeline custodian release` is; only the package that it
is handed was falsified: one session of the manifest is exchanged for another one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tapeline.agent.package import fetch_records, warrants_of
from tapeline.agent.passphrase_store import open_store
from tapeline.base.errors import NotFound
from tapeline.base.seam import system_clock, system_rng
from tapeline.cli.common import JsonOption, PassphraseFile, command_errors, print_result
from tapeline.cli.parties import EscrowOption, KeyOption, RelayOption, RosterOption, acting, desk_of, open_person, unhex
from tapeline.custodian.answer import fetch
from tapeline.custodian.policy import read_policy
from tapeline.custodian.release import Releaser
from tapeline.governance.gate_input import GateInput
from tapeline.wire.v1.objects_pb2 import Leaf

STORE_PURPOSE = "custodian-store"
app = typer.Typer()


@app.command()
@command_errors
def ask(
    key: KeyOption,
    data: Annotated[Path, typer.Option("--data")],
    roster: RosterOption,
    escrow: EscrowOption,
    relay: RelayOption,
    policy: Annotated[Path, typer.Option("--policy")],
    case: Annotated[str, typer.Option("--case")],
    session: Annotated[str, typer.Option("--session")],
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Hand the agent a package in which one session is exchanged; ends with the agent's refusal."""
    person, passphrase = open_person(key, None, passphrase_file)
    store = open_store(data, passphrase, STORE_PURPOSE, system_rng)
    with desk_of(person, roster, escrow, relay) as desk:
        me = acting(desk)
        warrants = warrants_of(desk.audit, unhex(case, "case's hash"))
        if not warrants:
            raise NotFound("The case has no warrant.", "Have one issued: tapeline reviewer warrant.")
        package = fetch(desk, warrants[-1][0])
        wanted = [Leaf.FromString(one.leaf).object_hash for one in package.records][:-1]
        # Fetched together, so that all are proven under one note, as the gate demands.
        records, package.archive_note = fetch_records(desk.relay, [*wanted, unhex(session, "session's hash")])
        del package.records[:]
        package.records.extend(records)
        gate = GateInput.from_package(package, desk.archive.state, pinned_roster=desk.founding.statement_hash)
        released = Releaser(me, store, read_policy(policy), lambda _: False, system_rng).release(gate, system_clock())
    print_result({"released": len(released)}, as_json=as_json)


if __name__ == "__main__":
    app()
