"""The reviewer's commands that read what was released: open, show, export, and package for custodians offline."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from tapeline.base.text import printable
from tapeline.cli.common import JsonOption, PassphraseFd, PassphraseFile, command_errors, print_result
from tapeline.cli.parties import EscrowOption, KeyOption, RelayOption, RosterOption, desk_of, open_person, unhex
from tapeline.cli.reviewer_common import CaseArgument, DataOption, workspace_of
from tapeline.review.exporting import export_hash, export_jsonl
from tapeline.review.opening import Opened
from tapeline.review.showing import conversation_view

app = typer.Typer()


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

    Example: tapeline reviewer open CASE --key rita.key --data rita --roster roster.json --escrow 127.0.0.1:7003
    --relay 127.0.0.1:7001
    """
    person, passphrase = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow, relay) as desk:
        workspace = workspace_of(desk, data, passphrase)
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

    Example: tapeline reviewer show CASE --key rita.key --data rita --roster roster.json --escrow 127.0.0.1:7003
    --relay 127.0.0.1:7001
    """
    person, passphrase = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow, relay) as desk:
        workspace = workspace_of(desk, data, passphrase)
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

    Example: tapeline reviewer export CASE --key rita.key --data rita --roster roster.json --escrow 127.0.0.1:7003
    --relay 127.0.0.1:7001 --out matter17.jsonl
    """
    person, passphrase = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow, relay) as desk:
        workspace = workspace_of(desk, data, passphrase)
        opened = workspace.open(unhex(case, "case's hash"))
        if opened.sessions:
            workspace.report(opened)
    exported = export_jsonl(opened)
    _write_private(out, exported)
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

    Example: tapeline reviewer package CASE --key rita.key --data rita --roster roster.json --escrow 127.0.0.1:7003
    --relay 127.0.0.1:7001 --out warrant.package
    """
    person, passphrase = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow, relay) as desk:
        carried = workspace_of(desk, data, passphrase).package(unhex(case, "case's hash"))
    out.unlink(missing_ok=True)  # a package may be made again
    _write_private(out, carried)
    print_result({"file": str(out), "bytes": len(carried)}, as_json=as_json)


def _write_private(path: Path, content: bytes) -> None:
    """Write a new file that was never open to others, not even before its first byte."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)


def _judgement(opened: Opened) -> dict[str, object]:
    judged = opened.completeness
    return {
        "complete": judged.complete,
        "sentence": judged.sentence,
        "read": judged.read,
        "expected": judged.expected,
        "sealed_sessions": judged.sealed_sessions,
        "refused": [{"session": one.record_hash.hex(), "rules": list(one.rules)} for one in judged.refused],
        "excepted": [one.payload() for one in judged.excepted],
        "findings": list(judged.findings),
    }


def _sentences(opened: Opened) -> str:
    judged = opened.completeness
    notes = (*(printable(one.sentence) for one in judged.excepted), *judged.findings)
    return "\n".join((judged.sentence, *(f"- {note}" for note in notes)))
