"""`tapeline custodian`: take part in a ceremony, release partials, show what this agent holds."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from tapeline.agent.desk import read_founding_roster
from tapeline.agent.passphrase_store import open_store
from tapeline.base.errors import PermissionRefused, StateError
from tapeline.base.seam import system_clock, system_rng
from tapeline.base.text import printable
from tapeline.base.times import MINUTE
from tapeline.cli.common import (
    JsonOption,
    PassphraseFd,
    PassphraseFile,
    command_errors,
    print_result,
    stderr,
)
from tapeline.cli.parties import EscrowOption, KeyOption, RelayOption, RosterOption, acting, desk_of, open_person, unhex
from tapeline.crypto.wire import encode, parse
from tapeline.custodian.answer import answer_warrant, answer_what_policy_allows, carried_gate, open_warrants
from tapeline.custodian.ceremony.carried import CarriedCeremony, parsed_id, read_state
from tapeline.custodian.ceremony.memory import CeremonyMemory
from tapeline.custodian.ceremony.run import CeremonyProgress, advance, run_ceremony
from tapeline.custodian.ceremony.steps import Custodian
from tapeline.custodian.consent import consent_table
from tapeline.custodian.policy import read_policy
from tapeline.custodian.release import AskPerson, Releaser
from tapeline.governance.certificate import EscrowCertificate
from tapeline.governance.gate_input import GateSummary
from tapeline.governance.roster import Roster
from tapeline.wire.v1.escrow_pb2 import BundlePost

app = typer.Typer(help="Hold a share: ceremonies and releases.", no_args_is_help=True)

STORE_PURPOSE = "custodian-store"
MAX_CARRIED = 64 * 1024 * 1024
DataOption = Annotated[Path, typer.Option("--data", help="Folder of this agent's sealed store.")]
PolicyOption = Annotated[Path | None, typer.Option("--policy", help="This agent's own policy file (TOML).")]


@app.command()
@command_errors
def ceremony(
    key: KeyOption,
    data: DataOption,
    roster: RosterOption,
    escrow: EscrowOption,
    ceremony_id: Annotated[str | None, typer.Option("--ceremony", help="Its id; the newest where left out.")] = None,
    minutes: Annotated[int, typer.Option("--minutes", help="How long to wait for the others.")] = 60,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Take part in a ceremony until everyone has signed its certificate; run it again after any interruption.

    Example: tapeline custodian ceremony --key cora.key --data cora --roster roster.json --escrow 127.0.0.1:7002
    """
    person, passphrase = open_person(key, passphrase_fd, passphrase_file)
    store = open_store(data, passphrase, STORE_PURPOSE, system_rng)
    with desk_of(person, roster, escrow) as desk:
        me = acting(desk)
        known = desk.board.ceremonies()
        if ceremony_id is None and not known:
            raise StateError("No ceremony is open.", "Ask an officer to open one.")
        record = run_ceremony(
            desk.board,
            CeremonyMemory(store),
            me,
            desk.audit.roster,
            unhex(ceremony_id, "ceremony's id") if ceremony_id else known[-1],
            rng=system_rng,
            clock=system_clock,
            deadline_ms=system_clock() + minutes * MINUTE,
            progress=_show_progress,
        )
    certificate = EscrowCertificate.parse(record.certificate)
    result = {"certificate": certificate.statement_hash.hex(), "escrow_key_id": certificate.escrow_key_id.hex()}
    print_result(result, as_json=as_json, human="The ceremony is complete; this agent holds a proven share.")


@app.command("ceremony-file")
@command_errors
def ceremony_file(
    file: Annotated[Path, typer.Argument(help="The carried ceremony; this custodian's messages are added to it.")],
    key: KeyOption,
    data: DataOption,
    roster: RosterOption,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Make every step of a carried ceremony that is possible now, without any network.

    The roster given is taken for the newest one: the officer who opened the ceremony brings it along.

    Example: tapeline custodian ceremony-file ceremony.state --key cora.key --data cora --roster roster.json
    """
    person, passphrase = open_person(key, passphrase_fd, passphrase_file)
    store = open_store(data, passphrase, STORE_PURPOSE, system_rng)
    founding = Roster.parse(read_founding_roster(roster))
    holder = founding.by_key(person.signing.public)
    if holder is None:
        raise PermissionRefused("The roster does not name this key.", "Use another key file.")
    me = Custodian(holder.id, person.signing)
    ceremony = parsed_id(read_state(file))
    _, progress = advance(CarriedCeremony(file), CeremonyMemory(store), me, founding, ceremony, system_rng)
    _show_progress(progress)
    result = {"round": progress.round, "done": progress.done, "waiting_for": list(progress.waiting_for)}
    print_result(result, as_json=as_json, human="Carry the file on." if not progress.done else "Complete.")


@app.command("release-file")
@command_errors
def release_file(
    file: Annotated[Path, typer.Argument(help="What `reviewer package` wrote.")],
    key: KeyOption,
    data: DataOption,
    roster: RosterOption,
    out: Annotated[Path, typer.Option("--out", help="Folder for the sealed bundles, to be carried back.")],
    policy: PolicyOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Say yes to what is shown, without being asked.")] = False,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a carried warrant without any network; the bundles are sealed to the case's key.

    Example: tapeline custodian release-file warrant.package --key cora.key --data cora --roster roster.json
    --out bundles
    """
    person, passphrase = open_person(key, passphrase_fd, passphrase_file)
    store = open_store(data, passphrase, STORE_PURPOSE, system_rng)
    founding = Roster.parse(read_founding_roster(roster))
    gate, holder = carried_gate(file.read_bytes(), founding, person.signing.public)
    releaser = Releaser(Custodian(holder, person.signing), store, read_policy(policy), _asker(yes=yes), system_rng)
    out.mkdir(exist_ok=True)
    names = []
    for one in releaser.release(gate, system_clock()):
        path = out / f"{holder}-{one.epoch}.bundle"
        path.write_bytes(encode(BundlePost(release=one.release, sealed_bundle=one.sealed_bundle)))
        names.append(str(path))
    print_result({"bundles": names}, as_json=as_json)


@app.command("post-bundle")
@command_errors
def post_bundle(
    file: Annotated[Path, typer.Argument(help="What `custodian release-file` wrote.")],
    key: KeyOption,
    roster: RosterOption,
    escrow: EscrowOption,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Post a carried bundle; any custodian may, since release and bundle are signed and sealed.

    Example: tapeline custodian post-bundle cora-1.bundle --key carl.key --roster roster.json --escrow 127.0.0.1:7002
    """
    bundle = parse(BundlePost, file.read_bytes(), limit=MAX_CARRIED, what="carried bundle")
    person, _ = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow) as desk:
        ack = desk.board.post_bundle(bundle.release, bundle.sealed_bundle)
    print_result({"audit_index": ack.index}, as_json=as_json, human=f"Logged as audit leaf {ack.index}.")


@app.command()
@command_errors
def release(
    key: KeyOption,
    data: DataOption,
    roster: RosterOption,
    escrow: EscrowOption,
    relay: RelayOption,
    warrant: Annotated[str | None, typer.Option("--warrant", help="Hash of one warrant; else all open ones.")] = None,
    policy: PolicyOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Say yes to what is shown, without being asked.")] = False,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Check a warrant for yourself, decide, and release partials for its sessions.

    Example: tapeline custodian release --key cora.key --data cora --roster roster.json --escrow 127.0.0.1:7002
    --relay 127.0.0.1:7001
    """
    person, passphrase = open_person(key, passphrase_fd, passphrase_file)
    store = open_store(data, passphrase, STORE_PURPOSE, system_rng)

    with desk_of(person, roster, escrow, relay) as desk:
        me = acting(desk)
        releaser = Releaser(me, store, read_policy(policy), _asker(yes=yes), system_rng)
        wanted = None if warrant is None else unhex(warrant, "warrant's hash")
        posted = [
            {"warrant": one.warrant.hex(), "epoch": one.epoch, "audit_index": one.audit_index, "repeated": one.repeated}
            for entry in open_warrants(desk, me.id, wanted)
            for one in answer_warrant(desk, releaser, entry, system_clock())
        ]
    human = f"{len(posted)} bundles released." if posted else "No warrant waits for this custodian."
    print_result({"released": posted}, as_json=as_json, human=human)


@app.command()
@command_errors
def watch(
    key: KeyOption,
    data: DataOption,
    roster: RosterOption,
    escrow: EscrowOption,
    relay: RelayOption,
    policy: PolicyOption = None,
    seconds: Annotated[int, typer.Option("--every", help="Seconds between two looks.")] = 30,
    once: Annotated[bool, typer.Option("--once", help="Look once, then end.")] = False,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Answer what this agent's policy file allows, and tell of warrants that wait for a person.

    Example: tapeline custodian watch --key cora.key --data cora --roster roster.json --escrow 127.0.0.1:7002
    --relay 127.0.0.1:7001 --policy policy.toml
    """
    person, passphrase = open_person(key, passphrase_fd, passphrase_file)
    store = open_store(data, passphrase, STORE_PURPOSE, system_rng)
    with desk_of(person, roster, escrow, relay) as desk:
        me = acting(desk)
        releaser = Releaser(me, store, read_policy(policy), lambda _: False, system_rng)
        while True:
            desk.audit.sync(desk.board)
            for line in answer_what_policy_allows(desk, releaser, me.id, system_clock()):
                print_result({"event": line}, as_json=as_json, human=line)
            if once:
                return
            time.sleep(seconds)


@app.command()
@command_errors
def status(
    key: KeyOption,
    data: DataOption,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Show which ceremonies and shares this agent's store holds.

    Example: tapeline custodian status --key cora.key --data cora
    """
    _, passphrase = open_person(key, passphrase_fd, passphrase_file)
    memory = CeremonyMemory(open_store(data, passphrase, STORE_PURPOSE, system_rng))
    rows = []
    for record in memory.ceremonies():
        certificate = EscrowCertificate.parse(record.certificate) if record.certificate else None
        rows.append(
            {
                "ceremony": record.ceremony.hex(),
                "last_round": list(record.messages)[-1] if record.messages else "",
                "certified": certificate is not None,
                "epoch": certificate.epoch if certificate else None,
                "retention_class": certificate.retention_class if certificate else None,
            }
        )
    print_result({"ceremonies": rows}, as_json=as_json, human=_status_table(rows))


def _asker(*, yes: bool) -> AskPerson:
    def ask(summary: GateSummary) -> bool:
        stderr().print(consent_table(summary))
        return yes or typer.confirm("Release these sessions?", default=False, err=True)

    return ask


def _show_progress(progress: CeremonyProgress) -> None:
    waiting = ", ".join(printable(name) for name in progress.waiting_for)
    state = "complete" if progress.done else f"waiting for {waiting or 'the board'}"
    stderr().print(Text(f"{progress.round}: {state}"))


def _status_table(rows: list[dict[str, object]]) -> Table:
    table = Table("Ceremony", "Last round", "Certified", "Epoch", "Class")
    for row in rows:
        cells = (str(row["ceremony"])[:16], row["last_round"], row["certified"], row["epoch"], row["retention_class"])
        table.add_row(*(Text(printable(str(cell))) for cell in cells))
    return table
