"""What the audit log says so far: the newest roster, what is revoked, and each case with what belongs to it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from tapeline.base.errors import NotFound
from tapeline.escrow.store import Stored
from tapeline.governance.case import Case
from tapeline.governance.certificate import EscrowCertificate
from tapeline.governance.chain import RosterChain
from tapeline.governance.dsse import parse_envelope
from tapeline.governance.release import Release, VaultRelease
from tapeline.governance.revocation import Revocation, Revoked, maker_of
from tapeline.governance.roster import Roster
from tapeline.governance.standing import CaseLeaf, Ledger, Standing, standing_of
from tapeline.governance.warrant import Warrant
from tapeline.transparency.merkle import leaf_hash


@dataclass(frozen=True, slots=True)
class LoggedWarrant:
    """A warrant with the place and the RFC 6962 hash of its audit leaf."""

    warrant: Warrant
    position: int
    leaf_hash: bytes


@dataclass
class CaseFile:
    """A case and what was posted about it."""

    case: Case
    dsse: bytes
    leaves: list[CaseLeaf] = field(default_factory=list)  # those that decide how it stands
    warrants: list[LoggedWarrant] = field(default_factory=list)
    releases: set[bytes] = field(default_factory=set)  # statement hashes
    released: set[tuple[bytes, str, bytes]] = field(default_factory=set)  # warrant leaf, who, record hash


class BoardState:
    """Grows with each leaf; every statement was verified before it became one."""

    def __init__(self, pinned_roster: bytes) -> None:
        self.chain = RosterChain.pin(pinned_roster)
        self.revoked = Revoked()
        self.rosters: list[bytes] = []
        self.certificates: list[tuple[EscrowCertificate, bytes]] = []
        self._cases: dict[bytes, CaseFile] = {}
        self._apply = defaultdict(
            lambda: self._ignore,
            {
                "roster": self._roster,
                "escrow-key": self._certificate,
                "revocation": self._revocation,
                "case": self._case,
                "approval": self._deciding,
                "rejection": self._deciding,
                "withdrawal": self._deciding,
                "closing": self._deciding,
                "warrant": self._warrant,
                "release": self._release,
                "vault-release": self._vault_release,
            },
        )

    @property
    def roster(self) -> Roster:
        """The newest roster."""
        return self.chain.current

    def newest_epoch(self, retention_class: str) -> int:
        """Return the newest certified epoch of a class, 0 where there is none."""
        of_class = (one for one, _ in self.certificates if one.retention_class == retention_class)
        return max((one.epoch for one in of_class), default=0)

    def case(self, case_hash: bytes) -> CaseFile:
        """Return a case's file.

        Raises:
            NotFound: no such case was posted.
        """
        found = self._cases.get(case_hash)
        if found is None:
            raise NotFound("The board has no such case.", "File it: tapeline reviewer file.")
        return found

    def standing(self, file: CaseFile, at_ms: int) -> Standing:
        """Return how a case stands now."""
        ledger = Ledger.of(self.chain, self.revoked, at_ms)
        return standing_of(Case.envelope(file.dsse), file.leaves, ledger)

    def apply(self, stored: Stored) -> None:
        """Take a stored statement."""
        self._apply[stored.kind](stored)

    def _roster(self, stored: Stored) -> None:
        self.chain.add(stored.dsse, stored.time_ms)
        self.rosters.append(stored.dsse)

    def _certificate(self, stored: Stored) -> None:
        self.certificates.append((EscrowCertificate.parse(stored.dsse), stored.dsse))

    def _revocation(self, stored: Stored) -> None:
        envelope = Revocation.envelope(stored.dsse)
        maker = maker_of(envelope, self.roster)
        if maker is not None:
            self.revoked.add(stored.position, Revocation.parse(envelope), maker)

    def _case(self, stored: Stored) -> None:
        self._cases[stored.statement_hash] = CaseFile(Case.parse(stored.dsse), stored.dsse)
        self._deciding(stored)

    def _deciding(self, stored: Stored) -> None:
        envelope = parse_envelope(stored.dsse, stored.kind)
        self._cases[stored.about].leaves.append(CaseLeaf(stored.position, envelope, self.roster))

    def _warrant(self, stored: Stored) -> None:
        warrant = Warrant.parse(stored.dsse)
        self._cases[warrant.case].warrants.append(LoggedWarrant(warrant, stored.position, leaf_hash(stored.leaf)))

    def _release(self, stored: Stored) -> None:
        release = Release.parse(stored.dsse)
        self._remember(release, release.custodian)

    def _vault_release(self, stored: Stored) -> None:
        self._remember(VaultRelease.parse(stored.dsse), "")

    def _remember(self, release: VaultRelease, who: str) -> None:
        file = self._cases[release.case]
        file.releases.add(release.statement_hash)
        file.released.update((release.warrant_leaf, who, record_hash) for record_hash in release.record_hashes)

    def _ignore(self, stored: Stored) -> None:
        del stored
