"""Replay of the audit log's leaves: rosters and their age, revocations, and where a statement stands (the gate, 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from tapeline.base.errors import TapelineError
from tapeline.base.rules import Refused, Rule, refusing, require
from tapeline.base.times import MINUTE
from tapeline.governance.auditleaf import parse_audit_leaf, require_text
from tapeline.governance.chain import RosterChain, guarded
from tapeline.governance.dsse import Envelope, parse_envelope
from tapeline.governance.exception import RecordException
from tapeline.governance.revocation import Revocation, Revoked, maker_of
from tapeline.governance.roster import Roster
from tapeline.governance.standing import DECIDING, CaseLeaf
from tapeline.transparency import merkle
from tapeline.transparency.checkpoint import parse_checkpoint
from tapeline.transparency.cosigned import CosignedCheckpoint
from tapeline.transparency.note import split_note
from tapeline.wire.v1.objects_pb2 import AuditLeaf

MAX_NOTES = 64
DATING_TOLERANCE_MS = 10 * MINUTE
NOTHING_SIGHTED: Mapping[bytes, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One leaf as received, and the statement's DSSE where the reader was given it."""

    leaf: bytes
    statement: bytes = b""


@dataclass(frozen=True)
class AuditView:
    """What the audit log says up to a cosigned checkpoint.

    Attributes:
        note: the fresh checkpoint, under which all leaves lie.
        notes: it, and the older ones that were handed in with it; each is a prefix of the same log.
        leaves: in order, parsed.
        leaf_hashes: RFC 6962 leaf hashes, 32 bytes each.
        chain: the rosters, each with the age that the notes prove.
        revoked: the revocations that count.
        about: the leaves that decide how the case stands that the view was made for.
        exceptions: those logged for that case, as far as their texts came along; without one less is released.
    """

    note: CosignedCheckpoint
    notes: tuple[CosignedCheckpoint, ...]
    leaves: tuple[AuditLeaf, ...]
    leaf_hashes: tuple[bytes, ...]
    chain: RosterChain
    revoked: Revoked
    about: tuple[CaseLeaf, ...]
    exceptions: tuple[Envelope, ...]

    @property
    def time_ms(self) -> int:
        """T: the median time of the cosigning quorum."""
        return self.note.median_time_ms

    def index_of(self, kind: str, statement_hash: bytes) -> int | None:
        """Return the first leaf of a statement: logging it again makes no second warrant of it."""
        matches = (
            i for i, leaf in enumerate(self.leaves) if (leaf.kind, leaf.statement_hash) == (kind, statement_hash)
        )
        return next(matches, None)

    def seen_ms(self, index: int) -> int:
        """Return the earliest witnessed time at which a leaf was public."""
        return min(note.median_time_ms for note in self.notes if note.size > index)

    def prefix_root(self, size: int) -> bytes:
        """Return the root of the first `size` leaves, 32 bytes."""
        return merkle.root_of(self.leaf_hashes[:size])


def replay(
    entries: Sequence[AuditEntry],
    note: bytes,
    older_notes: Sequence[bytes],
    pinned_roster: bytes,
    about: bytes = b"",
    sighted: Mapping[bytes, int] = NOTHING_SIGHTED,
) -> AuditView:
    """Return the view of all leaves below a checkpoint.

    An older note that does not hold proves nothing, as if it were not there: whoever makes the package could leave it
    out anyway. One that holds and is of another history is a fork, and refused.

    Args:
        entries: every leaf from 0 on, with the texts of rosters, revocations, and what decides about the case.
        note: cosigned checkpoint of exactly these leaves.
        older_notes: cosigned checkpoints of the same log, which prove the age of leaves; at most 64.
        pinned_roster: statement hash of version 1.
        about: statement hash of the case that is judged; empty for none.
        sighted: when the reader itself first held a roster, by statement hash; counts where no quorum dates it.

    Raises:
        Refused: GATE_CHECKPOINT, ROSTER_CHAIN, DSSE_SYNTAX, or of the wire format.
    """
    require(len(older_notes) <= MAX_NOTES, Rule.GATE_CHECKPOINT, "Too many audit checkpoints come with the package.")
    leaves = tuple(parse_audit_leaf(entry.leaf) for entry in entries)
    notes = (*_in_order(older_notes), note)
    chain, revoked = _replay_statements(entries, leaves, notes, pinned_roster, sighted)
    with refusing(
        Rule.GATE_CHECKPOINT,
        "The audit checkpoint is not cosigned by the quorum in force at its time. A change of witnesses that those "
        "before could not cosign counts only a change delay after this agent first saw it.",
    ):
        chain.verify_audit_note(note)
    verified = tuple(found for found in (_believed(one, chain) for one in notes) if found is not None)
    hashes = tuple(merkle.leaf_hash(entry.leaf) for entry in entries)
    deciding, exceptions = _deciding(entries, leaves, chain, about), _exceptions(entries, leaves, about)
    view = AuditView(verified[-1], verified, leaves, hashes, chain, revoked, deciding, exceptions)
    require(view.note.size == len(entries), Rule.GATE_CHECKPOINT, "The leaves are not all those of the checkpoint.")
    for checkpoint in verified:
        require(
            checkpoint.size <= len(entries) and view.prefix_root(checkpoint.size) == checkpoint.root,
            Rule.GATE_CHECKPOINT,
            "The leaves do not lead to the root of an audit checkpoint.",
        )
    _require_dated(view)
    _require_proven_age(view)
    return view


def believed_notes(
    entries: Sequence[AuditEntry], notes: Sequence[bytes], pinned_roster: bytes
) -> tuple[CosignedCheckpoint, ...]:
    """Return those of some notes that a gate believes which is given them all, and no sight of its own.

    For whoever puts a package together: the others would prove nothing to its reader.

    Raises:
        Refused: ROSTER_CHAIN, DSSE_SYNTAX, or of the wire format.
    """
    leaves = tuple(parse_audit_leaf(entry.leaf) for entry in entries)
    ordered = _in_order(notes)
    chain, _ = _replay_statements(entries, leaves, ordered, pinned_roster, NOTHING_SIGHTED)
    return tuple(found for found in (_believed(note, chain) for note in ordered) if found is not None)


def _require_dated(view: AuditView) -> None:
    """Refuse leaves dated after a checkpoint that holds them: such a change of the roster would never grow old."""
    for note in view.notes:
        latest_ms = max((leaf.time_ms for leaf in view.leaves[: note.size]), default=0)
        require(
            latest_ms <= note.median_time_ms + DATING_TOLERANCE_MS,
            Rule.GATE_CHECKPOINT,
            "An audit leaf is dated more than 10 minutes after a checkpoint that holds it.",
        )


def _require_proven_age(view: AuditView) -> None:
    """Refuse a package that hides how old a change is, to let those who were replaced go on."""
    waiting = view.chain.announced(view.time_ms)
    if waiting is None:
        return
    roster = view.chain.at(waiting)
    index = view.index_of("roster", roster.statement_hash)
    claimed_ms = 0 if index is None else view.leaves[index].time_ms
    require(
        view.time_ms < claimed_ms + view.chain.in_force(view.time_ms).change_delay_ms,
        Rule.GATE_CHECKPOINT,
        "No checkpoint in the package proves the age that a change of approvers or witnesses claims.",
    )


def _replay_statements(
    entries: Sequence[AuditEntry],
    leaves: Sequence[AuditLeaf],
    notes: Sequence[bytes],
    pinned_roster: bytes,
    sighted: Mapping[bytes, int],
) -> tuple[RosterChain, Revoked]:
    chain, revoked = RosterChain.pin(pinned_roster), Revoked()
    for index, (entry, leaf) in enumerate(zip(entries, leaves, strict=True)):
        if leaf.kind == "roster":
            _require_text(entry, leaf)
            chain.add(entry.statement, _public_since(index, entry, notes, chain, sighted))
        elif leaf.kind == Revocation.kind and len(chain):
            _require_text(entry, leaf)
            envelope = parse_envelope(entry.statement, Revocation.kind)
            # One that nobody entitled signed revokes nothing; were it refused, a single such leaf would stop all gates.
            maker = maker_of(envelope, chain.current)
            if maker is not None:
                revoked.add(index, Revocation.parse(envelope), maker)
    require(len(chain) > 0, Rule.ROSTER_CHAIN, "The audit log holds no roster.")
    return chain, revoked


def _deciding(
    entries: Sequence[AuditEntry], leaves: Sequence[AuditLeaf], chain: RosterChain, about: bytes
) -> tuple[CaseLeaf, ...]:
    """Return the leaves that decide about a case; none of them may come without its text."""
    found: list[CaseLeaf] = []
    version = 0
    for index, (entry, leaf) in enumerate(zip(entries, leaves, strict=True)):
        version += leaf.kind == Roster.kind
        if leaf.kind in DECIDING and leaf.about == about and version:
            _require_text(entry, leaf)
            found.append(CaseLeaf(index, parse_envelope(entry.statement, leaf.kind), chain.at(version)))
    return tuple(found)


def _exceptions(entries: Sequence[AuditEntry], leaves: Sequence[AuditLeaf], about: bytes) -> tuple[Envelope, ...]:
    """Return the exceptions logged for a case; one that does not come with its text excepts nothing."""
    found: list[Envelope] = []
    for entry, leaf in zip(entries, leaves, strict=True):
        if (leaf.kind, leaf.about) != (RecordException.kind, about):
            continue
        try:
            envelope = parse_envelope(entry.statement, leaf.kind)
        except TapelineError:
            continue
        if envelope.statement_hash == leaf.statement_hash:
            found.append(envelope)
    return tuple(found)


def _public_since(
    index: int, entry: AuditEntry, notes: Sequence[bytes], chain: RosterChain, sighted: Mapping[bytes, int]
) -> int | None:
    """Return since when a roster that changes guarded parts was public; None where nothing proves it.

    1. The time of the first checkpoint in which the witnesses of the rosters before saw it. The escrow service dates
       its leaves itself, so that their times prove no delay; so do the new witnesses, whom the signers chose.
    2. Where those before never saw it, since they are gone: when this reader first held the roster, by its own clock.
    """
    roster = Roster.parse(entry.statement)
    if not len(chain) or guarded(roster) == guarded(chain.current):
        return None
    for note in notes:  # as they grew
        checkpoint = _believed(note, chain) if _claimed_size(note) > index else None
        if checkpoint is not None:
            return checkpoint.median_time_ms
    return sighted.get(roster.statement_hash)


def _in_order(notes: Sequence[bytes]) -> list[bytes]:
    """Return the notes, each once, by the size that they claim."""
    return sorted(dict.fromkeys(notes), key=_claimed_size)


def _claimed_size(note: bytes) -> int:
    """Return how many leaves a note says that it holds, unverified; -1 where it says nothing."""
    try:
        return parse_checkpoint(split_note(note)[0]).size
    except Refused:
        return -1


def _believed(note: bytes, chain: RosterChain) -> CosignedCheckpoint | None:
    try:
        return chain.verify_audit_note(note)
    except Refused:
        return None


def _require_text(entry: AuditEntry, leaf: AuditLeaf) -> None:
    require(entry.statement != b"", Rule.GATE_CHECKPOINT, f"The text of a {leaf.kind} in the audit log is missing.")
    require(
        parse_envelope(entry.statement, leaf.kind).statement_hash == leaf.statement_hash,
        Rule.GATE_CHECKPOINT,
        "The text of an audit leaf is another's.",
    )
    require_text(leaf, entry.statement)
