"""Revocations in the archive log: of a firm's devices, keys and people, by that firm's own officers or makers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from tapeline.base.rules import Rule, require
from tapeline.directory.leavers import Leavers
from tapeline.directory.rosters import Rosters
from tapeline.governance.revocation import READMISSION, USER, Maker, Revocation, Revoked, maker_of

DevicesOf = Callable[[tuple[str, str]], Iterable[bytes]]
"""Returns the entry hashes of a user, given as (firm, user), that are in the directory."""


class Revocations:
    """What is revoked, firm by firm: no firm's officers touch another's devices."""

    def __init__(self, rosters: Rosters) -> None:
        self._rosters = rosters
        self._revoked: dict[str, Revoked] = {}
        self.leavers = Leavers()

    def verify(self, obj: bytes) -> Revocation:
        """Return the revocation, signed by somebody of some firm who may make it.

        Raises:
            Refused: DSSE_SYNTAX, DSSE_SIGNATURE, or GATE_REVOKED where the maker is revoked.
        """
        revocation = Revocation.parse(obj)
        makers = self._makers(obj)
        require(
            makers != {},
            Rule.DSSE_SIGNATURE,
            "Neither the maker nor the officers' quorum of any firm signed the revocation.",
        )
        require(
            any(not self._of(firm).ended(maker) for firm, maker in makers.items()),
            Rule.GATE_REVOKED,
            "One who is revoked revokes nothing any more.",
        )
        return revocation

    def add(self, index: int, revocation: Revocation, obj: bytes, devices_of: DevicesOf) -> None:
        """Take a verified revocation for the firms whose people signed it; that of a user ends all devices so far."""
        for firm, maker in self._makers(obj).items():
            revoked, person = self._revoked.setdefault(firm, Revoked()), (firm, revocation.target)
            revoked.add(index, revocation, maker)
            if revocation.target_kind == READMISSION:
                self.leavers.readmit(index, person)
            elif revocation.target_kind == USER:
                self.leavers.leave(index, person)
                for entry_hash in devices_of(person):
                    revoked.add(index, replace(revocation, target_kind="device", target=entry_hash.hex()), maker)

    def index_of(self, firm: str, kind: str, target: bytes | str) -> int | None:
        """Return the leaf from which on the firm's target is revoked, None where it is not."""
        revoked = self._revoked.get(firm)
        return None if revoked is None else revoked.index_of(kind, target)

    def covers(self, firm: str, kind: str, target: bytes | str) -> bool:
        """Tell whether the firm's target is revoked."""
        return self.index_of(firm, kind, target) is not None

    def _of(self, firm: str) -> Revoked:
        return self._revoked.get(firm, Revoked())

    def _makers(self, obj: bytes) -> dict[str, Maker]:
        envelope = Revocation.envelope(obj)
        found = {firm: maker_of(envelope, self._rosters.current(firm)) for firm in self._rosters.firms()}
        return {firm: maker for firm, maker in found.items() if maker is not None}
