"""`tapeline officer except-record`: let one unsound record be opened, knowingly and in the log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tapeline.base.seam import system_clock
from tapeline.cli.asking import SureOption, require_yes
from tapeline.cli.common import JsonOption, PassphraseFd, PassphraseFile, command_errors, print_result, stderr
from tapeline.cli.files import require_free, write_new
from tapeline.cli.officer_show import screen
from tapeline.cli.parties import EscrowOption, KeyOption, RosterOption, desk_of, open_person, unhex
from tapeline.governance.exception import RecordException
from tapeline.officer.describe import describe
from tapeline.officer.excepting import make_exception
from tapeline.officer.targets import find_target

app = typer.Typer()


@app.command("except-record")
@command_errors
def except_record(
    case: Annotated[str, typer.Argument(help="The case's hash, or its beginning.")],
    record: Annotated[str, typer.Argument(help="The session's whole hash, as `reviewer status --json` prints it.")],
    rule: Annotated[str, typer.Option("--rule", help="The rule that it is refused under: REC-6, -7, -17 or -25.")],
    reason: Annotated[str, typer.Option("--reason", help="Stands in the log, for custodians and auditors.")],
    key: KeyOption,
    roster: RosterOption,
    escrow: EscrowOption,
    out: Annotated[Path, typer.Option("--out", help="Write it here for the other officers; never overwritten.")],
    yes: SureOption = False,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Let a session be opened in one case although its record breaks a rule about the directory's view.

    The officers' quorum signs it (officer sign), one posts it (officer post). Everybody sees it; officer revoke
    exception undoes it.

    Example: tapeline officer except-record CASE RECORD --rule REC-25 --reason "The relay hid a device."
    --key olga.key --roster roster.json --escrow 127.0.0.1:7003 --out exception.json
    """
    require_free(out)
    record_hash = unhex(record, "session's hash")
    person, _ = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow) as desk:
        me = desk.me()
        found = bytes.fromhex(find_target("case", case, desk.audit, None).target)
        now_ms = system_clock()
        exception = RecordException(found, record_hash, rule, reason, now_ms)
        made = make_exception(desk.audit.roster, me, desk.key.signing, exception)
        told = describe(made.envelope, now_ms, roster=desk.audit.roster)
    if not as_json:
        stderr().print(screen(told))
    require_yes("Sign this?", yes=yes)
    write_new(out, made.envelope)
    human = f"Written to {out}: nothing is opened before it is posted. Officers who have yet to sign: {made.missing}."
    result = {**exception.payload(), "statement": told.statement.hex(), "file": str(out), "missing": made.missing}
    print_result(result, as_json=as_json, human=human)
