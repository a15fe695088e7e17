"""`tapeline officer ceremony`: open ceremonies, certify what they made, carry them to where no network is."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from tapeline.agent.ceremony import ceremony_id
from tapeline.base.seam import system_clock
from tapeline.base.text import plural, printable
from tapeline.base.times import DAY
from tapeline.cli.common import JsonOption, PassphraseFd, PassphraseFile, command_errors, print_result
from tapeline.cli.files import write_new
from tapeline.cli.officer_roster import OutOption
from tapeline.cli.parties import EscrowOption, KeyOption, RosterOption, acting, chosen_ceremony, desk_of, open_person
from tapeline.cli.spoken import statement_words
from tapeline.crypto.wire import encode
from tapeline.custodian.ceremony.carried import read_state, write_state
from tapeline.governance.dsse import add_signature, parse_envelope, signer
from tapeline.officer.ceremonies import ceremony_status, require_next_epoch
from tapeline.officer.ceremony import CeremonyPlan, certificate_of, open_ceremony

app = typer.Typer(help="Open ceremonies and certify what they made.", no_args_is_help=True)

CeremonyArgument = Annotated[
    str | None, typer.Argument(help="The ceremony's id, or its beginning; the newest where left out.")
]
MAX_DAYS = 3 * 365


@app.command("open")
@command_errors
def open_(
    key: KeyOption,
    roster: RosterOption,
    escrow: EscrowOption,
    retention_class: Annotated[str, typer.Option("--class", help="Retention class of the key.")],
    threshold: Annotated[int, typer.Option("--threshold", help="How many custodians open.")],
    epoch: Annotated[int, typer.Option("--epoch", min=1, help="1 for a class's first key, then 2, 3, …")] = 1,
    days: Annotated[int, typer.Option("--days", min=1, max=MAX_DAYS, help="How long senders may use the key.")] = 365,
    attempt: Annotated[int, typer.Option("--attempt", min=1, help="One more where a ceremony aborted.")] = 1,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Call all custodians of the roster to a ceremony, and print its id.

    Example: tapeline officer ceremony open --key olga.key --roster roster.json --escrow 127.0.0.1:7003
    --class 7y --threshold 3
    """
    person, _ = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow) as desk:
        officer, now_ms = acting(desk), system_clock()
        plan = CeremonyPlan(
            epoch=epoch,
            retention_class=retention_class,
            threshold=threshold,
            custodians=[one.id for one in desk.audit.roster.with_role("custodian")],
            active_from_ms=now_ms,
            not_after_ms=now_ms + days * DAY,
            attempt=attempt,
        )
        require_next_epoch(desk.audit, plan)
        ceremony = open_ceremony(desk.board, officer, desk.audit.roster, plan)
    print_result({"ceremony": ceremony.hex(), "custodians": list(plan.custodians)}, as_json=as_json)


@app.command("list")
@command_errors
def list_(
    key: KeyOption,
    roster: RosterOption,
    escrow: EscrowOption,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """List all ceremonies, the newest last: their key, and what each waits for.

    Example: tapeline officer ceremony list --key olga.key --roster roster.json --escrow 127.0.0.1:7003
    """
    person, _ = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow) as desk:
        desk.me()
        found = [ceremony_status(desk.board.ceremony(one), desk.audit) for one in desk.board.ceremonies()]
    table = Table("Id", "Class", "Epoch", "Attempt", "Opens with", "Roster", "Opened by", "State")
    for one in found:
        opens, version = f"{one.threshold} of {one.custodians}", one.roster_version or "unknown"
        cells = (one.id.hex()[:16], one.retention_class, one.epoch, one.attempt, opens, version, one.officer, one.state)
        table.add_row(*(Text(printable(str(cell))) for cell in cells))
    rows = [{**asdict(one), "id": one.id.hex()} for one in found]
    print_result({"ceremonies": rows}, as_json=as_json, human=table)


@app.command("certificate")
@command_errors
def certificate(
    key: KeyOption,
    roster: RosterOption,
    escrow: EscrowOption,
    out: OutOption,
    ceremony: CeremonyArgument = None,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Verify a finished ceremony, write its certificate with every custodian's signature and add yours.

    Example: tapeline officer ceremony certificate --key olga.key --roster roster.json
    --escrow 127.0.0.1:7003 --out certificate.json
    """
    person, _ = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow) as desk:
        desk.me()
        state = desk.board.ceremony(chosen_ceremony(desk.board.ceremonies(), ceremony))
        signed = add_signature(certificate_of(state, desk.audit.roster), signer(person.signing))
    write_new(out, signed)
    statement = parse_envelope(signed, "escrow-key").statement_hash
    result = {"certificate": statement.hex(), "read_aloud": statement_words("escrow-key", signed)}
    print_result(result, as_json=as_json)


@app.command("export")
@command_errors
def export(
    key: KeyOption,
    roster: RosterOption,
    escrow: EscrowOption,
    out: OutOption,
    ceremony: CeremonyArgument = None,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Write a ceremony as it stands on the board into a file, to be carried to air-gapped custodians.

    Example: tapeline officer ceremony export --key olga.key --roster roster.json --escrow 127.0.0.1:7003
    --out ceremony.state
    """
    person, _ = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow) as desk:
        state = desk.board.ceremony(chosen_ceremony(desk.board.ceremonies(), ceremony))
        needed = ceremony_status(state, desk.audit).roster_version
    write_state(out, state)
    result = {"file": str(out), "messages": len(state.messages), "roster_version": needed}
    human = f"{out} holds {plural(len(state.messages), 'message')}. Carry version {needed} of the roster along, signed."
    print_result(result, as_json=as_json, human=human)


@app.command("import")
@command_errors
def import_(
    file: Annotated[Path, typer.Argument(help="The carried ceremony.")],
    key: KeyOption,
    roster: RosterOption,
    escrow: EscrowOption,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Post what air-gapped custodians signed to the board, which keeps each message once.

    Example: tapeline officer ceremony import ceremony.state --key olga.key --roster roster.json
    --escrow 127.0.0.1:7003
    """
    state = read_state(file)
    person, _ = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow) as desk:
        for one in state.messages:
            desk.board.post_ceremony(ceremony_id(state.parameters), one.round, encode(one.message))
    print_result({"messages": len(state.messages)}, as_json=as_json)
