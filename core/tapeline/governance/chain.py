"""Roster versions, each signed by its predecessor's quorum too, and which of them is in force at a time."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from tapeline.base.errors import NotFound
from tapeline.base.rules import Refused, Rule, require
from tapeline.governance.dsse import Envelope
from tapeline.governance.person import Person, Witness
from tapeline.governance.roster import Roster, Thresholds, WitnessQuorum
from tapeline.transparency.cosigned import CosignedCheckpoint, verify_cosigned

SHOWN = 16
"""Hexadecimal digits of a hash that a person compares at a glance."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """The parts of a roster that change only after a delay: approvers and witnesses, and what weakens them."""

    approvers: tuple[Person, ...]
    approvals: int
    approval_groups: int
    witnesses: tuple[Witness, ...]
    witness_quorum: WitnessQuorum
    archive_log: str
    audit_log: str
    publication_delay_ms: int
    change_delay_ms: int


def guarded(roster: Roster) -> Guarded:
    """Return the guarded parts of one version."""
    thresholds: Thresholds = roster.thresholds
    return Guarded(
        approvers=roster.with_role("approver"),
        approvals=thresholds.approvals,
        approval_groups=thresholds.approval_groups,
        witnesses=roster.witnesses,
        witness_quorum=roster.witness_quorum,
        archive_log=roster.archive_log,
        audit_log=roster.audit_log,
        publication_delay_ms=roster.publication_delay_ms,
        change_delay_ms=roster.change_delay_ms,
    )


@dataclass(frozen=True, slots=True)
class _Period:
    """From `since_ms` on, until the next period, the guarded parts of `roster` count."""

    since_ms: float
    roster: Roster


class RosterChain:
    """One firm's rosters from the pinned first one on."""

    def __init__(self, first_hash: bytes) -> None:
        self._first_hash = first_hash
        self._rosters: list[Roster] = []
        self._periods: list[_Period] = []

    @classmethod
    def pin(cls, first_hash: bytes) -> RosterChain:
        """Return an empty chain that takes only the version 1 of that statement hash."""
        return cls(first_hash)

    def copy(self) -> RosterChain:
        """Return a chain that grows apart from this one."""
        other = RosterChain(self._first_hash)
        other._rosters, other._periods = list(self._rosters), list(self._periods)
        return other

    def __len__(self) -> int:
        return len(self._rosters)

    def verify(self, envelope: Envelope | bytes) -> Roster:
        """Return the next version, verified, without taking it.

        Raises:
            Refused: DSSE_SYNTAX or ROSTER_CHAIN.
        """
        parsed = Roster.envelope(envelope)
        roster = Roster.parse(parsed)
        if not self._rosters:
            require(parsed.statement_hash == self._first_hash, Rule.ROSTER_CHAIN, self._not_pinned(roster))
            require(
                (roster.version, roster.previous) == (1, b""), Rule.ROSTER_CHAIN, "The pinned roster is no version 1."
            )
        else:
            _require_successor(self.current, roster, parsed)
        require(roster.has_officers_quorum(parsed), Rule.ROSTER_CHAIN, "Too few officers of the roster signed it.")
        return roster

    def _not_pinned(self, roster: Roster) -> str:
        given, pinned = roster.statement_hash.hex()[:SHOWN], self._first_hash.hex()[:SHOWN]
        if roster.version > 1:
            return (
                f"This is version {roster.version} of {roster.organisation}'s roster; version 1 ({pinned}…) is pinned "
                "here, and later ones come out of the log: give version 1."
            )
        return (
            f"Another roster is pinned here: version 1 ({pinned}…); given is version 1 ({given}…) of "
            f"{roster.organisation}, another deployment: give the one that is pinned, or begin with an empty folder."
        )

    def add(self, envelope: Envelope | bytes, seen_ms: int | None) -> Roster:
        """Verify and take the next version.

        Args:
            envelope: DSSE.
            seen_ms: when it provably was public; None where its age is unproven, so that its guarded parts wait.
        """
        roster = self.verify(envelope)
        self._rosters.append(roster)
        self._schedule(roster, inf if seen_ms is None else seen_ms)
        return roster

    def _schedule(self, roster: Roster, seen_ms: float) -> None:
        if not self._periods:
            self._periods = [_Period(-inf, roster)]  # governance, Roles: no delay applies to version 1
            return
        begun = [period for period in self._periods if period.since_ms <= seen_ms]
        waiting = [period for period in self._periods if period.since_ms > seen_ms]
        if waiting and guarded(waiting[-1].roster) == guarded(roster):
            return
        # Whatever was waiting is withdrawn by a version that says otherwise.
        self._periods = begun
        if guarded(begun[-1].roster) != guarded(roster):
            # A shorter delay is a guarded change itself: the delay in force when it became public counts.
            self._periods = [*begun, _Period(seen_ms + begun[-1].roster.change_delay_ms, roster)]

    @property
    def current(self) -> Roster:
        """The newest version; its guarded parts may not be in force yet.

        Raises:
            NotFound: the chain is empty.
        """
        if not self._rosters:
            raise NotFound("No roster is known yet.", "Fetch the deployment's rosters.")
        return self._rosters[-1]

    def at(self, version: int) -> Roster:
        """Return a version by number.

        Raises:
            NotFound: not known.
        """
        if not 1 <= version <= len(self._rosters):
            raise NotFound("That version of the roster is not known.", "Fetch the newest directory leaves.")
        return self._rosters[version - 1]

    def by_hash(self, statement_hash: bytes) -> Roster | None:
        """Return the version of a statement hash."""
        return next((roster for roster in self._rosters if roster.statement_hash == statement_hash), None)

    def in_force(self, at_ms: int) -> Guarded:
        """Return the approvers, witnesses and delays that count at a time (governance, table, roster)."""
        return guarded(self._roster_in_force(at_ms))

    def announced(self, at_ms: int) -> int | None:
        """Return the version whose guarded parts are public but not yet in force, for people to see."""
        waiting = [period.roster.version for period in self._periods if period.since_ms > at_ms]
        return waiting[-1] if waiting else None

    def _roster_in_force(self, at_ms: int) -> Roster:
        self.current  # noqa: B018 (an empty chain has no answer)
        return next(period.roster for period in reversed(self._periods) if period.since_ms <= at_ms)

    def verify_archive_note(self, note: bytes) -> CosignedCheckpoint:
        """Return the archive checkpoint, cosigned by the quorum in force at its own median time.

        Raises:
            Refused: NOTE_SYNTAX, NOTE_SIGNATURE or NOTE_QUORUM.
        """
        return self._verify_note(note, archive=True)

    def verify_audit_note(self, note: bytes) -> CosignedCheckpoint:
        """Return the audit checkpoint, cosigned by the quorum in force at its own median time.

        Raises:
            Refused: NOTE_SYNTAX, NOTE_SIGNATURE or NOTE_QUORUM.
        """
        return self._verify_note(note, archive=False)

    def _verify_note(self, note: bytes, *, archive: bool) -> CosignedCheckpoint:
        # A note's time is known only after a policy verified it: try each period's, newest first, and believe the
        # one that was in force at the time that its own witnesses tell.
        refusal = Refused(Rule.NOTE_QUORUM, "No witnesses in force at that time cosigned the checkpoint.")
        for period in reversed(self._periods):
            try:
                checkpoint = _verify_under(note, period.roster, archive=archive)
            except Refused as refused:
                refusal = refused
                continue
            if self._roster_in_force(checkpoint.median_time_ms) is period.roster:
                return checkpoint
        raise refusal


def _verify_under(note: bytes, roster: Roster, *, archive: bool) -> CosignedCheckpoint:
    if archive:
        return verify_cosigned(note, roster.archive_policy(), log_origin=roster.archive_origin)
    return verify_cosigned(note, roster.audit_policy(), log_origin=roster.audit_origin)


def _require_successor(before: Roster, roster: Roster, envelope: Envelope) -> None:
    require(
        (roster.version, roster.previous) == (before.version + 1, before.statement_hash),
        Rule.ROSTER_CHAIN,
        f"Version {roster.version} does not follow the newest one, version {before.version}.",
    )
    require(
        (roster.deployment, roster.organisation) == (before.deployment, before.organisation),
        Rule.ROSTER_CHAIN,
        "The roster is another deployment's or organisation's.",
    )
    # As in TUF: the old quorum hands over, the new one accepts.
    require(before.has_officers_quorum(envelope), Rule.ROSTER_CHAIN, "Too few officers of the roster before signed it.")
