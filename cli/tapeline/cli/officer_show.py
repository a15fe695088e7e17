"""How a signed statement looks to the officers: facts, people, witnesses, changes, signatures, warnings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tapeline.base.text import printable
from tapeline.cli.files import read_bounded
from tapeline.governance.roster import Roster
from tapeline.officer.describe import Description
from tapeline.rpc.roster_file import MAX_ROSTER_FILE

_KINDS = {"roster": "Roster", "escrow-key": "Certificate of an escrow key", "hold-release": "Release of a hold"}


def read_roster(path: Path | None, option: str) -> Roster | None:
    """Return the roster of a file that an option named, None where it was not given."""
    return None if path is None else Roster.parse(read_bounded(path, MAX_ROSTER_FILE, option).strip())


def screen(told: Description) -> RenderableType:
    """Return what a person reads; every text of others is made printable."""
    return Group(*_parts(told))


def as_result(told: Description) -> dict[str, Any]:
    """Return the object that --json prints: all that was signed, and what was found about it."""
    people = [dict(zip(("id", "name", "roles", "group", "words"), row, strict=True)) for row in told.people]
    return {
        "kind": told.kind,
        "statement": told.statement.hex(),
        "read_aloud": told.words or None,
        "signed_by": list(told.signed_by),
        "unknown_signatures": told.strangers,
        "people": people,
        "changes": None if told.changes is None else list(told.changes),
        "warnings": list(told.warnings),
        "payload": told.payload,
    }


def _parts(told: Description) -> Iterator[RenderableType]:
    title = _KINDS.get(told.kind, told.kind.capitalize())
    facts = [*told.facts, ("Statement", told.statement.hex()), ("Signed by", _signatures(told))]
    if told.words:
        facts.append(("Read aloud", told.words))
    yield _table(title, (), facts)
    if told.people:
        yield _table("People", ("Id", "Name", "Roles", "Group", "Keys, read aloud"), told.people)
    if told.witnesses:
        yield _table("Witnesses", ("Name", "Group", "Address", "Name in its key"), told.witnesses)
    if told.changes is not None:
        yield Text("Against the version before:", style="bold")
        yield _lines(told.changes or ["Nothing changes."])
    if told.warnings:
        yield Text("Think about this:", style="bold yellow")
        yield _lines(told.warnings)


def _signatures(told: Description) -> str:
    named = ", ".join(told.signed_by)
    if not told.strangers:
        return named or "nobody yet"
    unknown = "1 key that is unknown here" if told.strangers == 1 else f"{told.strangers} keys that are unknown here"
    return f"{named} and {unknown}" if named else unknown


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(*columns, title=title, title_justify="left", show_header=bool(columns), show_lines=bool(columns))
    for row in rows:
        table.add_row(*(Text(printable(cell or "-"), overflow="fold") for cell in row))
    return table


def _lines(sentences: Sequence[str]) -> Text:
    return Text("\n".join(f"  {printable(sentence)}" for sentence in sentences))
