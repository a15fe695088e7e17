"""The plan of a roster: a TOML file that people can read and sign off, beside the public parts of every key.

organisation = "Example Bank"
classes = ["7y"]
default_class = "7y"
expires_days = 365

[thresholds]
officers = 2
approvals = 2
approval_groups = 2

[witness_quorum]
total = 2
outside = 1

[parts]                       # printed by `init` of each service
relay = "parts/relay.json"
escrow = "parts/escrow.json"
vault = "parts/vault.json"

[[people]]
id = "olga"
roles = ["officer"]
part = "parts/olga.json"      # printed by `tapeline key show`

[[witnesses]]
name = "outside-1"
group = "outside"
url = "http://127.0.0.1:7001"
part = "parts/w1.json"        # printed by `tapeline witness key`
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from tapeline.base.errors import MalformedInput
from tapeline.base.times import DAY
from tapeline.governance.person import Person, Witness
from tapeline.governance.roster import (
    DEFAULT_CHANGE_DELAY_MS,
    DEFAULT_MERGE_DELAY_MS,
    DEFAULT_PUBLICATION_DELAY_MS,
    Roster,
    Thresholds,
    WitnessQuorum,
)

Table = Mapping[str, object]
MAX_PART_BYTES = 64 * 1024


def read_plan(path: Path) -> Table:
    """Return the parsed TOML with every `part` read from its JSON file, paths being relative to the plan's folder.

    Raises:
        MalformedInput: a file is absent, too large, or no TOML or JSON.
    """
    try:
        plan = cast("dict[str, object]", tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise MalformedInput(
            "The roster's plan is not readable as TOML.", "See `tapeline officer roster --help`."
        ) from None
    plan["parts"] = {name: _part(path.parent, str(file)) for name, file in _table(plan, "parts").items()}
    for rows in ("people", "witnesses"):
        plan[rows] = [{**row, "part": _part(path.parent, _text(row, "part"))} for row in _rows(plan, rows)]
    return plan


def roster_from_plan(plan: Table, *, deployment: bytes, version: int, previous: bytes, now_ms: int) -> Roster:
    """Return the roster that a plan describes, unsigned.

    Args:
        plan: as `read_plan` returns it.
        deployment: 32 bytes; fresh random ones for version 1, the previous roster's afterwards.
        version: from 1.
        previous: statement hash of version − 1, empty for version 1.
        now_ms: from when the lifetime counts.

    Raises:
        MalformedInput: a field is missing or of a wrong type.
        Refused: GOV-2, where the roster is not consistent in itself.
    """
    parts = _table(plan, "parts")
    relay, escrow, vault = (_table(parts, name) for name in ("relay", "escrow", "vault"))
    thresholds, quorum, delays = _table(plan, "thresholds"), _table(plan, "witness_quorum"), _table(plan, "delays")
    roster = Roster(
        deployment=deployment,
        organisation=_text(plan, "organisation"),
        version=version,
        expires_ms=now_ms + _number(plan, "expires_days", 365) * DAY,
        previous=previous,
        people=tuple(_person(row) for row in _rows(plan, "people")),
        thresholds=Thresholds(*(_number(thresholds, name) for name in ("officers", "approvals", "approval_groups"))),
        witnesses=tuple(_witness(row) for row in _rows(plan, "witnesses")),
        witness_quorum=WitnessQuorum(_number(quorum, "total"), _number(quorum, "outside")),
        archive_log=_text(relay, "archive_log"),
        relay_key=_hex(relay, "relay_key"),
        audit_log=_text(escrow, "audit_log"),
        escrow_key=_hex(escrow, "escrow_key"),
        vault_key=_hex(vault, "vault_key"),
        classes=tuple(str(name) for name in cast("Sequence[object]", plan.get("classes", ()))),
        default_class=_text(plan, "default_class"),
        publication_delay_ms=_number(delays, "publication_ms", DEFAULT_PUBLICATION_DELAY_MS),
        change_delay_ms=_number(delays, "change_ms", DEFAULT_CHANGE_DELAY_MS),
        merge_delay_ms=_number(delays, "merge_ms", DEFAULT_MERGE_DELAY_MS),
        addresses={name: str(value) for name, value in _table(plan, "addresses").items()},
    )
    # Parsing what would be signed applies the roster's own checks, before anybody signs.
    return Roster.parse(roster.sign([]))


def _person(row: Table) -> Person:
    part = _table(row, "part")
    return Person(
        id=_text(row, "id"),
        name=_text(row, "name") if "name" in row else _text(part, "name"),
        roles=frozenset(str(role) for role in cast("Sequence[object]", row.get("roles", ()))),
        group=_text(row, "group") if "group" in row else "",
        key=_hex(part, "key"),
        hpke=_hex(part, "hpke") if "hpke" in part else b"",
    )


def _witness(row: Table) -> Witness:
    part = _table(row, "part")
    return Witness(
        _text(row, "name"), _text(part, "vkey"), _text(row, "url") if "url" in row else "", _text(row, "group")
    )


def _part(folder: Path, file: str) -> Table:
    try:
        with (folder / file).open("rb") as handle:
            part = json.loads(handle.read(MAX_PART_BYTES))
    except (OSError, ValueError):
        part = None
    if not isinstance(part, dict):
        raise MalformedInput(f"The public part {Path(file).name} is not readable as JSON.", "Print it again.")
    return part


def _table(table: Table, name: str) -> Table:
    value = table.get(name, {})
    if not isinstance(value, dict):
        raise _wrong(name)
    return value


def _rows(table: Table, name: str) -> list[dict[str, object]]:
    value = table.get(name, [])
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise _wrong(name)
    return value


def _text(table: Table, name: str) -> str:
    value = table.get(name)
    if not isinstance(value, str):
        raise _wrong(name)
    return value


def _hex(table: Table, name: str) -> bytes:
    try:
        return bytes.fromhex(_text(table, name))
    except ValueError:
        raise _wrong(name) from None


def _number(table: Table, name: str, default: int | None = None) -> int:
    value = table.get(name, default)
    if type(value) is not int:
        raise _wrong(name)
    return value


def _wrong(name: str) -> MalformedInput:
    return MalformedInput(f"The roster's plan has no {name}, or one of a wrong type.", "Compare it with the example.")
