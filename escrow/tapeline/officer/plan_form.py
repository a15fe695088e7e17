"""The form of a roster's plan: its tables and keys, and where in the file each stands, so that mistakes can be named.

A plan is a TOML file that people read and sign off, beside the public parts of every key; `plan_example.EXAMPLE` shows
all of it.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from tapeline.base.errors import MalformedInput
from tapeline.governance.person import ROLES

Table = Mapping[str, object]
Path = tuple[str | int, ...]
"""Where a value stands: ("delays", "change_ms"), or ("people", 3, "group")."""

SEE = "Compare it with what `tapeline officer roster example` prints."

_TEXT, _NUMBER, _TEXTS = "a text in quotes", "a whole number", "a list of texts"
_TOP = {"organisation": _TEXT, "classes": _TEXTS, "default_class": _TEXT, "expires_days": _NUMBER}
_TABLES: Mapping[str, Mapping[str, str]] = {
    "thresholds": dict.fromkeys(("officers", "approvals", "approval_groups"), _NUMBER),
    "witness_quorum": dict.fromkeys(("total", "outside"), _NUMBER),
    "delays": dict.fromkeys(("publication_ms", "change_ms", "merge_ms"), _NUMBER),
    "parts": dict.fromkeys(("relay", "escrow", "vault"), _TEXT),
    "addresses": dict.fromkeys(("relay", "relay_http", "escrow", "escrow_http", "vault", "enroller"), _TEXT),
}
_ROWS: Mapping[str, Mapping[str, str]] = {
    "people": {"id": _TEXT, "name": _TEXT, "roles": _TEXTS, "group": _TEXT, "part": _TEXT},
    "witnesses": {"name": _TEXT, "group": _TEXT, "url": _TEXT, "part": _TEXT},
}
_OPTIONAL = frozenset({"expires_days", "name", "url", "publication_ms", "change_ms", "merge_ms"})
_OPTIONAL_TABLES = frozenset({"delays", "addresses"})
_WHOSE = {"people": "id", "witnesses": "name"}


@dataclass(frozen=True)
class Plan:
    """A parsed plan and the lines of its text.

    Attributes:
        name: the file's, for messages.
        table: what TOML says.
        lines: line numbers of tables, rows and keys.
    """

    name: str
    table: Table
    lines: Mapping[Path, int]

    def wrong(self, where: Path, what: str, remedy: str = SEE) -> MalformedInput:
        """Return the error that names file, line, person or witness, and key."""
        line = next((self.lines[where[:end]] for end in range(len(where), 0, -1) if where[:end] in self.lines), None)
        place = [self.name, *([] if line is None else [f"line {line}"]), *self._named(where)]
        return MalformedInput(f"{', '.join(place)}: {what}", remedy)

    def _named(self, where: Path) -> list[str]:
        if len(where) < 2:
            return [str(part) for part in where]
        rows = self.table.get(str(where[0]))
        if isinstance(where[1], int) and isinstance(rows, list):
            whose = rows[where[1]].get(_WHOSE[str(where[0])], f"number {where[1] + 1}")
            return [f'[[{where[0]}]] "{whose}"', *(str(part) for part in where[2:])]
        return [f"[{where[0]}]", str(where[1])]


def parse_plan(text: str, name: str) -> Plan:
    """Return the plan, every key known and of its type, nothing missing.

    Raises:
        MalformedInput: names line, person or table, and key.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # The text is the officer's own file's.
        raise MalformedInput(f"{name} is not TOML: {error}.", "Mend that line.") from None
    plan = Plan(name, table, _lines(text))
    _check_keys(plan, (), table, {**_TOP, **dict.fromkeys((*_TABLES, *_ROWS), "")})
    for where, keys in _TABLES.items():
        inner = table.get(where, {} if where in _OPTIONAL_TABLES else None)
        if not isinstance(inner, dict):
            raise plan.wrong((where,), f"the table [{where}] is missing.")
        _check_keys(plan, (where,), inner, keys, optional=where in _OPTIONAL_TABLES)
    for where, keys in _ROWS.items():
        rows = table.get(where, [])
        if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
            raise plan.wrong((where,), f"there is no [[{where}]].")
        for number, row in enumerate(rows):
            _check_keys(plan, (where, number), row, keys)
    _check_people(plan, cast("Sequence[Table]", table["people"]))
    _check_witnesses(plan, cast("Sequence[Table]", table["witnesses"]))
    return plan


def _check_keys(plan: Plan, where: Path, table: Table, keys: Mapping[str, str], *, optional: bool = False) -> None:
    for key, value in table.items():
        if key not in keys:
            raise plan.wrong((*where, key), f'there is no key "{key}" here.{nearest(key, keys)}')
        if keys[key] and not _is_of(value, keys[key]):
            raise plan.wrong((*where, key), f"this must be {keys[key]}.")
    # A person's group matters to custodians and approvers alone; `_check_people` asks for it there.
    left_out = {key for key, form in keys.items() if form and key not in table and key not in _OPTIONAL}
    left_out -= {"group"} if where[:1] == ("people",) else set()
    if left_out and not optional:
        raise plan.wrong(where, f'the key "{min(left_out)}" is missing.')


def _check_people(plan: Plan, people: Sequence[Table]) -> None:
    for number, row in enumerate(people):
        where = ("people", number)
        roles = cast("list[str]", row["roles"])
        unknown = next((role for role in roles if role not in ROLES), None)
        if unknown is not None:
            raise plan.wrong((*where, "roles"), f'there is no role "{unknown}".{nearest(unknown, ROLES)}')
        if not roles or len(set(roles)) != len(roles):
            raise plan.wrong((*where, "roles"), "name at least one role, and each once.")
        if "approver" in roles and not row.get("group"):
            raise plan.wrong(where, 'an approver needs a "group", since approvals come from different groups.')
    _require_distinct(plan, "people", "id", people)


def _check_witnesses(plan: Plan, witnesses: Sequence[Table]) -> None:
    for number, row in enumerate(witnesses):
        if row["group"] not in {"inside", "outside"}:
            raise plan.wrong(
                ("witnesses", number, "group"),
                f'"{row["group"]}" is neither "inside" nor "outside".',
                'A witness is "outside" where the company neither runs it nor holds its key.',
            )
    _require_distinct(plan, "witnesses", "name", witnesses)


def _require_distinct(plan: Plan, where: str, key: str, rows: Sequence[Table]) -> None:
    seen: set[object] = set()
    for number, row in enumerate(rows):
        if row[key] in seen:
            raise plan.wrong((where, number, key), f'"{row[key]}" stands there twice.', "Give each a name of its own.")
        seen.add(row[key])


def nearest(wrong: str, known: Iterable[str]) -> str:
    """Return the words that lead from a mistyped name to the known one, or to all of them."""
    names = list(known)
    found = difflib.get_close_matches(wrong, names, n=1)
    return f' Did you mean "{found[0]}"?' if found else f" Known are {', '.join(names)}."


def _is_of(value: object, form: str) -> bool:
    if form == _TEXTS:
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    return isinstance(value, str) if form == _TEXT else type(value) is int


_HEADER = re.compile(r"^\s*(\[\[?)\s*([\w-]+)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*(?:["']([^"']+)["']|([\w-]+))\s*(?:\.\s*([\w-]+)\s*)?=""")


def _lines(text: str) -> Mapping[Path, int]:
    """Return where tables, rows and keys begin; what is written in another style is found by its table."""
    lines: dict[Path, int] = {}
    counts: dict[str, int] = {}
    inside: Path = ()
    for number, line in enumerate(text.splitlines(), start=1):
        header, key = _HEADER.match(line), _KEY.match(line)
        if header is not None:
            name = header[2]
            counts[name] = counts.get(name, -1) + 1
            inside = (name, counts[name]) if header[1] == "[[" else (name,)
            lines.setdefault((name,), number)
            lines[inside] = number
        elif key is not None:
            lines.setdefault((*inside, *(part for part in (key[1] or key[2], key[3]) if part)), number)
    return lines
