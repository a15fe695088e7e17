"""`tapeline officer`: found the organisation, sign rosters and certificates, open ceremonies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tapeline.agent.ceremony import ceremony_id
from tapeline.base.errors import StateError
from tapeline.base.seam import system_clock, system_rng
from tapeline.base.times import DAY
from tapeline.cli.common import JsonOption, PassphraseFd, PassphraseFile, command_errors, print_result
from tapeline.cli.parties import EscrowOption, KeyOption, RosterOption, acting, desk_of, open_person, unhex
from tapeline.cli.spoken import roster_words, statement_words
from tapeline.crypto.wire import encode
from tapeline.custodian.ceremony.carried import read_state, write_state
from tapeline.governance.dsse import add_signature, kind_of, parse_envelope, signer
from tapeline.governance.roster import DEPLOYMENT_BYTES, Roster
from tapeline.officer.ceremony import CeremonyPlan, certificate_of, open_ceremony
from tapeline.officer.plan import read_plan, roster_from_plan

app = typer.Typer(help="Found the organisation, sign rosters and certificates.", no_args_is_help=True)
roster_app = typer.Typer(help="Build and sign rosters.", no_args_is_help=True)
ceremony_app = typer.Typer(help="Open ceremonies and certify what they made.", no_args_is_help=True)
app.add_typer(roster_app, name="roster")
app.add_typer(ceremony_app, name="ceremony")

OutOption = Annotated[Path, typer.Option("--out", help="File to write.")]


@roster_app.command("build")
@command_errors
def build(
    plan: Annotated[Path, typer.Option("--plan", help="TOML plan; see the docs for its form.")],
    out: OutOption,
    previous: Annotated[Path | None, typer.Option("--previous", help="The signed roster before, if any.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Build an unsigned roster from a plan and the public parts that it names.

    Example: tapeline officer roster build --plan founding.toml --out roster.json
    """
    read, now_ms = read_plan(plan), system_clock()
    if previous is None:
        roster = roster_from_plan(read, deployment=system_rng(DEPLOYMENT_BYTES), version=1, previous=b"", now_ms=now_ms)
    else:
        before = Roster.parse(previous.read_bytes())
        roster = roster_from_plan(
            read,
            deployment=before.deployment,
            version=before.version + 1,
            previous=before.statement_hash,
            now_ms=now_ms,
        )
    out.write_bytes(roster.sign([]))
    result = {"roster": roster.statement_hash.hex(), "version": roster.version, "read_aloud": roster_words(roster)}
    print_result(result, as_json=as_json)


@roster_app.command("show")
@command_errors
def show(file: Annotated[Path, typer.Argument(help="Roster file.")], as_json: JsonOption = False) -> None:
    """Print what a roster says and which of its officers signed it."""
    data = file.read_bytes()
    roster = Roster.parse(data)
    envelope = parse_envelope(data, Roster.kind)
    signed = [person.id for person in roster.with_role("officer") if envelope.signed_by(person.key)]
    result = {
        "roster": roster.statement_hash.hex(),
        "organisation": roster.organisation,
        "version": roster.version,
        "people": [{"id": person.id, "roles": sorted(person.roles), "group": person.group} for person in roster.people],
        "read_aloud": roster_words(roster),
        "signed_by": signed,
        "needs": roster.thresholds.officers,
    }
    print_result(result, as_json=as_json)


@app.command()
@command_errors
def sign(
    file: Annotated[Path, typer.Argument(help="Roster, certificate or revocation to sign; changed in place.")],
    key: KeyOption,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Add your signature to a statement, after you read it.

    Example: tapeline officer sign roster.json --key olga.key
    """
    data = file.read_bytes()
    kind = kind_of(data)
    if kind not in {"roster", "escrow-key", "revocation"}:
        raise StateError("Officers sign rosters, certificates and revocations.", "Choose another file.")
    person, _ = open_person(key, passphrase_fd, passphrase_file)
    file.write_bytes(add_signature(data, signer(person.signing)))
    envelope = parse_envelope(file.read_bytes(), kind)
    result = {
        "kind": kind,
        "statement": envelope.statement_hash.hex(),
        "read_aloud": statement_words(kind, data),
        "signatures": len(envelope.signatures),
    }
    print_result(result, as_json=as_json)


@app.command()
@command_errors
def post(
    file: Annotated[Path, typer.Argument(help="Signed roster, certificate or revocation.")],
    key: KeyOption,
    roster: RosterOption,
    escrow: EscrowOption,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Post a signed statement to the board, which logs it.

    Example: tapeline officer post certificate.json --key olga.key --roster roster.json --escrow 127.0.0.1:7002
    """
    data = file.read_bytes()
    person, _ = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow) as desk:
        ack = desk.board.post(kind_of(data), data)
    print_result({"audit_index": ack.index}, as_json=as_json, human=f"Logged as audit leaf {ack.index}.")


@ceremony_app.command("open")
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

    Example: tapeline officer ceremony open --key olga.key --roster roster.json --escrow 127.0.0.1:7002
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


@ceremony_app.command("certificate")
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
    --escrow 127.0.0.1:7002 --out certificate.json
    """
    person, _ = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow) as desk:
        desk.me()
        state = desk.board.ceremony(unhex(ceremony, "ceremony's id"))
        signed = add_signature(certificate_of(state, desk.audit.roster), signer(person.signing))
    out.write_bytes(signed)
    statement = parse_envelope(signed, "escrow-key").statement_hash
    result = {"certificate": statement.hex(), "read_aloud": statement_words("escrow-key", signed)}
    print_result(result, as_json=as_json)


@ceremony_app.command("export")
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

    Example: tapeline officer ceremony export ID --key olga.key --roster roster.json --escrow 127.0.0.1:7002
    --out ceremony.state
    """
    person, _ = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow) as desk:
        state = desk.board.ceremony(unhex(ceremony, "ceremony's id"))
    write_state(out, state)
    print_result({"file": str(out), "messages": len(state.messages)}, as_json=as_json)


@ceremony_app.command("import")
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
    --escrow 127.0.0.1:7002
    """
    state = read_state(file)
    person, _ = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow) as desk:
        for one in state.messages:
            desk.board.post_ceremony(ceremony_id(state.parameters), one.round, encode(one.message))
    print_result({"messages": len(state.messages)}, as_json=as_json)
