"""The firms' rosters as the archive log states them, each chain from its pinned first version."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping

from tapeline.base.errors import NotFound
from tapeline.base.rules import Rule, require
from tapeline.governance.chain import RosterChain
from tapeline.governance.roster import Roster


class Rosters:
    """One chain for each pinned firm; the first firm pinned is the archive's own, whose policy its notes obey."""

    def __init__(self, pinned: Mapping[str, bytes]) -> None:
        if not pinned:
            raise ValueError("at least one roster is pinned")
        self._home = next(iter(pinned))
        self._chains = {firm: RosterChain.pin(first) for firm, first in pinned.items()}
        self._indices: dict[str, list[int]] = {firm: [] for firm in pinned}

    def verify(self, obj: bytes) -> Roster:
        """Return the next roster of its firm, verified but not taken.

        Raises:
            Refused: DSSE_SYNTAX or ROSTER_CHAIN.
        """
        claimed = Roster.parse(obj)
        chain = self._chains.get(claimed.organisation)
        require(chain is not None, Rule.ROSTER_CHAIN, "A roster of a firm that is not pinned.")
        roster = claimed if chain is None else chain.verify(obj)
        others = [other.current.deployment for other in self._chains.values() if len(other)]
        require(
            all(roster.deployment == deployment for deployment in others),
            Rule.ROSTER_CHAIN,
            "The roster is another deployment's.",
        )
        return roster

    def add(self, index: int, roster: Roster, obj: bytes, leaf_time_ms: int) -> None:
        """Take a verified roster; the leaf's time is when it became public."""
        self._chains[roster.organisation].add(obj, leaf_time_ms)
        self._indices[roster.organisation].append(index)

    @property
    def home(self) -> RosterChain:
        """The chain of the archive's own firm."""
        return self._chains[self._home]

    def chain(self, firm: str) -> RosterChain:
        """Return a firm's chain.

        Raises:
            NotFound: the firm is not pinned, or has no roster yet.
        """
        chain = self._chains.get(firm)
        if chain is None or not len(chain):
            raise NotFound("No roster of that firm is known.", "Fetch the newest directory leaves.")
        return chain

    def knows(self, firm: str) -> bool:
        """Tell whether a firm has a roster."""
        return firm in self._chains and len(self._chains[firm]) > 0

    def current(self, firm: str, *, below: int | None = None) -> Roster:
        """Return a firm's newest roster, or the newest whose leaf lies below an index."""
        chain = self.chain(firm)
        version = len(chain) if below is None else bisect_left(self._indices[firm], below)
        return chain.at(max(version, 1))

    def firms(self) -> list[str]:
        """Return the firms that have a roster."""
        return [firm for firm in self._chains if self.knows(firm)]
