"""The roster: an organisation's people, keys and thresholds, signed by its officers (governance, table)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Self

from tapeline.base.ed25519 import PUBLIC_BYTES, is_public_key
from tapeline.base.rules import Rule, require
from tapeline.base.times import HOUR, MINUTE
from tapeline.crypto.limits import COSIGNATURES_BYTES
from tapeline.governance.dsse import Envelope
from tapeline.governance.jsonform import Fields, Json
from tapeline.governance.person import Person, Witness, is_vkey, log_policy
from tapeline.governance.statement import STATEMENT_HASH_BYTES, Statement
from tapeline.transparency.cosignature import line_bytes
from tapeline.transparency.keys import ED25519, parse_vkey
from tapeline.transparency.quorum import Policy

DEPLOYMENT_BYTES = 32
MAX_PEOPLE = 10_000
MAX_WITNESSES = 32
MAX_CLASSES = 32
DEFAULT_PUBLICATION_DELAY_MS = HOUR
DEFAULT_CHANGE_DELAY_MS = 72 * HOUR
DEFAULT_MERGE_DELAY_MS = MINUTE


@dataclass(frozen=True, slots=True)
class Thresholds:
    """How many officers sign; how many approvers, out of how many groups, approve a case."""

    officers: int
    approvals: int
    approval_groups: int


@dataclass(frozen=True, slots=True)
class WitnessQuorum:
    """How many witnesses cosign, and how many of them from outside the company."""

    total: int
    outside: int


@dataclass(frozen=True)
class Roster(Statement):
    """One version of the roster; unverified until `RosterChain.add` took it.

    Attributes:
        deployment: 32 bytes, the same in every version and every firm's roster.
        organisation: the firm's name, as devices and membership statements call it.
        version: from 1.
        expires_ms: after it, warrants stop; messaging goes on with a warning.
        previous: statement hash of version − 1, empty in version 1.
        archive_log, audit_log: vkey lines of the two logs.
        relay_key: Ed25519, signs acknowledgements and manifests.
        escrow_key: Ed25519, signs warrants and the audit log's acknowledgements.
        vault_key: Ed25519, signs receipts and vault releases.
        publication_delay_ms: how long a warrant is public before a partial leaves.
        change_delay_ms: how long a change of approvers or witnesses is public before it counts.
        merge_delay_ms: how soon an acknowledged leaf is under a cosigned checkpoint.
        addresses: where services listen; for convenience, trusted for nothing.
    """

    kind: ClassVar[str] = "roster"

    deployment: bytes
    organisation: str
    version: int
    expires_ms: int
    previous: bytes
    people: tuple[Person, ...]
    thresholds: Thresholds
    witnesses: tuple[Witness, ...]
    witness_quorum: WitnessQuorum
    archive_log: str
    relay_key: bytes
    audit_log: str
    escrow_key: bytes
    vault_key: bytes
    classes: tuple[str, ...]
    default_class: str
    publication_delay_ms: int = DEFAULT_PUBLICATION_DELAY_MS
    change_delay_ms: int = DEFAULT_CHANGE_DELAY_MS
    merge_delay_ms: int = DEFAULT_MERGE_DELAY_MS
    addresses: Mapping[str, str] = field(default_factory=dict)

    def payload(self) -> dict[str, Json]:
        """Return the JSON object that the officers sign."""
        return {
            "deployment": self.deployment.hex(),
            "organisation": self.organisation,
            "version": self.version,
            "expires_ms": self.expires_ms,
            "previous": self.previous.hex(),
            "people": [person.payload() for person in self.people],
            "thresholds": {
                "officers": self.thresholds.officers,
                "approvals": self.thresholds.approvals,
                "approval_groups": self.thresholds.approval_groups,
            },
            "witnesses": [witness.payload() for witness in self.witnesses],
            "witness_quorum": {"total": self.witness_quorum.total, "outside": self.witness_quorum.outside},
            "archive_log": self.archive_log,
            "relay_key": self.relay_key.hex(),
            "audit_log": self.audit_log,
            "escrow_key": self.escrow_key.hex(),
            "vault_key": self.vault_key.hex(),
            "classes": list(self.classes),
            "default_class": self.default_class,
            "publication_delay_ms": self.publication_delay_ms,
            "change_delay_ms": self.change_delay_ms,
            "merge_delay_ms": self.merge_delay_ms,
            "addresses": dict(self.addresses),
        }

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Build the roster and check that it is consistent in itself."""
        roster = cls(
            deployment=fields.hex("deployment", DEPLOYMENT_BYTES),
            organisation=fields.name("organisation"),
            version=fields.integer("version", 1),
            expires_ms=fields.integer("expires_ms", 1),
            previous=fields.hex("previous", STATEMENT_HASH_BYTES, optional=True),
            people=fields.objects("people", Person.read, limit=MAX_PEOPLE),
            thresholds=fields.object("thresholds", _read_thresholds),
            witnesses=fields.objects("witnesses", Witness.read, limit=MAX_WITNESSES),
            witness_quorum=fields.object("witness_quorum", _read_quorum),
            archive_log=fields.check("archive_log", fields.text("archive_log", limit=1024), is_vkey),
            relay_key=_read_key(fields, "relay_key"),
            audit_log=fields.check("audit_log", fields.text("audit_log", limit=1024), is_vkey),
            escrow_key=_read_key(fields, "escrow_key"),
            vault_key=_read_key(fields, "vault_key"),
            classes=fields.names("classes", limit=MAX_CLASSES),
            default_class=fields.name("default_class"),
            publication_delay_ms=fields.integer("publication_delay_ms"),
            change_delay_ms=fields.integer("change_delay_ms"),
            merge_delay_ms=fields.integer("merge_delay_ms", 1),
            addresses=fields.mapping("addresses", limit=16),
        )
        _check(roster)
        return roster

    def with_role(self, role: str) -> tuple[Person, ...]:
        """Return the people who hold a role."""
        return tuple(person for person in self.people if role in person.roles)

    def find(self, identifier: str) -> Person | None:
        """Return the person of that id."""
        return self._by_id.get(identifier)

    def by_key(self, public: bytes) -> Person | None:
        """Return the person whose Ed25519 key this is."""
        return self._by_key.get(public)

    @cached_property
    def _by_id(self) -> dict[str, Person]:
        return {person.id: person for person in self.people}

    @cached_property
    def _by_key(self) -> dict[bytes, Person]:
        return {person.key: person for person in self.people}

    def enroller_keys(self) -> frozenset[bytes]:
        """Return the Ed25519 keys that may sign first devices."""
        return frozenset(person.key for person in self.with_role("enroller"))

    def has_officers_quorum(self, envelope: Envelope) -> bool:
        """Tell whether enough distinct officers of this version signed the envelope."""
        keys = {person.key for person in self.with_role("officer")}
        return len(envelope.signers(keys)) >= self.thresholds.officers

    def require_signed_by(self, envelope: Envelope, identifier: str, *roles: str) -> None:
        """Refuse under GOV-1 a statement not signed by the person of that id, who must hold all the roles."""
        person = self.find(identifier)
        require(
            person is not None and person.roles.issuperset(roles) and envelope.signed_by(person.key),
            Rule.DSSE_SIGNATURE,
            f"No {' and '.join(roles)} of that id signed the {envelope.kind}.",
        )

    def archive_policy(self) -> Policy:
        """Return the policy of this version for the archive log."""
        return self._archive_policy

    def audit_policy(self) -> Policy:
        """Return the policy of this version for the audit log."""
        return self._audit_policy

    @cached_property
    def _archive_policy(self) -> Policy:
        quorum = self.witness_quorum
        return log_policy(self.archive_log, self.witnesses, quorum.total, quorum.outside)

    @cached_property
    def _audit_policy(self) -> Policy:
        quorum = self.witness_quorum
        return log_policy(self.audit_log, self.witnesses, quorum.total, quorum.outside)

    @cached_property
    def archive_origin(self) -> str:
        """The archive log's origin."""
        return parse_vkey(self.archive_log).name

    @cached_property
    def audit_origin(self) -> str:
        """The audit log's origin."""
        return parse_vkey(self.audit_log).name


def _read_key(fields: Fields, name: str) -> bytes:
    return fields.check(name, fields.hex(name, PUBLIC_BYTES), is_public_key)


def _read_thresholds(fields: Fields) -> Thresholds:
    return Thresholds(*(fields.integer(name, 1) for name in ("officers", "approvals", "approval_groups")))


def _read_quorum(fields: Fields) -> WitnessQuorum:
    return WitnessQuorum(total=fields.integer("total", 1), outside=fields.integer("outside", 1))


def _check(roster: Roster) -> None:
    """Refuse under GOV-2 doubled ids or keys, unreachable thresholds, unknown classes, malformed log keys."""
    approvers = roster.with_role("approver")
    outside = [witness for witness in roster.witnesses if witness.group == "outside"]
    keys = [parse_vkey(line) for line in (roster.archive_log, roster.audit_log, *(w.vkey for w in roster.witnesses))]
    for holds, cause in (
        (_distinct(person.id for person in roster.people), "A roster names a person twice."),
        (_distinct(person.key for person in roster.people), "Two people of a roster share a key."),
        (_distinct(witness.name for witness in roster.witnesses), "A roster names a witness twice."),
        (_distinct(key.public for key in keys), "Two logs or witnesses of a roster share a key."),
        # One witness has one key name under all its keys: an Ed25519 and an ML-DSA-44 key are not two witnesses.
        (_distinct(key.name for key in keys[2:]), "Two witnesses of a roster share a key name."),
        (sum(map(line_bytes, keys[2:])) <= COSIGNATURES_BYTES, "A roster's witnesses make too large notes."),
        (all(key.kind == ED25519 for key in keys[:2]), "A log's key is not one that signs notes."),
        (roster.thresholds.officers <= len(roster.with_role("officer")), "A roster has too few officers."),
        (roster.thresholds.approvals <= len(approvers), "A roster has too few approvers."),
        (roster.thresholds.approval_groups <= len({a.group for a in approvers}), "A roster has too few groups."),
        (roster.witness_quorum.total <= len(roster.witnesses), "A roster has too few witnesses."),
        (roster.witness_quorum.outside <= len(outside), "A roster has too few witnesses outside the company."),
        (roster.default_class in roster.classes, "A roster's default class is none of its classes."),
        (_distinct(roster.classes), "A roster names a class twice."),
    ):
        require(holds, Rule.DSSE_SYNTAX, cause)


def _distinct(items: Iterable[Hashable]) -> bool:
    listed = list(items)
    return len(set(listed)) == len(listed)
