"""What changes from one version of a roster to the next, in sentences for those who sign."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from tapeline.base.times import duration_text, time_text
from tapeline.crypto.words import fingerprint_words
from tapeline.governance.chain import guarded
from tapeline.governance.person import Person, Witness
from tapeline.governance.roster import Roster

Row = TypeVar("Row", Person, Witness)


def differences(before: Roster, after: Roster) -> list[str]:
    """Return a sentence for each change; the last one says which of them wait."""
    found = [
        *_lineage(before, after),
        *_rows("person", {one.id: one for one in before.people}, {one.id: one for one in after.people}),
        *_rows("witness", {one.name: one for one in before.witnesses}, {one.name: one for one in after.witnesses}),
        *_values(before, after),
    ]
    if guarded(before) != guarded(after):
        delay = duration_text(before.change_delay_ms)
        found.append(
            f"What changes of approvers, enrollers, witnesses, logs and delays counts {delay} after it was posted."
        )
    return found


def _lineage(before: Roster, after: Roster) -> Iterator[str]:
    if (after.version, after.previous) != (before.version + 1, before.statement_hash):
        yield (
            f"This is version {after.version} and does not follow the version {before.version} given: "
            "nobody would accept it after that one."
        )
    if (after.deployment, after.organisation) != (before.deployment, before.organisation):
        yield "It is another deployment's or organisation's roster."


def _rows(what: str, before: dict[str, Row], after: dict[str, Row]) -> Iterator[str]:
    yield from (f'The {what} "{name}" is left out.' for name in before if name not in after)
    for name, row in after.items():
        if name not in before:
            yield f'The {what} "{name}" is new: {_told(row)}.'
        elif row != before[name]:
            changes = _changes(before[name], row)
            yield f'The {what} "{name}" changes: {"; ".join(changes)}.'


def _told(row: Person | Witness) -> str:
    if isinstance(row, Witness):
        return f"{row.group}, at {row.url or 'no address'}"
    return ", ".join([*sorted(row.roles), *([f"of {row.group}"] if row.group else [])])


def _changes(before: Person | Witness, after: Person | Witness) -> Iterator[str]:
    if isinstance(before, Person) and isinstance(after, Person):
        if before.roles != after.roles:
            yield f"roles {', '.join(sorted(before.roles))} → {', '.join(sorted(after.roles))}"
        if before.key != after.key:
            yield f"a new key, read aloud: {person_words(after)}"
        elif before.hpke != after.hpke:
            yield "a new key for sealed answers"
        names = (("name", before.name, after.name), ("group", before.group, after.group))
    elif isinstance(before, Witness) and isinstance(after, Witness):
        if before.vkey != after.vkey:
            yield "a new key"
        names = (("address", before.url, after.url), ("group", before.group, after.group))
    else:  # pragma: no cover (rows of one kind are compared)
        return
    yield from (f"{what} {old or 'none'} → {new or 'none'}" for what, old, new in names if old != new)


def _values(before: Roster, after: Roster) -> Iterator[str]:
    for what, old, new in zip(_NAMES, _of(before), _of(after), strict=True):
        if old != new:
            yield f"{what}: {old} → {new}."
    for what in ("archive_log", "relay_key", "audit_log", "escrow_key", "vault_key"):
        if getattr(before, what) != getattr(after, what):
            yield f"A service's key changes: {what.replace('_', ' ')}."
    if dict(before.addresses) != dict(after.addresses):
        yield "Addresses of services change."


_NAMES = (
    "Officers who sign", "Approvals of a case", "Groups that approve", "Witnesses that cosign", "Of them outside",
    "Classes", "Default class", "A warrant is public before a release", "A change is public before it counts",
    "An acknowledged leaf is cosigned within", "Ends",
)  # fmt: skip


def _of(roster: Roster) -> tuple[str, ...]:
    thresholds, quorum = roster.thresholds, roster.witness_quorum
    numbers = (thresholds.officers, thresholds.approvals, thresholds.approval_groups, quorum.total, quorum.outside)
    delays = (roster.publication_delay_ms, roster.change_delay_ms, roster.merge_delay_ms)
    return (
        *map(str, numbers),
        ", ".join(roster.classes),
        roster.default_class,
        *map(duration_text, delays),
        f"{time_text(roster.expires_ms)} UTC",
    )


def person_words(person: Person) -> str:
    """Return the words of a person's keys, as `tapeline key show` prints them."""
    return " ".join(fingerprint_words("person", person.key + person.hpke))
