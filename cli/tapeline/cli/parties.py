"""Options and openings that the groups of people share: key file, pinned roster, services, the desk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from tapeline.agent.desk import Desk, open_desk
from tapeline.base.errors import MalformedInput, NotFound, StateError
from tapeline.base.hashing import HASH_BYTES
from tapeline.base.secret import Secret
from tapeline.cli.common import read_passphrase
from tapeline.cli.waiting import speaking
from tapeline.crypto.keyfile import PersonKey, open_key_file
from tapeline.custodian.ceremony.steps import Custodian
from tapeline.rpc.roster_file import read_founding_roster

KeyOption: TypeAlias = Annotated[Path, typer.Option("--key", help="Your key file.")]
RosterOption: TypeAlias = Annotated[Path, typer.Option("--roster", help="Roster version 1, signed; what you trust.")]
EscrowOption: TypeAlias = Annotated[str, typer.Option("--escrow", help="Address of the escrow service, host:port.")]
RelayOption: TypeAlias = Annotated[str, typer.Option("--relay", help="Address of the relay, host:port.")]

MIN_PREFIX = 4


def open_person(key: Path, fd: int | None, file: Path | None) -> tuple[PersonKey, Secret]:
    """Return a person's keys, and the passphrase that opened them."""
    try:
        document = key.read_bytes()
    except OSError:
        raise MalformedInput("The key file cannot be read.", "Check --key.") from None
    passphrase = read_passphrase(fd, file)
    return open_key_file(document, passphrase), passphrase


@contextmanager
def desk_of(key: PersonKey, roster: Path, escrow: str, relay: str | None = None) -> Iterator[Desk]:
    """Open a desk for the length of a command."""
    desk = open_desk(
        key,
        read_founding_roster(roster),
        escrow,
        relay,
        waiting=lambda address: speaking(f"an answer from {address}"),
    )
    try:
        yield desk
    finally:
        desk.close()


def acting(desk: Desk) -> Custodian:
    """Return roster id and key of the person at the desk; syncs the audit log."""
    return Custodian(desk.me().id, desk.key.signing)


def chosen_ceremony(known: Sequence[bytes], text: str | None) -> bytes:
    """Return the ceremony that a person means: by the beginning of its id, or the newest of the list.

    Raises:
        StateError: there is none at all.
        NotFound: none begins like that.
        MalformedInput: several do.
    """
    if not known:
        raise StateError("No ceremony is open.", "An officer opens one: tapeline officer ceremony open.")
    if text is None:
        return known[-1]
    found = [one for one in known if one.hex().startswith(text.lower())]
    if not found or len(text) < MIN_PREFIX:
        raise NotFound("No ceremony's id begins like that.", "List them: tapeline officer ceremony list.")
    if len(found) > 1:
        raise MalformedInput("Several ceremonies' ids begin like that.", "Give more of the id.")
    return found[0]


WHOLE = frozenset({"case's hash", "conversation's id", "session's hash"})


def unhex(text: str, what: str) -> bytes:
    """Return bytes from hex typed by a person; a hash or id that is cut short names nothing."""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        raise MalformedInput(f"The {what} is not hexadecimal.", "Copy it as a whole.") from None
    if what in WHOLE and len(data) != HASH_BYTES:
        raise MalformedInput(f"The {what} is not whole: it has {2 * HASH_BYTES} digits.", "Copy it as a whole.")
    return data
