"""What a person means who names something to revoke: a name, or the beginning of an id that fits one thing only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tapeline.agent.audit import AuditEntry, AuditReplica
from tapeline.base.errors import MalformedInput, NotFound
from tapeline.base.text import printable
from tapeline.directory.state import DirectoryState
from tapeline.governance.case import Case
from tapeline.governance.certificate import EscrowCertificate

MIN_PREFIX = 4
SHOWN_IDS = 16
MAX_LISTED = 8
STATEMENTS = ("case", "approval", "warrant", "manifest", "exception")


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that may be meant.

    Attributes:
        target: as a revocation names it.
        told: for people.
        names: texts that name it whole; besides, any beginning of `target`.
    """

    target: str
    told: str
    names: tuple[str, ...] = ()


def find_target(kind: str, text: str, audit: AuditReplica, directory: DirectoryState | None) -> Candidate:
    """Return the one thing of a kind that a text names.

    Args:
        kind: person, device, key, escrow-key, or one of `STATEMENTS`.
        text: a whole name, or at least four characters of the id's beginning.
        audit: synced.
        directory: synced; needed for devices.

    Raises:
        NotFound: nothing is named like that.
        MalformedInput: several things are; they are listed.
    """
    candidates = _candidates(kind, audit, directory)
    named = [one for one in candidates if text in (one.target, *one.names)]
    found = named or [one for one in candidates if len(text) >= MIN_PREFIX and one.target.startswith(text.lower())]
    if len(found) == 1:
        return found[0]
    what = kind.replace("-", " ")
    if found:
        raise MalformedInput(f"Several are named like that: {_listed(found)}.", "Give more of the id.")
    known = f"Known are {_listed(candidates)}." if candidates else f"There is no {what} at all."
    raise NotFound(f'No {what} is named "{printable(text)}".', known)


def _candidates(kind: str, audit: AuditReplica, directory: DirectoryState | None) -> list[Candidate]:
    if kind in STATEMENTS:
        return [_statement(entry) for entry in audit.of_kind(kind)]
    return _OTHERS[kind](audit, directory)


def _statement(entry: AuditEntry) -> Candidate:
    target, matter = entry.statement_hash.hex(), ""
    if entry.kind == Case.kind and entry.dsse:
        matter = Case.parse(entry.dsse).matter
    told = f'{target[:SHOWN_IDS]} "{matter}"' if matter else f"{target[:SHOWN_IDS]} (audit leaf {entry.index})"
    return Candidate(target, told, (matter,) if matter else ())


def _people(audit: AuditReplica, directory: DirectoryState | None) -> list[Candidate]:
    del directory
    return [Candidate(person.id, person.id, (person.name,)) for person in audit.roster.people]


def _keys(audit: AuditReplica, directory: DirectoryState | None) -> list[Candidate]:
    del directory
    people = audit.roster.people
    return [Candidate(person.key.hex(), person.id, (person.id, person.name)) for person in people]


def _devices(audit: AuditReplica, directory: DirectoryState | None) -> list[Candidate]:
    if directory is None:
        raise MalformedInput("Devices stand in the relay's directory.", "Give its address: --relay HOST:PORT.")
    firm = audit.roster.organisation
    found = []
    for of, user in directory.devices.people():
        facts = directory.devices_of(of, user) if of == firm else ()
        usable = [fact for fact in facts if fact.revoked_index is None]
        for fact in usable:
            device = fact.device
            names = (f"{user}/{device.device_name}", *((user,) if len(usable) == 1 else ()))
            target = device.entry_hash.hex()
            found.append(Candidate(target, f"{target[:SHOWN_IDS]} {user}/{device.device_name}", names))
    return found


def _escrow_keys(audit: AuditReplica, directory: DirectoryState | None) -> list[Candidate]:
    del directory
    certificates = [EscrowCertificate.parse(entry.dsse) for entry in audit.of_kind(EscrowCertificate.kind)]
    named = [(one.escrow_key_id.hex(), f"{one.retention_class}/{one.epoch}") for one in certificates]
    return [Candidate(target, f"{target[:SHOWN_IDS]} {name}", (name,)) for target, name in named]


def _listed(candidates: Sequence[Candidate]) -> str:
    shown = "; ".join(printable(one.told) for one in candidates[-MAX_LISTED:])
    return f"{shown}; and {len(candidates) - MAX_LISTED} older ones" if len(candidates) > MAX_LISTED else shown


_OTHERS: Mapping[str, Callable[[AuditReplica, DirectoryState | None], list[Candidate]]] = {
    "person": _people,
    "key": _keys,
    "device": _devices,
    "escrow-key": _escrow_keys,
}
