"""What a trust policy says, and whether a set of cosigners satisfies it (C2SP tlog-policy)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

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
    """A parsed policy; `quorum` is None for `quorum none`. Names of octets beyond UTF-8 hold surrogate escapes."""

    logs: tuple[PolicyLog, ...]
    witnesses: tuple[PolicyWitness, ...]
    groups: Mapping[str, PolicyGroup]
    quorum: str | None

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
