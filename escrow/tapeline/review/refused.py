"""Sessions that stay sealed because their records do not verify: in the workspace's eyes, or in a custodian's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tapeline.governance.leftout import LeftOut


@dataclass(frozen=True, slots=True)
class Refusal:
    """A session that escrow refused: the rules it breaks, and who says so."""

    record_hash: bytes
    rules: tuple[str, ...]
    said_by: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """One line for people."""
        who = ", ".join(self.said_by) or "this workspace"
        return f"session {self.record_hash.hex()[:16]} is refused under {', '.join(self.rules)} by {who}"


def refused_sessions(
    sealed: Sequence[bytes], unsound: Sequence[LeftOut], said: Mapping[bytes, Sequence[tuple[str, str]]]
) -> tuple[Refusal, ...]:
    """Return those of the sealed sessions that somebody left out.

    Custodians may differ: a session that enough of them found sound is open, and no longer sealed.

    Args:
        sealed: record hashes.
        unsound: what this workspace itself found.
        said: of the logged releases, who left a record out, and under which rule.
    """
    own = {one.record_hash: one.rule for one in unsound}
    found = []
    for record_hash in sealed:
        told = said.get(record_hash, ())
        rules = [own[record_hash]] if record_hash in own else []
        rules += [rule for _, rule in told]
        if rules:
            who = tuple(dict.fromkeys(name for name, _ in told))
            found.append(Refusal(record_hash, tuple(dict.fromkeys(rules)), who))
    return tuple(found)
