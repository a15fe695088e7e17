"""Somebody with a role, or a member that was removed, wants to learn from the relay who talks with whom."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from gov_kit import Archive, Matter, make_approval, make_case, sign
from relay_device_kit import Device, enrol
from relay_kit import RunningRelay, deployment, refusals
from vault_kit import pages_of

from tapeline.agent.archive import ArchiveReplica, CarriedPages
from tapeline.base.errors import MalformedInput, NotFound
from tapeline.base.rules import Refused, Rule
from tapeline.base.seam import system_clock
from tapeline.base.times import DAY, HOUR
from tapeline.governance.case import Case, Subject, Window
from tapeline.review.leaves import replay_archive
from tapeline.wire.v1 import objects_pb2 as pb
from tapeline.wire.v1.relay_pb2 import CaseDirectoryRequest, ConversationRequest, SaltsRequest, SyncPage, SyncRequest
from tapeline.wire.v1.relay_pb2_grpc import DirectoryStub, ReviewStub

PEOPLE = {"olga": "officer", "enid": "enroller", "abel": "approver", "rita": "reviewer"}


@dataclass
class Office:
    """Three people on a real relay: Ann with Ben, who is removed and then gone; Ann with Cyd."""

    relay: RunningRelay
    ann: Device
    ben: Device
    cyd: Device
    with_ben: bytes
    with_cyd: bytes

    async def people(self, name: str) -> list[tuple[str, str]]:
        return await self.relay.person(name)

    def case(self) -> Case:
        now = system_clock()
        return make_case(
            subjects=(Subject("acme", "cyd"),), window=Window(now - HOUR, now + HOUR), created_ms=now,
            expires_ms=now + DAY,
        )  # fmt: skip

    def approvals(self, case: Case, *names: str) -> list[bytes]:
        now = system_clock()
        made = [make_approval(case, name, created_ms=now, expires_ms=now + DAY) for name in names]
        return [sign(one, f"acme/{one.approver}") for one in made]


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with deployment(tmp_path / "relay") as town, town.relay() as relay:
        await relay.certify()
        ann, ben, cyd = [await enrol(relay, user) for user in ("ann", "ben", "cyd")]
        with_ben = await ann.converse(("acme", "ben"))
        await ann.converse(("acme", "ben"), ("acme", "cyd"), previous=ann.state.membership(with_ben))
        await ann.converse(("acme", "cyd"), previous=ann.state.membership(with_ben))  # ben is removed
        await ann.converse(previous=ann.state.membership(with_ben))  # and cyd
        with_cyd = await ann.converse(("acme", "cyd"))
        yield Office(relay, ann, ben, cyd, with_ben, with_cyd)


def statements(page: SyncPage) -> list[bytes]:
    """The hashes of the membership leaves on a page."""
    leaves = [pb.Leaf.FromString(item.leaf) for item in page.items]
    return [leaf.object_hash for leaf in leaves if leaf.type == pb.LEAF_TYPE_MEMBERSHIP]


@pytest.mark.parametrize("name", sorted(PEOPLE))
async def test_a_role_alone_shows_no_conversation(office: Office, name: str) -> None:
    who = await office.people(name)
    stub = DirectoryStub(office.relay.channel)
    everything = [await stub.Sync(SyncRequest(), metadata=who)]
    everything += [await stub.Sync(SyncRequest(conversation=office.with_ben), metadata=who)]
    assert everything[0].items  # rosters, devices, prekeys
    assert [statements(page) for page in everything] == [[], []]
    if name != "enid":
        with pytest.raises(NotFound):
            async with refusals():
                await stub.GetConversation(ConversationRequest(conversation=office.with_cyd), metadata=who)


async def test_those_who_judge_records_see_all(office: Office) -> None:
    stub = DirectoryStub(office.relay.channel)
    for name in ("carl", "aura"):
        who = await office.people(name)
        assert len(statements(await stub.Sync(SyncRequest(), metadata=who))) == 5


async def test_a_removed_member_sees_nothing_later_than_the_removal(office: Office) -> None:
    stub = DirectoryStub(office.relay.channel)
    for request in (SyncRequest(), SyncRequest(conversation=office.with_ben)):
        assert len(statements(await stub.Sync(request, metadata=office.ben.metadata))) == 3  # not the fourth
    with pytest.raises(NotFound):
        async with refusals():
            await stub.GetConversation(ConversationRequest(conversation=office.with_ben), metadata=office.ben.metadata)
    await office.cyd.sync()
    assert len(office.cyd.state.conversations_of("acme", "cyd", former=True)) == 2  # late, with the chain from genesis


async def test_a_reviewer_sees_what_an_approved_case_is_about(office: Office) -> None:
    case, rita = office.case(), await office.people("rita")
    review = ReviewStub(office.relay.channel)
    signed = sign(case, "acme/rita")
    for approvals in ([], office.approvals(case, "abel")):
        pages = CaseDirectoryRequest(case_dsse=signed, approvals=approvals)
        salts = SaltsRequest(case_dsse=signed, approvals=approvals)
        for asked in (review.SyncCase(pages, metadata=rita), review.GetSalts(salts, metadata=rita)):
            with pytest.raises(Refused) as caught:
                async with refusals():
                    await asked
            assert caught.value.rule is Rule.APPROVAL_QUORUM
    enough = office.approvals(case, "abel", "adah")
    page = await review.SyncCase(CaseDirectoryRequest(case_dsse=signed, approvals=enough), metadata=rita)
    assert len(statements(page)) == 5  # cyd was in both
    of_ben = replace(case, subjects=(Subject("acme", "ben"),))
    request = CaseDirectoryRequest(
        case_dsse=sign(of_ben, "acme/rita"), approvals=office.approvals(of_ben, "abel", "adah")
    )
    assert len(statements(await review.SyncCase(request, metadata=rita))) == 4  # not Ann's with Cyd
    asked = SaltsRequest(case_dsse=request.case_dsse, approvals=request.approvals)
    opened = await review.GetSalts(asked, metadata=rita)
    assert [one.id for one in opened.conversations] == [office.with_ben]


# --- what the reviewer is not shown, it proves to be of no concern ---------------------------------------------------


def without(archive: Archive, *hidden: int) -> ArchiveReplica:
    page = SyncPage.FromString(pages_of(archive)[0])
    kept = [item for item in page.items if item.index not in hidden]
    del page.items[:]
    page.items.extend(kept)
    replica = ArchiveReplica(archive.pinned)
    replica.sync(CarriedPages([page.SerializeToString()]))
    return replica


def test_a_relay_cannot_pass_a_subjects_conversation_off_as_anothers() -> None:
    matter = Matter()
    archive = matter.archive
    cyd, _ = archive.enrol("cyd"), archive.enrol("dot")
    archive.converse(cyd, ("acme", "dot"))
    foreign = len(archive.leaves) - 1
    own = next(index for index, (leaf, _) in enumerate(archive.leaves) if leaf.type == pb.LEAF_TYPE_MEMBERSHIP)
    note = archive.state.verify_archive_note(archive.log.note(archive.now_ms))
    leaves, pinned = archive.log.entries, archive.pinned
    replayed = replay_archive(note, leaves, without(archive, foreign), pinned, matter.case)
    assert replayed.directory.conversations_of("acme", "dot") == []
    assert replayed.directory.next_index == archive.state.next_index
    with pytest.raises(MalformedInput, match="withholds"):
        replay_archive(note, leaves, without(archive, own), pinned, matter.case)
    named = replace(matter.case, conversations=(matter.membership.conversation,))
    with pytest.raises(MalformedInput, match="names"):
        replay_archive(note, leaves, without(archive, own), pinned, named)
