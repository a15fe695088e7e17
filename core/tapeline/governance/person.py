"""A roster's rows: people with roles and keys, witnesses, and the log policy that the witnesses form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self

from tapeline.base.ed25519 import PUBLIC_BYTES, is_public_key
from tapeline.base.rules import Refused, Rule, require
from tapeline.governance.jsonform import Fields, Json
from tapeline.transparency.keys import MAX_KEY_TEXT, parse_vkey
from tapeline.transparency.quorum import Policy, PolicyGroup, PolicyLog, PolicyWitness

ROLES = ("officer", "enroller", "custodian", "approver", "reviewer", "auditor", "legal")
HPKE_PUBLIC_BYTES = 1216
"""ML-KEM-768 (1184) ‖ X25519 (32), protocol, Keys."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the roster.

    Attributes:
        id: unique in the roster; equals the person's user name in the messenger where there is one, which is how
            "no subject approves" is judged.
        name: for people to read.
        roles: of `ROLES`.
        group: of custodians and approvers, such as "works council".
        key: Ed25519, 32 bytes.
        hpke: 1216 bytes, or empty.
    """

    id: str
    name: str
    roles: frozenset[str]
    group: str
    key: bytes
    hpke: bytes = b""

    def payload(self) -> dict[str, Json]:
        """Return the JSON row."""
        return {
            "id": self.id,
            "name": self.name,
            "roles": [role for role in ROLES if role in self.roles],
            "group": self.group,
            "key": self.key.hex(),
            "hpke": self.hpke.hex(),
        }

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Build the person from a JSON row; roles stand in the order of `ROLES`."""
        roles = fields.names("roles", limit=len(ROLES))
        ordered = tuple(role for role in ROLES if role in roles)
        require(roles == ordered != (), Rule.DSSE_SYNTAX, "A person's roles are none, unknown, doubled or unsorted.")
        return cls(
            id=fields.name("id"),
            name=fields.name("name"),
            roles=frozenset(roles),
            group=fields.text("group", limit=64),
            key=fields.check("key", fields.hex("key", PUBLIC_BYTES), is_public_key),
            hpke=fields.hex("hpke", HPKE_PUBLIC_BYTES, optional=True),
        )


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness: its name in the policy, its vkey line, where it listens ("" if unknown), "inside" or "outside"."""

    name: str
    vkey: str
    url: str
    group: str

    def payload(self) -> dict[str, Json]:
        """Return the JSON row."""
        return {"name": self.name, "vkey": self.vkey, "url": self.url, "group": self.group}

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Build the witness from a JSON row."""
        return cls(
            name=fields.name("name"),
            vkey=fields.check("vkey", fields.text("vkey", limit=MAX_KEY_TEXT), is_vkey),
            url=fields.text("url", limit=1024),
            group=fields.choice("group", ("inside", "outside")),
        )


def log_policy(log_vkey: str, witnesses: Sequence[Witness], total: int, outside: int) -> Policy:
    """Return the policy: `total` of all witnesses, of them at least `outside` from outside the company.

    A witness counts in both groups. C2SP's policy text has no way to say that, since there each name is a member
    once; its evaluation, which this is, has.
    """
    members = tuple(PolicyWitness(w.name, parse_vkey(w.vkey).as_cosigner(), w.url or None) for w in witnesses)
    # Witnesses and groups share one space of names; no witness's name starts with a space.
    groups = (
        PolicyGroup(" outside", outside, tuple(w.name for w in witnesses if w.group == "outside")),
        PolicyGroup(" total", total, tuple(w.name for w in witnesses)),
        PolicyGroup(" quorum", 2, (" outside", " total")),
    )
    table = MappingProxyType({group.name: group for group in groups})
    return Policy((PolicyLog(parse_vkey(log_vkey)),), members, table, " quorum")


def is_vkey(text: str) -> bool:
    """Tell whether a text is a verifier key of notes."""
    try:
        parse_vkey(text)
    except Refused:
        return False
    return True
