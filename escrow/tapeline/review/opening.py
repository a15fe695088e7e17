"""Opening a case from end to end: documents, bundles, roots, messages, recount, judgement."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tapeline.agent.archive import ArchiveReplica
from tapeline.agent.desk import Desk
from tapeline.agent.package import documents, warrants_of, with_records
from tapeline.base.errors import StateError
from tapeline.base.times import Clock
from tapeline.crypto.hpke_open import HpkePrivate
from tapeline.crypto.wire import encode
from tapeline.governance.case import Case
from tapeline.governance.gate import pass_gate_before_ciphertext
from tapeline.governance.gate_input import AgentMemory, BeforeCiphertext, GateInput
from tapeline.governance.gate_records import judge_records
from tapeline.review.bundles import Target, collect
from tapeline.review.combining import Combined, combine_all
from tapeline.review.completeness import Completeness, judge
from tapeline.review.leaves import ReplayedArchive, fetch_leaves, replay_archive
from tapeline.review.messages import ReadMessage, SessionMessages, locate, read_session
from tapeline.review.recount import fetch_from, recount
from tapeline.review.refused import refused_sessions
from tapeline.review.repeats import fold
from tapeline.wire.v1.escrow_pb2 import WarrantPackage


@dataclass(frozen=True, repr=False)
class Opened:
    """What a reviewer has before them; it holds plaintext, so it is redacted and never stored.

    Attributes:
        before: the verified documents.
        messages: of all opened sessions, in the order of the log, each once.
        sessions: the same by session.
        sealed: record hashes that are still sealed.
        completeness: the judgement.
        archive: the replay that everything was held against.
    """

    before: BeforeCiphertext
    messages: tuple[ReadMessage, ...]
    sessions: tuple[SessionMessages, ...]
    sealed: tuple[bytes, ...]
    completeness: Completeness
    archive: ReplayedArchive


def open_case(desk: Desk, case_hash: bytes, case_key: HpkePrivate, memory: AgentMemory, clock: Clock) -> Opened:
    """Open as much of a case as was released so far.

    1. Fetch the warrant's package and pass gate steps 1 to 4 over it: the reviewer too believes nobody.
    2. Replay every leaf of the archive up to a cosigned checkpoint.
    3. Verify every record in full; one that is unsound stays sealed, unless the officers except it, and is named.
    4. Collect the logged bundles, combine partials with q, get the session roots.
    5. Fetch the ciphertext, hold it against the replayed leaves, verify and open it.
    6. Recompute the manifest, fold what was sent again into the first, and judge completeness.

    Raises:
        StateError: no warrant is logged yet.
        Refused: a rule that the documents, the logs or a record break.
    """
    package = fetch_package(desk, case_hash)  # 1
    archive = fetch_archive(desk, package)  # 2
    gate = GateInput.from_package(package, archive.directory, pinned_roster=desk.founding.statement_hash)
    before = pass_gate_before_ciphertext(gate, memory, clock())
    sessions, unsound = judge_records(gate, before, AgentMemory())  # 3
    target = Target(case_hash, case_key, before.warrant_leaf)
    collected = collect(desk.board.bundles(case_hash), desk.audit, target, clock())  # 4
    combined = combine_all(sessions, collected, before.case.firm, before.warrant_leaf)
    read = _read(desk, package, archive, combined)  # 5
    frozen = archive.directory.verify_archive_note(before.manifest.archive_note).size  # 6
    counted = recount(before.case, before.manifest, archive, frozen, fetch_from(desk.relay))
    sealed = (*(session.verified.record_hash for session in combined.sealed), *(one.record_hash for one in unsound))
    refused = refused_sessions(sealed, unsound, collected.left_out)
    shown, doubled = fold(in_order(read))
    judged = judge(
        before.case,
        before.manifest,
        archive,
        counted,
        read,
        sealed,
        combined.problems,
        shown=shown,
        doubled=doubled,
        refused=refused,
        excepted=[one for opened in combined.opened for one in opened.session.excepted],
    )
    return Opened(before, shown, tuple(read), sealed, judged, archive)


def in_order(sessions: Iterable[SessionMessages]) -> list[ReadMessage]:
    """Return all messages read, in the order of the log."""
    return sorted((one for session in sessions for one in session.messages), key=lambda one: one.leaf_index)


def fetch_package(desk: Desk, case_hash: bytes) -> WarrantPackage:
    """Return the newest warrant's package of a case, with all records."""
    desk.audit.sync(desk.board)
    warrants = warrants_of(desk.audit, case_hash)
    if not warrants:
        raise StateError("The case has no warrant yet.", "See what is missing: tapeline reviewer status.")
    return with_records(documents(desk.audit, desk.board, warrants[-1][0]), desk.relay)


def archive_of(desk: Desk, package: WarrantPackage) -> ArchiveReplica:
    """Return the archive's directory, with the memberships that the package's case needs."""
    return desk.archive_for(package.case_statement, tuple(package.approvals))


def fetch_archive(desk: Desk, package: WarrantPackage) -> ReplayedArchive:
    """Return the archive replayed from its leaves and directory pages, both under the same cosigned checkpoint."""
    archive = archive_of(desk, package)
    checkpoint = archive.require_checkpoint()
    leaves = fetch_leaves(desk.relay.deployment().tiles_url, desk.relay.bearer(), checkpoint)
    pinned = {desk.founding.organisation: desk.founding.statement_hash}
    return replay_archive(checkpoint, leaves, archive, pinned, Case.parse(package.case_statement))


def _read(desk: Desk, package: WarrantPackage, archive: ReplayedArchive, combined: Combined) -> list[SessionMessages]:
    if not combined.opened:
        return []
    # The relay passes gate steps 1 to 4 itself; it needs no records for that, and answers for the whole manifest.
    bare = WarrantPackage()
    bare.CopyFrom(package)
    del bare.records[:]
    located = locate(desk.relay.ciphertext(encode(bare)), archive)
    return [read_session(opened, located, archive.directory) for opened in combined.opened]
