"""Roster versions, each signed by its predecessor's quorum too, and which of them is in force at a time."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from tapeline.base.errors import NotFound
from tapeline.base.rules import Refused, Rule, require
from tapeline.base.times import MINUTE
from tapeline.governance.dsse import Envelope
from tapeline.governance.person import Person, Witness
from tapeline.governance.roster import Roster, Thresholds, WitnessQuorum
from tapeline.transparency.cosigned import CosignedCheckpoint, verify_cosigned
from tapeline.transparency.keys import parse_vkey

OVERLAP_MS = 10 * MINUTE
"""How long witnesses are asked after their time; as much as leaves and witnesses may differ in their dates."""

SHOWN = 16
"""Hexadecimal digits of a hash that a person compares at a glance."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """The parts of a roster that change only after a delay: approvers, enrollers, witnesses, and what weakens them."""

    approvers: tuple[Person, ...]
    enrollers: tuple[Person, ...]
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
        enrollers=roster.with_role("enroller"),
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
    parts: Guarded


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
        parts = guarded(roster)
        if not self._periods:
            self._periods = [_Period(-inf, roster, parts)]  # governance, Roles: no delay applies to version 1
            return
        begun = [period for period in self._periods if period.since_ms <= seen_ms]
        waiting = [period for period in self._periods if period.since_ms > seen_ms]
        if waiting and waiting[-1].parts == parts:
            return
        # Whatever was waiting is withdrawn by a version that says otherwise.
        self._periods = begun
        if begun[-1].parts != parts:
            # A shorter delay is a guarded change itself: the delay in force when it became public counts.
            self._periods = [*begun, _Period(seen_ms + begun[-1].roster.change_delay_ms, roster, parts)]

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
        """Return the approvers, enrollers, witnesses and delays that count at a time (governance, table, roster)."""
        return self._period_at(at_ms).parts

    def announced(self, at_ms: int) -> int | None:
        """Return the version whose guarded parts are public but not yet in force, for people to see."""
        waiting = [period.roster.version for period in self._periods if period.since_ms > at_ms]
        return waiting[-1] if waiting else None

    def counts_from(self, at_ms: int) -> int | None:
        """Return when the guarded parts that are announced at a time come into force; None where none are, or never."""
        waiting = [period.since_ms for period in self._periods if at_ms < period.since_ms < inf]
        return int(waiting[-1]) if waiting else None

    def witnesses_to_ask(self, at_ms: int) -> tuple[Witness, ...]:
        """Return whose cosignatures a checkpoint of a time may need: the witnesses in force, and all announced ones.

        Those whose time is over are asked for 10 minutes more, since readers date a change by different clocks.
        """
        begun = [period.since_ms <= at_ms - OVERLAP_MS for period in self._periods]
        first = max(begun.count(True) - 1, 0)
        listed = [witness for period in self._periods[first:] for witness in period.roster.witnesses]
        return tuple({(parse_vkey(one.vkey).public, one.url): one for one in listed}.values())

    def _period_at(self, at_ms: int) -> _Period:
        self.current  # noqa: B018 (an empty chain has no answer)
        return next(period for period in reversed(self._periods) if period.since_ms <= at_ms)

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

    def verify_announced_audit_note(self, note: bytes, at_ms: int) -> CosignedCheckpoint:
        """Return an audit checkpoint that the version in force at a time, or one announced since, may vouch for.

        It shows that a statement stands in the audit log, no more: what counts is dated by `verify_audit_note`.

        Raises:
            Refused: NOTE_SYNTAX, NOTE_SIGNATURE or NOTE_QUORUM.
        """
        return self._verify_coming(note, archive=False, after=self._period_at(at_ms).roster.version - 1)

    def verify_coming_archive_note(self, note: bytes, *, after: int) -> CosignedCheckpoint:
        """Return an archive checkpoint cosigned by the witnesses of a version above `after`, whenever it is in force.

        For whoever knows a version from its signatures alone, not since when it was public: the leaves below this
        checkpoint tell, and `verify_archive_note` then judges by them.

        Raises:
            Refused: NOTE_SYNTAX, NOTE_SIGNATURE or NOTE_QUORUM.
        """
        return self._verify_coming(note, archive=True, after=after)

    def _verify_coming(self, note: bytes, *, archive: bool, after: int) -> CosignedCheckpoint:
        refusal = Refused(Rule.NOTE_QUORUM, "No witnesses of a newer roster cosigned the checkpoint.")
        tried: list[Guarded] = []
        for roster in reversed(self._rosters[after:]):
            if guarded(roster) in tried:
                continue
            tried.append(guarded(roster))
            try:
                return _verify_under(note, roster, archive=archive)
            except Refused as refused:
                refusal = refused
        raise refusal

    def _verify_note(self, note: bytes, *, archive: bool) -> CosignedCheckpoint:
        # A note's time is known only after a policy verified it: try each period's, newest first, and believe the
        # one that was in force at the time that its own witnesses tell.
        refusal = Refused(Rule.NOTE_QUORUM, "No witnesses in force at that time cosigned the checkpoint.")
        tried: dict[tuple[object, ...], CosignedCheckpoint | None] = {}  # most periods share their witnesses
        for period in reversed(self._periods):
            parts = period.parts
            policy = (parts.witnesses, parts.witness_quorum, parts.archive_log if archive else parts.audit_log)
            if policy not in tried:
                try:
                    tried[policy] = _verify_under(note, period.roster, archive=archive)
                except Refused as refused:
                    tried[policy], refusal = None, refused
            checkpoint = tried[policy]
            if checkpoint is not None and self._period_at(checkpoint.median_time_ms) is period:
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
