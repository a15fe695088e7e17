"""The escrow service fetches complaints from a real relay, logs them, and gives its word; a bad one stops no other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from gov_kit import key
from relay_device_kit import Device, pair
from relay_kit import Deployment, RunningRelay, deployment

from tapeline.agent.remote import Remote
from tapeline.base.errors import NotFound
from tapeline.base.rules import Refused, Rule
from tapeline.base.seam import system_clock
from tapeline.crypto.ack import verify_ack
from tapeline.crypto.login import RELAY
from tapeline.crypto.objects import seal_object
from tapeline.crypto.wire import encode
from tapeline.escrow import complaints
from tapeline.escrow.board import Board
from tapeline.escrow.complaints import ComplaintDesk
from tapeline.escrow.database import open_database
from tapeline.escrow.readers import may_read
from tapeline.escrow.state import BoardState
from tapeline.governance.complaint import read_complaint_text
from tapeline.wire.v1.objects_pb2 import Complaint, SignedObject
from tapeline.wire.v1.relay_pb2 import ComplaintReceipt, FiledComplaints, ReportsRequest
from tapeline.wire.v1.relay_pb2_grpc import MessagingStub


class Scene:
    """Ben may complain about a record; a desk with a board of its own listens to the relay."""

    def __init__(self, ben: Device, record: bytes, board: Board, desk: ComplaintDesk) -> None:
        self.ben, self.record, self.board, self.desk = ben, record, board, desk

    async def complain(self, number: int = 1) -> ComplaintReceipt:
        body = Complaint(
            deployment=self.ben.device.deployment, device_entry=self.ben.device.entry_hash, record_hash=self.record,
            rule="REC-9", time_ms=number,
        )  # fmt: skip
        signed = SignedObject.FromString(seal_object(self.ben.key, "complaint", encode(body)))
        return await MessagingStub(self.ben.relay.channel).Complain(signed, metadata=self.ben.metadata)

    async def logged(self) -> list[bytes]:
        items = await self.board.page(0, 0, 1000, frozenset({"auditor"}))
        return [read_complaint_text(item.dsse).complaint_hash for item in items[1:]]


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Deployment]:
    async with deployment(tmp_path / "relay") as made:
        yield made


@pytest.fixture
async def scene(town: Deployment, tmp_path: Path) -> AsyncIterator[Scene]:
    async with town.relay() as relay:
        ann, ben, conversation = await pair(relay)
        async with ann.line() as line:
            created, _ = ann.seal(conversation)
            await line.send("record", created.record)
        database = open_database(tmp_path / "escrow.db")
        roster = town.rosters["acme"]
        board = Board(database, BoardState(roster.statement_hash), key("acme/escrow"), system_clock)
        await board.load(town.roster_files[0].read_bytes())
        remote = Remote(_address(relay), key("acme/escrow"), origin=roster.archive_origin, audience=RELAY)
        yield Scene(ben, created.record_hash, board, ComplaintDesk(database, board, remote))
        remote.close()
        await database.close()


def _address(relay: RunningRelay) -> str:
    return relay.where["grpc"]


async def test_a_complaint_becomes_a_leaf_and_who_complained_gets_the_escrow_services_word(scene: Scene) -> None:
    receipt = await scene.complain()
    assert not receipt.HasField("logged")
    assert await scene.desk.once() == 1
    assert await scene.logged() == [receipt.complaint]
    told = await scene.complain()
    roster = scene.board.state.roster
    verify_ack(roster.escrow_key, roster.audit_origin, told.logged)
    assert told.logged.index == 1
    assert await scene.desk.once() == 0


async def test_one_that_is_refused_stops_no_other(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    receipts = [await scene.complain(number) for number in range(3)]
    admit = complaints.admit_complaint

    def refuse_the_first(text: bytes):  # type: ignore[no-untyped-def]
        if read_complaint_text(text).time_ms == 0:
            raise Refused(Rule.SIGNATURE, "as if the relay had altered it")
        return admit(text)

    monkeypatch.setattr(complaints, "admit_complaint", refuse_the_first)
    assert await scene.desk.once() == 2
    assert await scene.logged() == [receipt.complaint for receipt in receipts[1:]]
    assert await scene.desk.once() == 0  # behind the last
    monkeypatch.undo()
    assert await scene.desk.once() == 1  # from the start again
    assert receipts[0].complaint in await scene.logged()


async def test_more_than_a_days_quota_waits(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(complaints, "A_DAY", 2)
    for number in range(3):
        await scene.complain(number)
    assert await scene.desk.once() == 2
    assert len(await scene.logged()) == 2


async def test_an_escrow_service_that_starts_again_confirms_what_it_had_logged(scene: Scene) -> None:
    receipt = await scene.complain()
    ask = scene.desk._relay.ask

    def fail(path: str, *arguments: object) -> object:
        if path == "Reports/ConfirmComplaint":
            raise NotFound("the relay went away")
        return ask(path, *arguments)  # type: ignore[arg-type]

    scene.desk._relay.ask = fail  # type: ignore[method-assign, assignment]
    assert await scene.desk.once() == 0
    scene.desk._relay.ask = ask  # type: ignore[method-assign]
    await scene.desk.once()  # behind it
    assert await scene.desk.once() == 1
    assert await scene.logged() == [receipt.complaint]
    assert (await scene.complain()).HasField("logged")


async def test_a_person_may_hand_a_complaint_in_that_the_relay_keeps_back(scene: Scene) -> None:
    receipt = await scene.complain()
    listed = await asyncio.to_thread(scene.desk._relay.ask, "Reports/ListComplaints", ReportsRequest(), FiledComplaints)
    ack = await scene.board.post("complaint", encode(listed.complaints[0].text))
    assert (ack.index, await scene.logged()) == (1, [receipt.complaint])


def test_complaints_are_read_by_those_who_look_after_the_services() -> None:
    assert may_read("complaint", frozenset({"auditor"}))
    assert may_read("complaint", frozenset({"officer"}))
    for role in ("reviewer", "custodian", "approver", "enroller", "legal", "relay"):
        assert not may_read("complaint", frozenset({role}))
