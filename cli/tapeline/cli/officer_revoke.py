"""`tapeline officer revoke`, `leaver`, `readmit`, `devices`: who and what ends, and how it is found."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer
from rich.table import Table
from rich.text import Text

from tapeline.agent.desk import Desk
from tapeline.base.errors import NotFound, StateError
from tapeline.base.seam import system_clock
from tapeline.base.text import printable
from tapeline.base.times import time_text
from tapeline.cli.asking import SureOption, require_yes
from tapeline.cli.common import JsonOption, PassphraseFd, PassphraseFile, command_errors, print_result, stderr
from tapeline.cli.files import require_free, write_new
from tapeline.cli.officer_show import screen
from tapeline.cli.parties import EscrowOption, KeyOption, RelayOption, RosterOption, desk_of, open_person
from tapeline.crypto.record.facts import DeviceFact
from tapeline.governance.revocation import READMISSION, USER
from tapeline.officer.describe import describe
from tapeline.officer.revoking import make_revocation
from tapeline.officer.targets import find_target

app = typer.Typer()


class Kind(StrEnum):
    """What can be revoked."""

    PERSON = "person"
    DEVICE = "device"
    KEY = "key"
    CASE = "case"
    APPROVAL = "approval"
    WARRANT = "warrant"
    MANIFEST = "manifest"
    EXCEPTION = "exception"
    ESCROW_KEY = "escrow-key"


ReasonOption: TypeAlias = Annotated[str, typer.Option("--reason", help="Stands in the statement, for auditors.")]
OutOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--out", help="Write it here for the other officers to sign, and do not post it; never overwritten."),
]
MaybeRelayOption: TypeAlias = Annotated[
    str | None, typer.Option("--relay", help="Address of the relay, host:port; needed for devices.")
]


@app.command()
@command_errors
def revoke(
    kind: Annotated[Kind, typer.Argument(help="What it is.")],
    target: Annotated[
        str,
        typer.Argument(
            help="A roster id (person, key), USER or USER/DEVICE or an id (device), CLASS/EPOCH (escrow-key), a matter "
            "(case), or the beginning of an id."
        ),
    ],
    key: KeyOption,
    roster: RosterOption,
    escrow: EscrowOption,
    relay: MaybeRelayOption = None,
    reason: ReasonOption = "",
    out: OutOption = None,
    yes: SureOption = False,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Revoke a person, device, key, case, warrant, approval, manifest, exception or escrow key; never undone.

    Officers revoke anything together: --out writes the statement, the others sign it, one posts it. A reviewer revokes
    the own case alone, an approver the own approval.

    Example: tapeline officer revoke device alice/phone --reason "Lost." --key olga.key --roster roster.json
    --escrow 127.0.0.1:7003 --relay 127.0.0.1:7001 --out lost.json
    """
    _require_free(out)
    person, _ = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow, relay) as desk:
        desk.me()
        directory = None
        if kind.value == "device" and relay is not None:
            desk.archive.sync(desk.relay)
            directory = desk.archive.state
        found = find_target(kind.value, target, desk.audit, directory)
        _finish(desk, kind.value, found.target, reason, out, yes=yes, as_json=as_json)


@app.command()
@command_errors
def leaver(
    user: Annotated[str, typer.Argument(help="The user's name in the chats.")],
    key: KeyOption,
    roster: RosterOption,
    escrow: EscrowOption,
    relay: RelayOption,
    reason: ReasonOption = "",
    out: OutOption = None,
    yes: SureOption = False,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Let a user go: all devices so far end with it, and none can be enrolled until `officer readmit`.

    Example: tapeline officer leaver alice --key olga.key --roster roster.json --escrow 127.0.0.1:7003
    --relay 127.0.0.1:7001 --out alice-leaves.json
    """
    _require_free(out)
    person, _ = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow, relay) as desk:
        desk.me()
        firm = desk.audit.roster.organisation
        desk.archive.sync(desk.relay)
        facts = _facts(desk, firm, user)
        if not as_json:
            stderr().print(_device_table(facts))
        more = {"devices": [fact.device.entry_hash.hex() for fact in facts if fact.revoked_index is None]}
        _finish(desk, USER, user, reason, out, yes=yes, as_json=as_json, more=more)


@app.command()
@command_errors
def readmit(
    user: Annotated[str, typer.Argument(help="The user's name in the chats.")],
    key: KeyOption,
    roster: RosterOption,
    escrow: EscrowOption,
    reason: ReasonOption = "",
    out: OutOption = None,
    yes: SureOption = False,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Undo `officer leaver`: new devices of the user may be enrolled again; those that were revoked stay so.

    Example: tapeline officer readmit alice --key olga.key --roster roster.json --escrow 127.0.0.1:7003
    --out alice-returns.json
    """
    _require_free(out)
    person, _ = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow) as desk:
        desk.me()
        _finish(desk, READMISSION, user, reason, out, yes=yes, as_json=as_json)


@app.command()
@command_errors
def devices(
    user: Annotated[str, typer.Argument(help="The user's name in the chats.")],
    key: KeyOption,
    roster: RosterOption,
    escrow: EscrowOption,
    relay: RelayOption,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """List a user's devices with the ids that `officer revoke device` takes, and who let each in.

    Example: tapeline officer devices alice --key olga.key --roster roster.json --escrow 127.0.0.1:7003
    --relay 127.0.0.1:7001
    """
    person, _ = open_person(key, passphrase_fd, passphrase_file)
    with desk_of(person, roster, escrow, relay) as desk:
        desk.me()
        desk.archive.sync(desk.relay)
        firm = desk.audit.roster.organisation
        facts = _facts(desk, firm, user)
        left = desk.archive.state.revocations.leavers.has_left((firm, user))
    result = {"user": user, "left": left, "devices": [_row(fact) for fact in facts]}
    print_result(result, as_json=as_json, human=_device_table(facts, left=left))


def _require_free(out: Path | None) -> None:
    if out is not None:
        require_free(out)


def _facts(desk: Desk, firm: str, user: str) -> tuple[DeviceFact, ...]:
    facts = desk.archive.state.devices_of(firm, user)
    if not facts:
        raise NotFound(f"No device of {printable(user)} is in the directory.", "Check the user's name.")
    return facts


def _finish(
    desk: Desk,
    kind: str,
    target: str,
    reason: str,
    out: Path | None,
    *,
    yes: bool,
    as_json: bool,
    more: dict[str, Any] | None = None,
) -> None:
    """Show the revocation, ask, and write it for others to sign, or post it where one signature is enough."""
    now_ms = system_clock()
    made = make_revocation(desk.audit.roster, desk.me(), desk.key.signing, kind, target, reason, now_ms)
    if out is None and made.missing:
        raise StateError(
            f"{made.missing + 1} officers must sign a revocation.",
            "Write it with --out FILE; the others sign it: `tapeline officer sign FILE`; one posts it: `tapeline "
            "officer post FILE`.",
        )
    told = describe(made.envelope, now_ms, roster=desk.audit.roster)
    if not as_json:
        stderr().print(screen(told))
    require_yes("Sign this?" if out is not None else "Sign and post this?", yes=yes)
    result = {"revokes": kind, "target": target, "statement": told.statement.hex(), **(more or {})}
    if out is None:
        ack = desk.board.post("revocation", made.envelope)
        print_result({**result, "audit_index": ack.index}, as_json=as_json, human=f"Logged as audit leaf {ack.index}.")
        return
    write_new(out, made.envelope)
    human = f"Written to {out}: nothing ends before it is posted. Officers who have yet to sign: {made.missing}."
    print_result({**result, "file": str(out), "missing": made.missing}, as_json=as_json, human=human)


def _row(fact: DeviceFact) -> dict[str, Any]:
    device = fact.device
    return {
        "id": device.entry_hash.hex(),
        "name": device.device_name,
        "from_ms": device.not_before_ms,
        "until_ms": device.not_after_ms,
        "issuer": device.issuer.hex(),
        "by_device": device.issued_by_device,
        "leaf": fact.leaf_index,
        "revoked_by_leaf": fact.revoked_index,
    }


def _device_table(facts: tuple[DeviceFact, ...], *, left: bool = False) -> Table:
    title = "This user has left; no device can be enrolled." if left else None
    table = Table("Id", "Name", "Since", "Until (UTC)", "Let in by", "State", title=title, title_justify="left")
    now_ms = system_clock()
    for fact in facts:
        device = fact.device
        by = f"device {device.issuer.hex()[:16]}" if device.issued_by_device else "the enroller"
        revoked = None if fact.revoked_index is None else f"revoked by leaf {fact.revoked_index}"
        state = revoked or ("in use" if now_ms < device.not_after_ms else "expired")
        cells = (
            device.entry_hash.hex()[:16],
            device.device_name,
            time_text(device.not_before_ms),
            time_text(device.not_after_ms),
            by,
            state,
        )
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table
