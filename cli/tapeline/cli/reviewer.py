"""`tapeline reviewer`: file a case, follow it, open what was released, show, export, close."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from tapeline.base.errors import MalformedInput
from tapeline.base.text import plural, printable
from tapeline.base.times import SECOND
from tapeline.cli.common import JsonOption, PassphraseFd, PassphraseFile, command_errors, print_result
from tapeline.cli.expiring import ends_of, say_what_ends
from tapeline.cli.parties import EscrowOption, KeyOption, RelayOption, RosterOption, desk_of, open_person, unhex
from tapeline.cli.reviewer_common import CaseArgument, DataOption, workspace_of
from tapeline.cli.reviewer_read import app as read_app
from tapeline.governance.case import Subject, Window
from tapeline.governance.closing import Export
from tapeline.review.drafting import DEFAULT_DAYS, CaseDraft
from tapeline.review.exporting import export_hash
from tapeline.review.status import CaseStatus

app = typer.Typer(help="File a case, follow its warrant, read what was released.", no_args_is_help=True)

app.add_typer(read_app)


@app.command()
@command_errors
def file(
    key: KeyOption,
    data: DataOption,
    roster: RosterOption,
    escrow: EscrowOption,
    matter: Annotated[str, typer.Option("--matter", help="Name of the file.")],
    purpose: Annotated[str, typer.Option("--purpose", help="Why, for approvers and custodians.")],
    subject: Annotated[list[str], typer.Option("--subject", help="User, or firm/user; repeat for several.")],
    since: Annotated[str, typer.Option("--from", help="Start, ISO 8601, UTC where no zone is given.")],
    until: Annotated[str, typer.Option("--to", help="End, ISO 8601, UTC where no zone is given.")],
    legal_basis: Annotated[str, typer.Option("--legal-basis", help="Law or rule.")] = "",
    requester: Annotated[str, typer.Option("--requester", help="Who asked; you, where left out.")] = "",
    conversation: Annotated[list[str] | None, typer.Option("--conversation", help="Only these, by id.")] = None,
    retention_class: Annotated[str, typer.Option("--class", help="Only this class.")] = "",
    days: Annotated[int, typer.Option("--days", min=1, max=366, help="Until the case expires.")] = DEFAULT_DAYS,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """File a case with a fresh key in it, and print its hash.

    Example: tapeline reviewer file --key rita.key --data rita --roster roster.json --escrow 127.0.0.1:7003
    --matter "Matter 17" --purpose "Trade reconstruction" --subject anna --from 2026-01-01 --to 2026-02-01
    """
    person, passphrase = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow) as desk:
        firm = desk.founding.organisation
        draft = CaseDraft(
            matter=matter,
            purpose=purpose,
            legal_basis=legal_basis,
            requester=requester or desk.me().id,
            subjects=[_subject(one, firm) for one in subject],
            window=Window(_time(since), _time(until)),
            conversations=[unhex(one, "conversation's id") for one in conversation or []],
            retention_class=retention_class,
            days=days,
        )
        case_hash = workspace_of(desk, data, passphrase).file(draft)
    print_result({"case": case_hash.hex()}, as_json=as_json, human=f"Filed as case\n{case_hash.hex()}")


@app.command()
@command_errors
def warrant(
    case: CaseArgument,
    key: KeyOption,
    data: DataOption,
    roster: RosterOption,
    escrow: EscrowOption,
    relay: RelayOption,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Have the manifest of an approved case frozen and its warrant issued.

    Example: tapeline reviewer warrant CASE --key rita.key --data rita --roster roster.json --escrow 127.0.0.1:7003
    --relay 127.0.0.1:7001
    """
    person, passphrase = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow, relay) as desk:
        index = workspace_of(desk, data, passphrase).obtain_warrant(unhex(case, "case's hash"))
    print_result({"audit_index": index}, as_json=as_json, human=f"The warrant is audit leaf {index}.")


@app.command("ask-vault")
@command_errors
def ask_vault(
    case: CaseArgument,
    key: KeyOption,
    data: DataOption,
    roster: RosterOption,
    escrow: EscrowOption,
    relay: RelayOption,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Have the vault pass the gate and release its half.

    Example: tapeline reviewer ask-vault CASE --key rita.key --data rita --roster roster.json
    --escrow 127.0.0.1:7003 --relay 127.0.0.1:7001
    """
    person, passphrase = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow, relay) as desk:
        index = workspace_of(desk, data, passphrase).ask_vault(unhex(case, "case's hash"))
    print_result({"audit_index": index}, as_json=as_json, human=f"The vault's release is audit leaf {index}.")


@app.command()
@command_errors
def status(
    case: CaseArgument,
    key: KeyOption,
    data: DataOption,
    roster: RosterOption,
    escrow: EscrowOption,
    relay: RelayOption,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Show where a case stands and what is missing.

    Example: tapeline reviewer status CASE --key rita.key --data rita --roster roster.json --escrow 127.0.0.1:7003
    --relay 127.0.0.1:7001
    """
    person, passphrase = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow, relay) as desk:
        found = workspace_of(desk, data, passphrase).status(unhex(case, "case's hash"))
        ending = say_what_ends(ends_of(desk.audit), as_json=as_json)
    print_result({**_status(found), "ending": ending}, as_json=as_json, human=_status_table(found))


@app.command()
@command_errors
def close(
    case: CaseArgument,
    key: KeyOption,
    data: DataOption,
    roster: RosterOption,
    escrow: EscrowOption,
    result: Annotated[str, typer.Option("--result", help="Outcome, in words.")],
    exported: Annotated[list[Path] | None, typer.Option("--export", help="Exported file to name.")] = None,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Destroy the case's key and post the closing: from then on nothing of the case is released or opened any more.

    A closed case stays closed; whoever needs it again files a new one.

    Example: tapeline reviewer close CASE --key rita.key --data rita --roster roster.json --escrow 127.0.0.1:7003
    --result "No breach found."
    """
    person, passphrase = open_person(key, passphrase_fd, passphrase_file)
    exports = tuple(Export(path.name, export_hash(path.read_bytes())) for path in exported or [])
    with desk_of(person, roster, escrow) as desk:
        workspace = workspace_of(desk, data, passphrase)
        index = workspace.close(unhex(case, "case's hash"), result, exports=exports)
    print_result({"audit_index": index}, as_json=as_json, human=f"Closed for good; logged as audit leaf {index}.")


def _subject(text: str, firm: str) -> Subject:
    named, slash, user = text.rpartition("/")
    return Subject(named if slash else firm, user)


def _time(text: str) -> int:
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise MalformedInput("A time is not of ISO 8601.", "Write 2026-01-31 or 2026-01-31T12:00:00Z.") from None
    aware = parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)
    return int(aware.timestamp() * SECOND)


def _status(found: CaseStatus) -> dict[str, object]:
    return {
        "case": found.case_hash.hex(),
        "matter": found.case.matter,
        "approved_by": list(found.approved_by),
        "rejected_by": list(found.rejected_by),
        "withdrawn_by": list(found.withdrawn_by),
        "warrant": found.warrant.hex(),
        "sessions": found.sessions,
        "messages": found.messages,
        "epochs": [
            {"epoch": one.epoch, "threshold": one.threshold, "released_by": list(one.released_by)}
            for one in found.epochs
        ],
        "vault_released": found.vault_released,
        "left_out": [one.payload() for one in found.left_out],
        "excepted": [one.payload() for one in found.excepted],
        "closed": found.closed,
        "ended": found.ended,
        "missing": list(found.missing),
    }


def _status_table(found: CaseStatus) -> Table:
    table = Table(title=printable(found.case.matter), show_header=False, title_justify="left")
    rows = [
        ("Approved by", ", ".join(found.approved_by)),
        ("Rejected by", ", ".join(found.rejected_by)),
        *([("Withdrawn by", ", ".join(found.withdrawn_by))] if found.withdrawn_by else []),
        ("Warrant", found.warrant.hex()[:16] or "none yet"),
        ("Sessions", f"{found.sessions:,} with {plural(found.messages, 'message')}"),
        *((f"Epoch {one.epoch}", f"{len(one.released_by)} of {one.threshold} custodians") for one in found.epochs),
        ("Vault", "released" if found.vault_released else "not yet"),
        *([("Refused", "\n".join(one.sentence for one in found.left_out))] if found.left_out else []),
        *([("Warning", "\n".join(one.sentence for one in found.excepted))] if found.excepted else []),
        ("Missing", "\n".join(found.missing) or "nothing: open it") if not found.ended else ("State", found.ended),
    ]
    for name, value in rows:
        table.add_row(Text(name), Text(printable(value, newlines=True), overflow="fold"))
    return table
