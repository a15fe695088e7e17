"""From a plan (see `plan_form`) to the roster that officers sign: public parts are read, mistakes are named."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from tapeline.base.errors import MalformedInput, TapelineError
from tapeline.base.rules import Refused
from tapeline.base.times import DAY, duration_text, time_text
from tapeline.governance.person import Person, Witness
from tapeline.governance.roster import (
    DEFAULT_CHANGE_DELAY_MS,
    DEFAULT_MERGE_DELAY_MS,
    DEFAULT_PUBLICATION_DELAY_MS,
    Roster,
    Thresholds,
    WitnessQuorum,
)
from tapeline.governance.rotation import quorum_gap
from tapeline.officer.plan_form import Plan, Table, parse_plan

MAX_PLAN_BYTES = 8 * 1024 * 1024
MAX_PART_BYTES = 64 * 1024
MAX_EXPIRES_DAYS = 3 * 365
_SERVICE_PARTS = {"relay": ("archive_log", "relay_key"), "escrow": ("audit_log", "escrow_key"), "vault": ("vault_key",)}


def read_plan(path: Path) -> Plan:
    """Return the plan with every `part` read from its JSON file, paths being relative to the plan's folder.

    Raises:
        MalformedInput: a file is absent or too large; a mistake in the plan, with its line.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_PLAN_BYTES).decode()
    except (OSError, UnicodeDecodeError):
        raise MalformedInput(f"The plan {path.name} cannot be read as text.", "Check --plan.") from None
    plan = parse_plan(text, path.name)
    table = dict(plan.table)
    table["parts"] = {
        name: _part(plan, ("parts", name), path.parent, file, _SERVICE_PARTS[name])
        for name, file in cast("Mapping[str, str]", table["parts"]).items()
    }
    for rows, needed in (("people", ("name", "key")), ("witnesses", ("vkey",))):
        table[rows] = [
            {**row, "part": _part(plan, (rows, number, "part"), path.parent, row["part"], needed)}
            for number, row in enumerate(cast("list[dict[str, str]]", table[rows]))
        ]
    return Plan(plan.name, table, plan.lines)


def roster_from_plan(plan: Plan, *, deployment: bytes, version: int, previous: bytes, now_ms: int) -> Roster:
    """Return the roster that a plan describes, unsigned.

    Args:
        plan: as `read_plan` returns it.
        deployment: 32 bytes; fresh random ones for version 1, the previous roster's afterwards.
        version: from 1.
        previous: statement hash of version − 1, empty for version 1.
        now_ms: from when the lifetime counts.

    Raises:
        MalformedInput: a key file's part is malformed, or the roster is not consistent in itself.
    """
    table = plan.table
    parts = _inner(table, "parts")
    relay, escrow, vault = (_inner(parts, name) for name in ("relay", "escrow", "vault"))
    thresholds, quorum, delays = (_inner(table, name) for name in ("thresholds", "witness_quorum", "delays"))
    days = _number(table, "expires_days", 365)
    if not 1 <= days <= MAX_EXPIRES_DAYS:
        raise plan.wrong(("expires_days",), f"a roster lasts from 1 to {MAX_EXPIRES_DAYS} days.", "Choose fewer.")
    roster = Roster(
        deployment=deployment,
        organisation=_text(table, "organisation"),
        version=version,
        expires_ms=now_ms + days * DAY,
        previous=previous,
        people=tuple(_person(plan, number, row) for number, row in enumerate(_rows(table, "people"))),
        thresholds=Thresholds(*(_number(thresholds, name) for name in ("officers", "approvals", "approval_groups"))),
        witnesses=tuple(_witness(row) for row in _rows(table, "witnesses")),
        witness_quorum=WitnessQuorum(_number(quorum, "total"), _number(quorum, "outside")),
        archive_log=_text(relay, "archive_log"),
        relay_key=_hex(plan, ("parts", "relay"), relay, "relay_key"),
        audit_log=_text(escrow, "audit_log"),
        escrow_key=_hex(plan, ("parts", "escrow"), escrow, "escrow_key"),
        vault_key=_hex(plan, ("parts", "vault"), vault, "vault_key"),
        classes=tuple(cast("list[str]", table["classes"])),
        default_class=_text(table, "default_class"),
        publication_delay_ms=_number(delays, "publication_ms", DEFAULT_PUBLICATION_DELAY_MS),
        change_delay_ms=_number(delays, "change_ms", DEFAULT_CHANGE_DELAY_MS),
        merge_delay_ms=_number(delays, "merge_ms", DEFAULT_MERGE_DELAY_MS),
        addresses={name: str(value) for name, value in _inner(table, "addresses").items()},
    )
    try:
        # Parsing what would be signed applies the roster's own checks, before anybody signs.
        return Roster.parse(roster.sign([]))
    except Refused as refused:
        raise _inconsistent(plan, roster, refused) from None


def _inconsistent(plan: Plan, roster: Roster, refused: Refused) -> TapelineError:
    """Return the roster's own complaint as a mistake in the plan, which it is; no attack, no sender to report."""
    keys: dict[bytes, int] = {}
    for number, person in enumerate(roster.people):
        first = keys.setdefault(person.key, number)
        if first != number:
            other = roster.people[first].id
            return plan.wrong(("people", number, "part"), f'this is the key of "{other}" too.', "Give each their own.")
    cause = refused.cause.removesuffix(f" [{refused.rule.id}]")
    return MalformedInput(f"{plan.name} makes no consistent roster: {cause}", "Mend the plan, then build again.")


def _person(plan: Plan, number: int, row: Table) -> Person:
    part, where = _inner(row, "part"), ("people", number, "part")
    return Person(
        id=_text(row, "id"),
        name=_text(row, "name") if "name" in row else _text(part, "name"),
        roles=frozenset(cast("list[str]", row["roles"])),
        group=_text(row, "group") if "group" in row else "",
        key=_hex(plan, where, part, "key"),
        hpke=_hex(plan, where, part, "hpke") if "hpke" in part else b"",
    )


def _witness(row: Table) -> Witness:
    part = _inner(row, "part")
    return Witness(
        _text(row, "name"), _text(part, "vkey"), _text(row, "url") if "url" in row else "", _text(row, "group")
    )


def _part(plan: Plan, where: tuple[str | int, ...], folder: Path, file: str, needed: tuple[str, ...]) -> Table:
    try:
        with (folder / file).open("rb") as handle:
            part = json.loads(handle.read(MAX_PART_BYTES))
    except (OSError, ValueError):
        part = None
    if not isinstance(part, dict):
        raise plan.wrong(where, f'the public part "{file}" is not readable as JSON.', "Print it again, with --json.")
    lacking = next((name for name in needed if not isinstance(part.get(name), str)), None)
    if lacking is not None:
        raise plan.wrong(where, f'"{file}" is another part: it has no {lacking}.', "Name the file of this party.")
    return part


def _inner(table: Table, name: str) -> Table:
    return cast(Table, table.get(name, {}))


def _rows(table: Table, name: str) -> list[Table]:
    return cast("list[Table]", table[name])


def _text(table: Table, name: str) -> str:
    return str(table[name])


def _number(table: Table, name: str, default: int = 0) -> int:
    return cast(int, table.get(name, default))


def _hex(plan: Plan, where: tuple[str | int, ...], table: Table, name: str) -> bytes:
    try:
        return bytes.fromhex(_text(table, name))
    except ValueError:
        raise plan.wrong(where, f"the part's {name} is not hexadecimal.", "Print the part again.") from None


def require_no_gap(before: Roster, after: Roster, now_ms: int) -> None:
    """Refuse to leave out witnesses without whom nothing could be cosigned until the change counts.

    Raises:
        MalformedInput: says what to do instead.
    """
    gap = quorum_gap(before, after)
    if gap is None:
        return
    leaving, delay = " and ".join(gap.leaving), duration_text(gap.delay_ms)
    raise MalformedInput(
        f"Without {leaving}, too few witnesses are left for the quorum that counts until this change does, {delay} "
        "after it is posted: no checkpoint could be cosigned in that time.",
        f"Add the new witnesses beside the old ones first, wait {delay}, then leave out the old ones. Or keep "
        f"{leaving} running until {time_text(now_ms + gap.delay_ms)} UTC at least, and build with --replace-witnesses.",
    )
