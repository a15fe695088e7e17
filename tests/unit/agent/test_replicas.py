"""Agents' own copies of both logs: every page proven, every text its leaf's, nothing that goes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from agent_kit import LogPort, replica_of
from gov_kit import Archive, Matter, make_roster
from vault_kit import pages_of

from tapeline.agent.archive import ArchiveReplica, CarriedPages
from tapeline.agent.audit import AuditReplica
from tapeline.agent.package import fetch_records
from tapeline.base.errors import NotFound, StateError
from tapeline.base.rules import Refused, Rule
from tapeline.base.times import MINUTE
from tapeline.transparency.checkpoint import parse_checkpoint
from tapeline.transparency.merkle import leaf_hash, verify_inclusion
from tapeline.transparency.note import split_note
from tapeline.wire.v1 import common_pb2 as common
from tapeline.wire.v1 import escrow_pb2 as wire
from tapeline.wire.v1 import objects_pb2 as pb
from tapeline.wire.v1.objects_pb2 import Leaf
from tapeline.wire.v1.relay_pb2 import ArchivedObject, RecordsResponse, SyncPage


@pytest.fixture
def matter() -> Matter:
    return Matter()


# --- the audit log ---------------------------------------------------------------------------------------------------


class Altered(LogPort):
    """A board that shows a page otherwise."""

    def __init__(self, matter: Matter, change: object) -> None:
        super().__init__(matter.audit, matter.now_ms)
        self.change = change

    def sync(self, since: int) -> wire.AuditPage:
        page = super().sync(since)
        if page.items:
            self.change(page)  # type: ignore[operator]
        return page


def refused(matter: Matter, rule: Rule, change: object) -> None:
    with pytest.raises(Refused) as refusal:
        AuditReplica(matter.archive.pinned["acme"]).sync(Altered(matter, change))
    assert refusal.value.rule is rule


def test_a_copy_holds_rosters_and_finds_statements(matter: Matter) -> None:
    replica = replica_of(matter)
    assert replica.roster == matter.roster
    entry = replica.find(matter.warrant.statement_hash)
    assert entry is not None
    assert (entry.kind, entry.index) == ("warrant", matter.warrant_index)
    matter.audit.post("case", matter.case_envelope, matter.now_ms)
    assert replica.sync(LogPort(matter.audit, matter.now_ms)).size == len(matter.audit.log.entries)


@pytest.mark.rule(Rule.GATE_CHECKPOINT)
def test_a_text_that_is_not_its_leafs_is_refused(matter: Matter) -> None:
    def change(page: wire.AuditPage) -> None:
        page.items[-1].dsse = replace(matter.warrant, not_after_ms=matter.warrant.not_after_ms + 1).sign([])

    refused(matter, Rule.GATE_CHECKPOINT, change)


@pytest.mark.rule(Rule.GATE_CHECKPOINT)
def test_leaves_that_do_not_lead_to_the_checkpoint_are_refused(matter: Matter) -> None:
    def change(page: wire.AuditPage) -> None:
        del page.items[-1]

    refused(matter, Rule.GATE_CHECKPOINT, change)


@pytest.mark.rule(Rule.NOTE_QUORUM)
def test_a_checkpoint_without_its_witnesses_is_refused(matter: Matter) -> None:
    class Lonely(LogPort):
        def sync(self, since: int) -> wire.AuditPage:
            page = super().sync(since)
            page.note = self.audit.log.note(self.now_ms, by=("in1",))
            return page

    with pytest.raises(Refused) as refusal:
        AuditReplica(matter.archive.pinned["acme"]).sync(Lonely(matter.audit, matter.now_ms))
    assert refusal.value.rule is Rule.NOTE_QUORUM


@pytest.mark.rule(Rule.GATE_CHECKPOINT)
def test_a_log_that_goes_back_is_refused_and_the_copy_stays(matter: Matter) -> None:
    class Shorter(LogPort):
        def sync(self, since: int) -> wire.AuditPage:
            return wire.AuditPage(note=self.audit.log.note(self.now_ms, size=1), next=since)

    replica = replica_of(matter)
    size = len(replica.entries)
    with pytest.raises(Refused) as refusal:
        replica.sync(Shorter(matter.audit, matter.now_ms))
    assert refusal.value.rule is Rule.GATE_CHECKPOINT
    assert len(replica.entries) == size


@pytest.mark.rule(Rule.ROSTER_CHAIN)
def test_another_firms_log_is_refused(matter: Matter) -> None:
    with pytest.raises(Refused) as refusal:
        AuditReplica(make_roster(default_class="ten-years").statement_hash).sync(LogPort(matter.audit, matter.now_ms))
    assert refusal.value.rule is Rule.ROSTER_CHAIN


def test_a_log_without_a_checkpoint_is_waited_for(matter: Matter) -> None:
    class Young:
        def sync(self, since: int) -> wire.AuditPage:
            return wire.AuditPage(next=since)

    with pytest.raises(StateError) as waiting:
        AuditReplica(matter.archive.pinned["acme"]).sync(Young())
    assert waiting.value.retryable


# --- the archive -----------------------------------------------------------------------------------------------------


def test_a_carried_directory_gives_the_same_facts(matter: Matter) -> None:
    replica = ArchiveReplica(matter.archive.pinned)
    checkpoint = replica.sync(CarriedPages(pages_of(matter.archive)))
    assert checkpoint.size == len(matter.archive.log.entries)
    assert replica.state.devices_of("acme", "ann") == matter.archive.state.devices_of("acme", "ann")
    again = ArchiveReplica(matter.archive.pinned)
    again.sync(CarriedPages(replica.pages))
    assert again.checkpoint == checkpoint


@pytest.mark.rule(Rule.REC_INCLUSION)
def test_a_directory_leaf_that_is_not_proven_is_refused(matter: Matter) -> None:
    page = SyncPage.FromString(pages_of(matter.archive)[0])
    page.items[3].proof[0] = bytes(32)
    with pytest.raises(Refused) as refusal:
        ArchiveReplica(matter.archive.pinned).sync(CarriedPages([page.SerializeToString()]))
    assert refusal.value.rule is Rule.REC_INCLUSION


@pytest.mark.rule(Rule.LOG_INCLUSION)
def test_an_item_outside_its_page_is_refused(matter: Matter) -> None:
    page = SyncPage.FromString(pages_of(matter.archive)[0])
    page.next = page.items[-1].index
    with pytest.raises(Refused) as refusal:
        ArchiveReplica(matter.archive.pinned).sync(CarriedPages([page.SerializeToString()]))
    assert refusal.value.rule is Rule.LOG_INCLUSION


def test_one_object_that_does_not_verify_stops_no_replica(matter: Matter) -> None:
    page = SyncPage.FromString(pages_of(matter.archive)[0])
    spoilt = next(item for item in page.items if pb.Leaf.FromString(item.leaf).type == pb.LEAF_TYPE_PREKEY)
    replica = ArchiveReplica(matter.archive.pinned)
    verify = replica.state.check

    def faulty(type_: int, obj: bytes, **more: int):  # type: ignore[no-untyped-def]
        if obj == spoilt.object:
            raise ValueError("as if this object alone met a fault")
        return verify(type_, obj, **more)

    replica.state.check = faulty  # type: ignore[method-assign]
    replica.sync(CarriedPages([page.SerializeToString()]))
    assert list(replica.quarantined) == [spoilt.index]
    assert replica.state.membership(matter.membership.conversation) == matter.membership


@pytest.mark.rule(Rule.LEAF_TEXT)
def test_an_object_shown_otherwise_than_it_was_logged_is_refused_and_nothing_behind_it_is_taken(matter: Matter) -> None:
    """A signature that is spoilt on the way would make a revocation count for nothing."""
    page = SyncPage.FromString(pages_of(matter.archive)[0])
    spoilt = next(item for item in page.items if pb.Leaf.FromString(item.leaf).type == pb.LEAF_TYPE_PREKEY)
    spoilt.object = spoilt.object[:-1] + bytes([spoilt.object[-1] ^ 1])
    replica = ArchiveReplica(matter.archive.pinned)
    with pytest.raises(Refused) as refusal:
        replica.sync(CarriedPages([page.SerializeToString()]))
    assert refusal.value.rule is Rule.LEAF_TEXT
    assert spoilt.index not in replica.quarantined


def test_a_package_without_a_directory_is_told(matter: Matter) -> None:
    with pytest.raises(NotFound):
        ArchiveReplica(matter.archive.pinned).sync(CarriedPages([]))


# --- records of a package --------------------------------------------------------------------------------------------


class SmallAnswers:
    """A relay that answers one record at a time, while its log grows."""

    def __init__(self, matter: Matter) -> None:
        self.matter = matter
        self.grown: Archive = matter.archive

    def records(self, record_hashes: Sequence[bytes]) -> RecordsResponse:
        self.grown.now_ms += MINUTE
        self.grown.enrol(f"user-{self.grown.now_ms}", prekey=False)
        one = next(r for r in self.matter.records() if Leaf.FromString(r.leaf).object_hash == record_hashes[0])
        shown = ArchivedObject(index=one.index, leaf=one.leaf, object=one.record, proof=one.proof)
        return RecordsResponse(note=self.grown.log.note(self.grown.now_ms), records=[shown])

    def prove(self, indices: Sequence[int], size: int) -> common.ProofResponse:
        assert size == len(self.grown.log.entries)
        proofs = [common.InclusionProof(index=index, hashes=self.grown.log.proof(index)) for index in indices]
        return common.ProofResponse(proofs=proofs)


def test_records_of_several_answers_are_proven_under_one_note(matter: Matter) -> None:
    wanted = [created.record_hash for created, _ in matter.sessions]
    records, note = fetch_records(SmallAnswers(matter), wanted)  # type: ignore[arg-type]
    checkpoint = parse_checkpoint(split_note(note)[0])
    for one in records:
        verify_inclusion(leaf_hash(one.leaf), one.index, checkpoint.size, list(one.proof), checkpoint.root)
    assert [Leaf.FromString(one.leaf).object_hash for one in records] == wanted
