"""The notes of a package: those its reader believes, also where the board keeps others, and after years of rosters."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pytest
from agent_kit import replica_of
from gov_kit import OFFICERS, T0, Archive, Matter, make_roster, sign, sign_roster, successor, witness

from tapeline.agent.archive import ArchiveReplica
from tapeline.agent.package import documents
from tapeline.base.times import DAY, HOUR, MINUTE
from tapeline.directory.state import DIRECTORY_TYPES
from tapeline.governance.audit_replay import MAX_NOTES, replay
from tapeline.governance.exception import RecordException
from tapeline.governance.roster import Roster
from tapeline.transparency.checkpoint import parse_checkpoint
from tapeline.transparency.note import split_note
from tapeline.wire.v1 import common_pb2 as common
from tapeline.wire.v1 import objects_pb2 as pb
from tapeline.wire.v1.relay_pb2 import DirectoryItem, SyncPage


class Notes:
    """A board that keeps these notes and hands out the earliest of a size."""

    def __init__(self, *notes: bytes) -> None:
        self.notes = notes

    def prove(self, indices: Sequence[int], size: int = 0) -> common.ProofResponse:
        assert not indices
        held = [note for note in self.notes if parse_checkpoint(split_note(note)[0]).size >= size]
        return common.ProofResponse(note=held[0])


def packaged(matter: Matter, *notes: bytes) -> tuple[bytes, ...]:
    """The notes of the matter's package, which its reader believes together with the newest."""
    replica = replica_of(matter)
    assert replica.checkpoint is not None
    entry = replica.find(matter.warrant.statement_hash)
    assert entry is not None
    package = documents(replica, Notes(*notes, replica.checkpoint.raw), entry)  # type: ignore[arg-type]
    found = tuple(package.publication_notes)
    view = replay(matter.audit.entries(), package.audit_note, found, matter.archive.pinned["acme"])
    assert {one.raw for one in view.notes} == {*found, package.audit_note}
    return found


@pytest.fixture
def matter() -> Matter:
    return logged(Matter())


def logged(made: Matter) -> Matter:
    """The matter with the texts that its warrant names on the board."""
    for kind, envelope in (
        ("case", made.case_envelope),
        ("manifest", made.manifest_envelope),
        *(("approval", one) for one in made.approvals),
    ):
        made.audit.post(kind, envelope, made.filed_ms)
    made.older_notes = [made.audit.log.note(made.filed_ms + MINUTE)]
    return made


def test_a_package_carries_the_exceptions_for_its_case_and_no_others(matter: Matter) -> None:
    texts = [
        sign(RecordException(case, bytes(64), "REC-6", "A leaf was withheld.", T0), *OFFICERS)
        for case in (matter.case.statement_hash, bytes(64))
    ]
    places = [matter.audit.post("exception", text, matter.now_ms) for text in texts]
    replica = replica_of(matter)
    assert replica.checkpoint is not None
    entry = replica.find(matter.warrant.statement_hash)
    assert entry is not None
    package = documents(replica, Notes(*matter.older_notes, replica.checkpoint.raw), entry)  # type: ignore[arg-type]
    carried = {item.index: item.dsse for item in package.audit_leaves}
    assert [carried[place] for place in places] == [texts[0], b""]


def test_a_note_that_only_announced_witnesses_cosigned_stays_at_the_board(matter: Matter) -> None:
    change = successor(matter.roster, witnesses=(witness("in1"), witness("late1")))
    matter.audit.post("roster", sign_roster(change), matter.now_ms - 30 * MINUTE)
    log = matter.audit.log
    unsound = log.note(matter.now_ms - 29 * MINUTE, by=("in1", "late1"))
    matter.audit.post("roster", sign_roster(successor(change)), matter.now_ms - 10 * MINUTE)
    sound = log.note(matter.now_ms - 9 * MINUTE)
    matter.audit.post("roster", sign_roster(successor(successor(change))), matter.now_ms - 5 * MINUTE)
    assert set(packaged(matter, *matter.older_notes, unsound, sound)) == {*matter.older_notes, sound}


def test_years_of_rosters_leave_room_for_what_dates_the_witnesses(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a note for each of the newest rosters alone, the one that dates a change of witnesses would fall out."""
    first = make_roster(change_delay_ms=HOUR)
    matter = logged(Matter(roster=first))
    log, roster, notes = matter.audit.log, matter.roster, [*matter.older_notes]
    at_ms = matter.now_ms
    by = ("in1", "out1")
    for number in range(MAX_NOTES + 6):
        at_ms += DAY
        changes: dict[str, object] = {"publication_delay_ms": HOUR + number}
        if number == 1:
            changes["witnesses"] = (witness("in1"), witness("late1"), witness("late2"))
        roster = successor(roster, **changes)
        matter.audit.post("roster", sign_roster(roster), at_ms)
        notes.append(log.note(at_ms + MINUTE, by=by))
        if number == 1:
            by = ("in1", "late1")
    matter.now_ms = at_ms + DAY
    monkeypatch.setattr(log, "note", partial(log.note, by=by))
    found = packaged(matter, *notes)
    assert len(found) <= MAX_NOTES
    assert notes[2] in found  # the one that dates the change of witnesses


def test_a_carried_directory_may_name_the_witnesses_of_its_first_page_on_its_last() -> None:
    """All pages of one sync show the newest note; the roster that names its witnesses may stand far behind."""
    archive = Archive()
    archive.enrol("ann")
    later: Roster = successor(archive.rosters["acme"], witnesses=(witness("late1"), witness("late2")))
    archive.now_ms += MINUTE
    archive.publish(pb.LEAF_TYPE_ROSTER, sign_roster(later))
    archive.now_ms += 73 * HOUR
    archive.enrol("ben")
    note = archive.log.note(archive.now_ms, by=("late1", "late2"))

    class Pages:
        def sync(self, since: int) -> SyncPage:
            items = [
                DirectoryItem(index=index, leaf=archive.log.entries[index], object=obj, proof=archive.log.proof(index))
                for index, (leaf, obj) in enumerate(archive.leaves)
                if leaf.type in DIRECTORY_TYPES and since <= index < since + 1
            ]
            return SyncPage(note=note, items=items, next=min(since + 1, len(archive.leaves)))

    replica = ArchiveReplica(archive.pinned)
    assert replica.sync(Pages()).raw == note
    assert len(replica.state.rosters.home) == 2
    assert len(replica.pages) == len(archive.leaves)
