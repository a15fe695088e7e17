"""`tapeline approver`: read cases, approve or reject them, take either back."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from tapeline.base.text import printable
from tapeline.base.times import time_text
from tapeline.cli.common import JsonOption, PassphraseFd, PassphraseFile, command_errors, print_result
from tapeline.cli.expiring import ends_of, say_what_ends
from tapeline.cli.parties import EscrowOption, KeyOption, RosterOption, desk_of, open_person, unhex
from tapeline.governance.case import Case
from tapeline.review.approving import ApproverDesk
from tapeline.review.status import CaseStatus

app = typer.Typer(help="Read cases, approve or reject them.", no_args_is_help=True)

CaseArgument = Annotated[str, typer.Argument(help="The case's hash.", metavar="CASE")]
CommentOption = Annotated[str, typer.Option("--comment", help="Stands in the statement.")]


@app.command("list")
@command_errors
def list_(
    key: KeyOption,
    roster: RosterOption,
    escrow: EscrowOption,
    ended: Annotated[bool, typer.Option("--all", help="Closed, revoked and expired ones too.")] = False,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """List the open cases and what each still waits for.

    Example: tapeline approver list --key ada.key --roster roster.json --escrow 127.0.0.1:7003
    """
    person, _ = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow) as desk:
        states = ApproverDesk(desk).cases(ended=ended)
        ending = say_what_ends(ends_of(desk.audit), as_json=as_json)
    rows = [_row(one) for one in states]
    print_result({"cases": rows, "ending": ending}, as_json=as_json, human=_list(states))


@app.command()
@command_errors
def show(
    case: CaseArgument,
    key: KeyOption,
    roster: RosterOption,
    escrow: EscrowOption,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Show one case: matter, purpose, people, window.

    Example: tapeline approver show CASE --key ada.key --roster roster.json --escrow 127.0.0.1:7003
    """
    person, _ = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow) as desk:
        found = ApproverDesk(desk).case(unhex(case, "case's hash"))
    print_result(found.payload(), as_json=as_json, human=case_table(found))


@app.command()
@command_errors
def approve(
    case: CaseArgument,
    key: KeyOption,
    roster: RosterOption,
    escrow: EscrowOption,
    comment: CommentOption = "",
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Approve exactly this case.

    Example: tapeline approver approve CASE --key ada.key --roster roster.json --escrow 127.0.0.1:7003
    """
    person, _ = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow) as desk:
        index = ApproverDesk(desk).approve(unhex(case, "case's hash"), comment)
    print_result({"audit_index": index}, as_json=as_json, human=f"Approved; logged as audit leaf {index}.")


@app.command()
@command_errors
def reject(
    case: CaseArgument,
    key: KeyOption,
    roster: RosterOption,
    escrow: EscrowOption,
    comment: CommentOption = "",
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Reject this case; an approval of yours counts no more.

    Example: tapeline approver reject CASE --key ada.key --roster roster.json --escrow 127.0.0.1:7003
    --comment "The window is too wide."
    """
    person, _ = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow) as desk:
        index = ApproverDesk(desk).reject(unhex(case, "case's hash"), comment)
    print_result({"audit_index": index}, as_json=as_json, human=f"Rejected; logged as audit leaf {index}.")


@app.command()
@command_errors
def withdraw(
    case: CaseArgument,
    key: KeyOption,
    roster: RosterOption,
    escrow: EscrowOption,
    comment: CommentOption = "",
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Take your approval or rejection of this case back, as though you had not voted; you may vote anew.

    What custodians released before stays released.

    Example: tapeline approver withdraw CASE --key ada.key --roster roster.json --escrow 127.0.0.1:7002
    """
    person, _ = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow) as desk:
        index = ApproverDesk(desk).withdraw(unhex(case, "case's hash"), comment)
    print_result({"audit_index": index}, as_json=as_json, human=f"Withdrawn; logged as audit leaf {index}.")


def case_table(case: Case) -> Table:
    """Return a case for people; every text of others is made printable."""
    table = Table(title=f"Case {case.statement_hash.hex()}", show_header=False, title_justify="left")
    for name, value in (
        ("Matter", case.matter),
        ("Purpose", case.purpose),
        ("Legal basis", case.legal_basis),
        ("Requester", case.requester),
        ("Subjects", ", ".join(f"{one.user} ({one.firm})" for one in case.subjects)),
        ("Conversations", ", ".join(one.hex()[:16] for one in case.conversations) or "all of the subjects'"),
        ("From", time_text(case.window.from_ms)),
        ("Until", time_text(case.window.to_ms)),
        ("Class", case.retention_class or "every"),
        ("Expires", time_text(case.expires_ms)),
    ):
        table.add_row(Text(name), Text(printable(value, newlines=True), overflow="fold"))
    return table


def _row(state: CaseStatus) -> dict[str, object]:
    return {
        "case": state.case_hash.hex(),
        "matter": state.case.matter,
        "approved_by": list(state.approved_by),
        "rejected_by": list(state.rejected_by),
        "ended": state.ended,
        "missing": list(state.missing),
    }


def _list(states: list[CaseStatus]) -> str:
    """Return two lines for each case; its hash stands alone on one, to be copied whole."""
    told = (f"{printable(one.case.matter)}: {_stands(one)}\n  {one.case_hash.hex()}" for one in states)
    return "\n".join(told) or "No case is open."


def _stands(state: CaseStatus) -> str:
    """Return in words how a case stands, first what an approver must know."""
    if state.ended:
        return state.ended
    votes = [
        f"{what} by {', '.join(printable(name) for name in names)}"
        for what, names in (("approved", state.approved_by), ("rejected", state.rejected_by))
        if names
    ]
    waits = f"waits for {'; '.join(state.missing)}" if state.missing else "its warrant is answered"
    return "; ".join((*votes, waits))
