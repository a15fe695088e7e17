"""`tapeline custodian`: take part in a ceremony, release partials, show what this agent holds."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from tapeline.agent.ceremony import ROUNDS
from tapeline.base.errors import Unavailable
from tapeline.base.seam import system_clock, system_rng
from tapeline.base.text import plural, printable
from tapeline.base.times import MINUTE
from tapeline.cli.common import (
    JsonOption,
    PassphraseFd,
    PassphraseFile,
    command_errors,
    print_result,
)
from tapeline.cli.custodian_common import (
    STORE_PURPOSE,
    DataOption,
    PolicyOption,
    YesOption,
    asker,
    show_absence,
    show_progress,
)
from tapeline.cli.custodian_files import app as files_app
from tapeline.cli.expiring import say_what_ends
from tapeline.cli.parties import (
    EscrowOption,
    KeyOption,
    RelayOption,
    RosterOption,
    acting,
    chosen_ceremony,
    desk_of,
    open_person,
    unhex,
)
from tapeline.cli.spoken import escrow_key_words
from tapeline.cli.stores import held, store_of, watched_store
from tapeline.custodian.answer import answer_all, answer_what_policy_allows, open_warrants
from tapeline.custodian.ceremony.call import require_newest_roster
from tapeline.custodian.ceremony.memory import CeremonyMemory
from tapeline.custodian.ceremony.run import run_ceremony
from tapeline.custodian.policy import read_policy
from tapeline.custodian.release import Releaser
from tapeline.governance.certificate import EscrowCertificate
from tapeline.governance.expiry import of_certificate
from tapeline.local.folder import FolderHeld

app = typer.Typer(help="Hold a share: ceremonies and releases.", no_args_is_help=True)

app.add_typer(files_app, name="file")


@app.command()
@command_errors
def ceremony(
    key: KeyOption,
    data: DataOption,
    roster: RosterOption,
    escrow: EscrowOption,
    ceremony_id: Annotated[
        str | None, typer.Option("--ceremony", help="Its id or the beginning; the newest where left out.")
    ] = None,
    minutes: Annotated[int, typer.Option("--minutes", help="How long to wait for the others.")] = 60,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Take part in a ceremony until everyone has signed its certificate; run it again after any interruption.

    Example: tapeline custodian ceremony --key cora.key --data cora --roster roster.json --escrow 127.0.0.1:7003
    """
    person, passphrase = open_person(key, passphrase_fd, passphrase_file)
    store = store_of(data, passphrase, STORE_PURPOSE)
    with desk_of(person, roster, escrow) as desk:
        me = acting(desk)
        known = desk.board.ceremonies()
        chosen = chosen_ceremony(known, ceremony_id)
        require_newest_roster(desk.board.ceremony(chosen), desk.audit.roster)
        record = run_ceremony(
            desk.board,
            CeremonyMemory(store),
            me,
            desk.audit.roster,
            chosen,
            rng=system_rng,
            clock=system_clock,
            deadline_ms=system_clock() + minutes * MINUTE,
            progress=show_progress,
            away=show_absence,
        )
    certificate = EscrowCertificate.parse(record.certificate)
    result = {"certificate": certificate.statement_hash.hex(), "escrow_key_id": certificate.escrow_key_id.hex()}
    words = escrow_key_words(certificate)
    human = f"The ceremony is complete; this agent holds a proven share.\nThe escrow key, read aloud: {words}"
    print_result({**result, "read_aloud": words}, as_json=as_json, human=human)


@app.command()
@command_errors
def release(
    key: KeyOption,
    data: DataOption,
    roster: RosterOption,
    escrow: EscrowOption,
    relay: RelayOption,
    warrant: Annotated[str | None, typer.Option("--warrant", help="Hash of one warrant; else all open ones.")] = None,
    policy: PolicyOption = None,
    yes: YesOption = False,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Check a warrant for yourself, decide, and release partials for its sessions.

    Example: tapeline custodian release --key cora.key --data cora --roster roster.json --escrow 127.0.0.1:7003
    --relay 127.0.0.1:7001
    """
    person, passphrase = open_person(key, passphrase_fd, passphrase_file)
    store = store_of(data, passphrase, STORE_PURPOSE)

    with desk_of(person, roster, escrow, relay) as desk:
        me = acting(desk)
        releaser = Releaser(me, store, read_policy(policy), asker(yes=yes), system_rng)
        wanted = None if warrant is None else unhex(warrant, "warrant's hash")
        waiting = open_warrants(desk, me.id, wanted, system_clock())
        posted, refused = answer_all(desk, releaser, waiting, system_clock)
    if refused and not posted:
        raise refused[0].error
    released = [
        {"warrant": one.warrant.hex(), "epoch": one.epoch, "audit_index": one.audit_index, "repeated": one.repeated}
        for one in posted
    ]
    told = [{"warrant": one.warrant.hex(), "cause": one.error.cause, "remedy": one.error.remedy} for one in refused]
    lines = [f"{plural(len(posted), 'bundle')} released." if posted else "No warrant waits for this custodian."]
    lines += [f"Not released: warrant {one.warrant.hex()[:16]}: {one.error}" for one in refused]
    print_result({"released": released, "refused": told}, as_json=as_json, human="\n".join(lines))


@app.command()
@command_errors
def watch(
    key: KeyOption,
    data: DataOption,
    roster: RosterOption,
    escrow: EscrowOption,
    relay: RelayOption,
    policy: PolicyOption = None,
    seconds: Annotated[int, typer.Option("--every", help="Seconds between two looks.")] = 30,
    once: Annotated[bool, typer.Option("--once", help="Look once, then end.")] = False,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Answer what this agent's policy file allows, and tell of warrants that wait for a person.

    Example: tapeline custodian watch --key cora.key --data cora --roster roster.json --escrow 127.0.0.1:7003
    --relay 127.0.0.1:7001 --policy policy.toml
    """
    person, passphrase = open_person(key, passphrase_fd, passphrase_file)
    store = watched_store(data, passphrase, STORE_PURPOSE)
    with desk_of(person, roster, escrow, relay) as desk:
        me = acting(desk)
        releaser = Releaser(me, store, read_policy(policy), lambda _: False, system_rng)
        is_away = False
        while True:
            try:
                # Between two looks the folder is free: what waits for the person is released by another command.
                with held(data):
                    desk.audit.sync(desk.board)
                    if is_away:
                        show_absence(False)
                    is_away = False
                    for line in answer_what_policy_allows(desk, releaser, me.id, system_clock()):
                        print_result({"event": line}, as_json=as_json, human=line)
            except (Unavailable, FolderHeld) as error:
                if once:
                    raise
                if isinstance(error, Unavailable) and not is_away:
                    show_absence(True)
                    is_away = True
            if once:
                return
            time.sleep(seconds)


@app.command()
@command_errors
def status(
    key: KeyOption,
    data: DataOption,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Show which ceremonies and shares this agent's store holds.

    Example: tapeline custodian status --key cora.key --data cora
    """
    _, passphrase = open_person(key, passphrase_fd, passphrase_file)
    memory = CeremonyMemory(store_of(data, passphrase, STORE_PURPOSE, fresh=False))
    rows, ends = [], []
    for record in memory.ceremonies():
        certificate = EscrowCertificate.parse(record.certificate) if record.certificate else None
        if certificate is not None:
            ends.append(of_certificate(certificate))
        rows.append(
            {
                "ceremony": record.ceremony.hex(),
                "last_round": next((name for name in reversed(ROUNDS) if name in record.messages), ""),
                "certified": certificate is not None,
                "epoch": certificate.epoch if certificate else None,
                "retention_class": certificate.retention_class if certificate else None,
                "read_aloud": escrow_key_words(certificate) if certificate else None,
            }
        )
    ending = say_what_ends(ends, as_json=as_json)
    print_result({"ceremonies": rows, "ending": ending}, as_json=as_json, human=_status_table(rows))


def _status_table(rows: list[dict[str, object]]) -> Table:
    table = Table("Ceremony", "Last round", "Epoch", "Class", "Escrow key, read aloud")
    for row in rows:
        cells = (
            str(row["ceremony"])[:16],
            row["last_round"],
            row["epoch"] or "-",
            row["retention_class"] or "-",
            row["read_aloud"] or "not certified yet",
        )
        table.add_row(*(Text(printable(str(cell))) for cell in cells))
    return table
