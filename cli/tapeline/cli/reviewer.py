"""`tapeline reviewer`: file a case, follow it, open what was released, show, export, close."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from tapeline.agent.desk import Desk
from tapeline.agent.passphrase_store import open_store
from tapeline.base.errors import MalformedInput
from tapeline.base.seam import system_rng
from tapeline.base.secret import Secret
from tapeline.base.text import printable
from tapeline.base.times import SECOND
from tapeline.cli.common import JsonOption, PassphraseFd, PassphraseFile, command_errors, print_result
from tapeline.cli.parties import EscrowOption, KeyOption, RelayOption, RosterOption, desk_of, open_person, unhex
from tapeline.governance.case import Subject, Window
from tapeline.governance.closing import Export
from tapeline.review.casekeys import CaseKeys
from tapeline.review.drafting import DEFAULT_DAYS, CaseDraft
from tapeline.review.exporting import export_hash, export_jsonl
from tapeline.review.opening import Opened
from tapeline.review.showing import conversation_view
from tapeline.review.status import CaseStatus
from tapeline.review.workspace import Workspace

app = typer.Typer(help="File a case, follow its warrant, read what was released.", no_args_is_help=True)

STORE_PURPOSE = "reviewer-store"
DataOption = Annotated[Path, typer.Option("--data", help="Folder of the workspace's sealed store.")]
CaseArgument = Annotated[str, typer.Argument(help="The case's hash.", metavar="CASE")]


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
    days: Annotated[int, typer.Option("--days", help="Until the case expires.")] = DEFAULT_DAYS,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """File a case with a fresh key in it, and print its hash.

    Example: tapeline reviewer file --key rita.key --data rita --roster roster.json --escrow 127.0.0.1:7002
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
        case_hash = _workspace(desk, data, passphrase).file(draft)
    print_result({"case": case_hash.hex()}, as_json=as_json, human=f"Filed as case {case_hash.hex()}.")


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

    Example: tapeline reviewer warrant CASE --key rita.key --data rita --roster roster.json --escrow 127.0.0.1:7002
    --relay 127.0.0.1:7001
    """
    person, passphrase = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow, relay) as desk:
        index = _workspace(desk, data, passphrase).obtain_warrant(unhex(case, "case's hash"))
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
    --escrow 127.0.0.1:7002 --relay 127.0.0.1:7001
    """
    person, passphrase = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow, relay) as desk:
        index = _workspace(desk, data, passphrase).ask_vault(unhex(case, "case's hash"))
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

    Example: tapeline reviewer status CASE --key rita.key --data rita --roster roster.json --escrow 127.0.0.1:7002
    --relay 127.0.0.1:7001
    """
    person, passphrase = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow, relay) as desk:
        found = _workspace(desk, data, passphrase).status(unhex(case, "case's hash"))
    print_result(_status(found), as_json=as_json, human=_status_table(found))


@app.command("open")
@command_errors
def open_(
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
    """Open what was released, check that it is complete, and post the report of the opening.

    Example: tapeline reviewer open CASE --key rita.key --data rita --roster roster.json --escrow 127.0.0.1:7002
    --relay 127.0.0.1:7001
    """
    person, passphrase = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow, relay) as desk:
        workspace = _workspace(desk, data, passphrase)
        opened = workspace.open(unhex(case, "case's hash"))
        index = workspace.report(opened) if opened.sessions else None
    print_result({**_judgement(opened), "audit_index": index}, as_json=as_json, human=_sentences(opened))


@app.command()
@command_errors
def show(
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
    """Show the conversations of a case, as far as they are open; reported like every opening.

    Example: tapeline reviewer show CASE --key rita.key --data rita --roster roster.json --escrow 127.0.0.1:7002
    --relay 127.0.0.1:7001
    """
    person, passphrase = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow, relay) as desk:
        workspace = _workspace(desk, data, passphrase)
        opened = workspace.open(unhex(case, "case's hash"))
        if opened.sessions:
            workspace.report(opened)
    lines = export_jsonl(opened).decode("ascii").splitlines()
    print_result({**_judgement(opened), "lines": lines}, as_json=as_json, human=conversation_view(opened))


@app.command()
@command_errors
def export(
    case: CaseArgument,
    key: KeyOption,
    data: DataOption,
    roster: RosterOption,
    escrow: EscrowOption,
    relay: RelayOption,
    out: Annotated[Path, typer.Option("--out", help="JSON lines file to write; never overwritten.")],
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Write a case's messages as JSON lines, the first of which says how complete they are.

    Example: tapeline reviewer export CASE --key rita.key --data rita --roster roster.json --escrow 127.0.0.1:7002
    --relay 127.0.0.1:7001 --out matter17.jsonl
    """
    person, passphrase = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow, relay) as desk:
        workspace = _workspace(desk, data, passphrase)
        opened = workspace.open(unhex(case, "case's hash"))
        if opened.sessions:
            workspace.report(opened)
    exported = export_jsonl(opened)
    with out.open("xb") as handle:
        out.chmod(0o600)
        handle.write(exported)
    result = {**_judgement(opened), "file": str(out), "sha512": export_hash(exported).hex()}
    print_result(result, as_json=as_json, human=_sentences(opened))


@app.command()
@command_errors
def package(
    case: CaseArgument,
    key: KeyOption,
    data: DataOption,
    roster: RosterOption,
    escrow: EscrowOption,
    relay: RelayOption,
    out: Annotated[Path, typer.Option("--out", help="File to carry to an air-gapped custodian.")],
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Write all that a custodian's gate needs into one file.

    Example: tapeline reviewer package CASE --key rita.key --data rita --roster roster.json --escrow 127.0.0.1:7002
    --relay 127.0.0.1:7001 --out warrant.package
    """
    person, passphrase = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow, relay) as desk:
        carried = _workspace(desk, data, passphrase).package(unhex(case, "case's hash"))
    out.write_bytes(carried)
    print_result({"file": str(out), "bytes": len(carried)}, as_json=as_json)


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
    """Destroy the case's key and post the closing.

    Example: tapeline reviewer close CASE --key rita.key --data rita --roster roster.json --escrow 127.0.0.1:7002
    --result "No breach found."
    """
    person, passphrase = open_person(key, passphrase_fd, passphrase_file)
    exports = tuple(Export(path.name, export_hash(path.read_bytes())) for path in exported or [])
    with desk_of(person, roster, escrow) as desk:
        workspace = _workspace(desk, data, passphrase)
        index = workspace.close(unhex(case, "case's hash"), result, exports=exports)
    print_result({"audit_index": index}, as_json=as_json, human=f"Closed; logged as audit leaf {index}.")


def _workspace(desk: Desk, data: Path, passphrase: Secret) -> Workspace:
    keys = CaseKeys(open_store(data, passphrase, STORE_PURPOSE, system_rng))
    return Workspace(desk, keys, system_rng, f"tapeline {version('tapeline')}")


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


def _judgement(opened: Opened) -> dict[str, object]:
    judged = opened.completeness
    return {
        "complete": judged.complete,
        "sentence": judged.sentence,
        "read": judged.read,
        "expected": judged.expected,
        "sealed_sessions": judged.sealed_sessions,
        "findings": list(judged.findings),
    }


def _sentences(opened: Opened) -> str:
    return "\n".join((opened.completeness.sentence, *(f"- {finding}" for finding in opened.completeness.findings)))


def _status(found: CaseStatus) -> dict[str, object]:
    return {
        "case": found.case_hash.hex(),
        "matter": found.case.matter,
        "approved_by": list(found.approved_by),
        "rejected_by": list(found.rejected_by),
        "warrant": found.warrant.hex(),
        "sessions": found.sessions,
        "messages": found.messages,
        "epochs": [
            {"epoch": one.epoch, "threshold": one.threshold, "released_by": list(one.released_by)}
            for one in found.epochs
        ],
        "vault_released": found.vault_released,
        "closed": found.closed,
        "missing": list(found.missing),
    }


def _status_table(found: CaseStatus) -> Table:
    table = Table(title=printable(found.case.matter), show_header=False, title_justify="left")
    rows = [
        ("Approved by", ", ".join(found.approved_by)),
        ("Rejected by", ", ".join(found.rejected_by)),
        ("Warrant", found.warrant.hex()[:16] or "none yet"),
        ("Sessions", f"{found.sessions} with {found.messages} messages"),
        *((f"Epoch {one.epoch}", f"{len(one.released_by)} of {one.threshold} custodians") for one in found.epochs),
        ("Vault", "released" if found.vault_released else "not yet"),
        ("Missing", "\n".join(found.missing) or "nothing: open it"),
    ]
    for name, value in rows:
        table.add_row(Text(name), Text(printable(value, newlines=True), overflow="fold"))
    return table
