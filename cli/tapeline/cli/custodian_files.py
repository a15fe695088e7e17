"""`tapeline custodian file`: ceremonies and warrants carried as files, for machines that touch no network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tapeline.base.errors import PermissionRefused
from tapeline.base.seam import system_clock, system_rng
from tapeline.cli.common import JsonOption, PassphraseFd, PassphraseFile, command_errors, print_result
from tapeline.cli.custodian_common import STORE_PURPOSE, DataOption, PolicyOption, YesOption, asker, show_progress
from tapeline.cli.files import PRIVATE, write_new
from tapeline.cli.parties import EscrowOption, KeyOption, RosterOption, desk_of, open_person
from tapeline.cli.stores import store_of
from tapeline.crypto.wire import encode, parse
from tapeline.custodian.answer import carried_gate
from tapeline.custodian.ceremony.carried import CarriedCeremony, parsed_id, read_state, roster_of_ceremony
from tapeline.custodian.ceremony.memory import CeremonyMemory
from tapeline.custodian.ceremony.run import advance
from tapeline.custodian.ceremony.steps import Custodian
from tapeline.custodian.policy import read_policy
from tapeline.custodian.release import Releaser
from tapeline.governance.roster import Roster
from tapeline.rpc.roster_file import read_founding_roster
from tapeline.wire.v1.escrow_pb2 import BundlePost

app = typer.Typer(help="Work with carried files, without any network.", no_args_is_help=True)

MAX_CARRIED = 64 * 1024 * 1024


@app.command("ceremony")
@command_errors
def ceremony(
    file: Annotated[Path, typer.Argument(help="The carried ceremony; this custodian's messages are added to it.")],
    key: KeyOption,
    data: DataOption,
    roster: Annotated[
        Path, typer.Option("--roster", help="The newest roster, signed; the officer who opened the ceremony brings it.")
    ],
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Make every step of a carried ceremony that is possible now, without any network.

    The roster given is taken for the newest one: compare its words (`tapeline officer show`) with those of an officer.

    Example: tapeline custodian file ceremony ceremony.state --key cora.key --data cora --roster roster.json
    """
    person, passphrase = open_person(key, passphrase_fd, passphrase_file)
    store = store_of(data, passphrase, STORE_PURPOSE)
    newest, state = roster_of_ceremony(read_founding_roster(roster), read_state(file)), read_state(file)
    holder = newest.by_key(person.signing.public)
    if holder is None:
        raise PermissionRefused("The roster does not name this key.", "Use another key file.")
    me = Custodian(holder.id, person.signing)
    _, progress = advance(CarriedCeremony(file), CeremonyMemory(store), me, newest, parsed_id(state), system_rng)
    show_progress(progress)
    result = {"round": progress.round, "done": progress.done, "waiting_for": list(progress.waiting_for)}
    print_result(result, as_json=as_json, human="Carry the file on." if not progress.done else "Complete.")


@app.command("release")
@command_errors
def release(
    file: Annotated[Path, typer.Argument(help="What `reviewer package` wrote.")],
    key: KeyOption,
    data: DataOption,
    roster: RosterOption,
    out: Annotated[Path, typer.Option("--out", help="Folder for the sealed bundles, to be carried back.")],
    policy: PolicyOption = None,
    yes: YesOption = False,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a carried warrant without any network; the bundles are sealed to the case's key.

    Example: tapeline custodian file release warrant.package --key cora.key --data cora --roster roster.json
    --out bundles
    """
    person, passphrase = open_person(key, passphrase_fd, passphrase_file)
    store = store_of(data, passphrase, STORE_PURPOSE)
    founding = Roster.parse(read_founding_roster(roster))
    gate, holder = carried_gate(file.read_bytes(), founding, person.signing.public)
    releaser = Releaser(Custodian(holder, person.signing), store, read_policy(policy), asker(yes=yes), system_rng)
    out.mkdir(exist_ok=True)
    names = []
    for one in releaser.release(gate, system_clock()):
        path = out / f"{holder}-{one.epoch}.bundle"
        write_new(path, encode(BundlePost(release=one.release, sealed_bundle=one.sealed_bundle)), mode=PRIVATE)
        names.append(str(path))
    print_result({"bundles": names}, as_json=as_json)


@app.command("post")
@command_errors
def post(
    file: Annotated[Path, typer.Argument(help="What `custodian file release` wrote.")],
    key: KeyOption,
    roster: RosterOption,
    escrow: EscrowOption,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Post a carried bundle; any custodian may, since release and bundle are signed and sealed.

    Example: tapeline custodian file post cora-1.bundle --key carl.key --roster roster.json --escrow 127.0.0.1:7003
    """
    bundle = parse(BundlePost, file.read_bytes(), limit=MAX_CARRIED, what="carried bundle")
    person, _ = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow) as desk:
        ack = desk.board.post_bundle(bundle.release, bundle.sealed_bundle)
    print_result({"audit_index": ack.index}, as_json=as_json, human=f"Logged as audit leaf {ack.index}.")
