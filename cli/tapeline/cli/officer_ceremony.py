"""`tapeline officer ceremony`: open ceremonies, certify what they made, carry them to where no network is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tapeline.agent.ceremony import ceremony_id
from tapeline.base.seam import system_clock
from tapeline.base.times import DAY
from tapeline.cli.common import JsonOption, PassphraseFd, PassphraseFile, command_errors, print_result
from tapeline.cli.files import write_new
from tapeline.cli.officer_roster import OutOption
from tapeline.cli.parties import EscrowOption, KeyOption, RosterOption, acting, desk_of, open_person, unhex
from tapeline.cli.spoken import statement_words
from tapeline.crypto.wire import encode
from tapeline.custodian.ceremony.carried import read_state, write_state
from tapeline.governance.dsse import add_signature, parse_envelope, signer
from tapeline.officer.ceremony import CeremonyPlan, certificate_of, open_ceremony

app = typer.Typer(help="Open ceremonies and certify what they made.", no_args_is_help=True)


@app.command("open")
@command_errors
def open_(
    key: KeyOption,
    roster: RosterOption,
    escrow: EscrowOption,
    retention_class: Annotated[str, typer.Option("--class", help="Retention class of the key.")],
    threshold: Annotated[int, typer.Option("--threshold", help="How many custodians open.")],
    epoch: Annotated[int, typer.Option("--epoch", help="From 1.")] = 1,
    days: Annotated[int, typer.Option("--days", help="How long senders may use the key.")] = 365,
    attempt: Annotated[int, typer.Option("--attempt", help="Higher than that of an aborted ceremony.")] = 1,
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
        ceremony = open_ceremony(desk.board, officer, desk.audit.roster, plan)
    print_result({"ceremony": ceremony.hex(), "custodians": list(plan.custodians)}, as_json=as_json)


@app.command("certificate")
@command_errors
def certificate(
    ceremony: Annotated[str, typer.Argument(help="The ceremony's id.")],
    key: KeyOption,
    roster: RosterOption,
    escrow: EscrowOption,
    out: OutOption,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Verify a finished ceremony, write its certificate with every custodian's signature and add yours.

    Example: tapeline officer ceremony certificate ID --key olga.key --roster roster.json
    --escrow 127.0.0.1:7003 --out certificate.json
    """
    person, _ = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow) as desk:
        desk.me()
        state = desk.board.ceremony(unhex(ceremony, "ceremony's id"))
        signed = add_signature(certificate_of(state, desk.audit.roster), signer(person.signing))
    write_new(out, signed)
    statement = parse_envelope(signed, "escrow-key").statement_hash
    result = {"certificate": statement.hex(), "read_aloud": statement_words("escrow-key", signed)}
    print_result(result, as_json=as_json)


@app.command("export")
@command_errors
def export(
    ceremony: Annotated[str, typer.Argument(help="The ceremony's id.")],
    key: KeyOption,
    roster: RosterOption,
    escrow: EscrowOption,
    out: OutOption,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Write a ceremony as it stands on the board into a file, to be carried to air-gapped custodians.

    Example: tapeline officer ceremony export ID --key olga.key --roster roster.json --escrow 127.0.0.1:7003
    --out ceremony.state
    """
    person, _ = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow) as desk:
        state = desk.board.ceremony(unhex(ceremony, "ceremony's id"))
    write_state(out, state)
    print_result({"file": str(out), "messages": len(state.messages)}, as_json=as_json)


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
