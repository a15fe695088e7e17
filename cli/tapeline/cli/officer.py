"""`tapeline officer`: found the organisation, sign what officers sign, and post it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tapeline.base.errors import PermissionRefused, StateError
from tapeline.base.seam import system_clock
from tapeline.base.text import printable
from tapeline.cli.asking import SureOption, require_yes
from tapeline.cli.common import JsonOption, PassphraseFd, PassphraseFile, command_errors, print_result, stderr
from tapeline.cli.files import read_bounded, replace_whole, require_free, write_new
from tapeline.cli.officer_ceremony import app as ceremony_app
from tapeline.cli.officer_except import app as except_app
from tapeline.cli.officer_revoke import app as revoke_app
from tapeline.cli.officer_roster import PreviousOption
from tapeline.cli.officer_roster import app as roster_app
from tapeline.cli.officer_show import as_result, read_roster, screen
from tapeline.cli.parties import EscrowOption, KeyOption, RosterOption, desk_of, open_person
from tapeline.crypto.keyfile import MAX_KEY_FILE_BYTES, read_public_keys
from tapeline.governance.dsse import add_signature, kind_of, parse_envelope, signer
from tapeline.governance.roster import Roster
from tapeline.officer.describe import OFFICERS_SIGN, describe

app = typer.Typer(help="Found the organisation, sign for it, let people and devices go.", no_args_is_help=True)
app.add_typer(roster_app, name="roster")
app.add_typer(ceremony_app, name="ceremony")
app.add_typer(revoke_app)
app.add_typer(except_app)

MAX_STATEMENT_FILE = 16 * 1024 * 1024
KnownRosterOption = Annotated[
    Path | None, typer.Option("--roster", help="The newest roster: whose signatures these are, and who is an officer.")
]


@app.command("show")
@command_errors
def show(
    file: Annotated[Path, typer.Argument(help="Any signed statement: roster, certificate, revocation, hold, …")],
    previous: PreviousOption = None,
    roster: KnownRosterOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print all that a statement says, who signed it, what changes, and what a signer should think about.

    Example: tapeline officer show roster2.json --previous roster.json
    """
    told = describe(
        read_bounded(file, MAX_STATEMENT_FILE, "the file").strip(),
        system_clock(),
        roster=read_roster(roster, "--roster"),
        before=read_roster(previous, "--previous"),
    )
    print_result(as_result(told), as_json=as_json, human=screen(told))


@app.command()
@command_errors
def sign(
    file: Annotated[Path, typer.Argument(help="Roster, certificate, revocation, exception or hold to sign.")],
    key: KeyOption,
    previous: PreviousOption = None,
    roster: KnownRosterOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write here, never overwriting; else your signature is added in place.")
    ] = None,
    yes: SureOption = False,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Show a statement, ask, and add your signature to it.

    Example: tapeline officer sign roster.json --key olga.key
    """
    if out is not None:
        require_free(out)
    data = read_bounded(file, MAX_STATEMENT_FILE, "the file").strip()
    kind = kind_of(data)
    if kind not in OFFICERS_SIGN:
        raise StateError(f"Officers sign no {printable(kind)}.", f"Choose a file of these: {', '.join(OFFICERS_SIGN)}.")
    known, before = read_roster(roster, "--roster"), read_roster(previous, "--previous")
    public = read_public_keys(read_bounded(key, MAX_KEY_FILE_BYTES, "--key"))
    _require_officer(public.signing, *([Roster.parse(data), before] if kind == Roster.kind else [known]))
    told = describe(data, system_clock(), roster=known, before=before)
    if not as_json:
        stderr().print(screen(told))
        if kind != Roster.kind and known is None:
            stderr().print("Not checked: whether this key is an officer's. Give the newest roster: --roster.")
    require_yes("Sign this?", yes=yes)
    person, _ = open_person(key, passphrase_fd, passphrase_file)
    signed = add_signature(data, signer(person.signing))
    if out is None:
        replace_whole(file, signed)
    else:
        write_new(out, signed)
    count = len(parse_envelope(signed, kind).signatures)
    result = {"kind": kind, "statement": told.statement.hex(), "read_aloud": told.words or None, "signatures": count}
    human = f"Signed; {out or file} has {count} signature{'' if count == 1 else 's'} now."
    print_result(result, as_json=as_json, human=human)


def _require_officer(public: bytes, *rosters: Roster | None) -> None:
    """Refuse a key that no given roster names as an officer's; with none given, there is nothing to judge by."""
    given = [roster for roster in rosters if roster is not None]
    found = [person for roster in given if (person := roster.by_key(public)) is not None]
    if given and not any("officer" in person.roles for person in found):
        named = f"{found[0].id} is {', '.join(sorted(found[0].roles))}" if found else "the roster does not name it"
        raise PermissionRefused(
            f"This key is no officer's: {printable(named)}.",
            "Use an officer's key file; an officer of the version before alone also gives that roster: --previous.",
        )


@app.command()
@command_errors
def post(
    file: Annotated[Path, typer.Argument(help="Signed roster, certificate, revocation or exception.")],
    key: KeyOption,
    roster: RosterOption,
    escrow: EscrowOption,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Post a signed statement to the board, which logs it; the same one again changes nothing.

    Example: tapeline officer post certificate.json --key olga.key --roster roster.json --escrow 127.0.0.1:7003
    """
    data = read_bounded(file, MAX_STATEMENT_FILE, "the file").strip()
    kind = kind_of(data)
    person, _ = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow) as desk:
        ack = desk.board.post(kind, data)
    print_result({"audit_index": ack.index}, as_json=as_json, human=f"Logged as audit leaf {ack.index}.")
