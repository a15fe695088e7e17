"""What a trust policy says, and whether a set of cosigners satisfies it (C2SP tlog-policy)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tapeline.base.rules import Rule, require
from tapeline.transparency.keys import VerifierKey


@dataclass(frozen=True, slots=True)
class PolicyLog:
    """A log that the policy accepts; its key's name is its origin (tlog-policy, Defining a log)."""

    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True, slots=True)
class PolicyWitness:
    """A witness by its name in the policy; the key is one of cosignatures."""

    name: str
    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True, slots=True)
class PolicyGroup:
    """A group, which has witnessed where at least `threshold` of its members have."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """Logs, witnesses, groups in the order of their definition, and the quorum (None for `quorum none`).

    Whoever builds one without the C2SP text may let a witness be a member of several groups.
    Names of octets beyond UTF-8 hold surrogate escapes.
    """

    logs: tuple[PolicyLog, ...]
    witnesses: tuple[PolicyWitness, ...]
    groups: Mapping[str, PolicyGroup]
    quorum: str | None

    def __post_init__(self) -> None:
        # Duplicate means the same public key under whatever name (tlog-policy, Public key representation).
        # A key that stood twice would vote twice, and a log that is its own witness would witness nothing.
        keys = [log.key.public for log in self.logs] + [witness.key.public for witness in self.witnesses]
        require(len(set(keys)) == len(keys), Rule.POLICY_SYNTAX, "Two lines of the policy share a key.")
        names = {witness.name for witness in self.witnesses}
        require(len(names) == len(self.witnesses), Rule.POLICY_SYNTAX, "Two witnesses of the policy share a name.")
        for name, group in self.groups.items():
            sound = names.issuperset(group.members) and 1 <= group.threshold <= len(set(group.members))
            require(sound and name not in names, Rule.POLICY_SYNTAX, "A group of the policy can not be evaluated.")
            names.add(name)
        require(self.quorum is None or self.quorum in names, Rule.POLICY_SYNTAX, "The policy's quorum is not defined.")

    def log_keys(self, origin: str) -> list[VerifierKey]:
        """Return the keys of the logs whose name is `origin`."""
        return [log.key for log in self.logs if log.key.name == origin]

    def is_met_by(self, cosigners: Collection[str]) -> bool:
        """Tell whether the witnesses of these names form a quorum."""
        return self.quorum is None or self._has_witnessed(self.quorum, cosigners)

    def _has_witnessed(self, name: str, cosigners: Collection[str]) -> bool:
        # Members are defined before the group that names them, so this ends.
        group = self.groups.get(name)
        if group is None:
            return name in cosigners
        return sum(self._has_witnessed(member, cosigners) for member in group.members) >= group.threshold
