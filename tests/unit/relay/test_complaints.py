"""Complaints: kept as signed, about what their device has seen, listed for the escrow service and confirmed by it."""

from __future__ import annotations

import pytest
from gov_kit import key
from relay_device_kit import Device, Line, enrol, pair, resign
from relay_kit import RunningRelay, refusals

from tapeline.base.errors import LimitExceeded, NotFound
from tapeline.base.rules import Refused, Rule
from tapeline.base.seam import system_clock
from tapeline.crypto.ack import sign_ack
from tapeline.crypto.message.verify import parse_message
from tapeline.crypto.objects import seal_object
from tapeline.crypto.wire import encode
from tapeline.governance.complaint import read_complaint_text
from tapeline.relay.services import complaints
from tapeline.wire.v1.objects_pb2 import Ack, AuditLeaf, Complaint, SignedObject
from tapeline.wire.v1.relay_pb2 import ComplaintLogged, ComplaintReceipt, FiledComplaint, ReportsRequest
from tapeline.wire.v1.relay_pb2_grpc import MessagingStub, ReportsStub


async def complain(
    device: Device, record_hash: bytes = b"", message_hash: bytes = b"", **changes: object
) -> ComplaintReceipt:
    values: dict[str, object] = {
        "deployment": device.device.deployment,
        "device_entry": device.device.entry_hash,
        "record_hash": record_hash,
        "message_hash": message_hash,
        "rule": "REC-9",
        "time_ms": 1,
        **changes,
    }
    signed = seal_object(device.key, "complaint", encode(Complaint(**values)))  # type: ignore[arg-type]
    stub = MessagingStub(device.relay.channel)
    async with refusals():
        return await stub.Complain(SignedObject.FromString(signed), metadata=device.metadata)


async def listed(relay: RunningRelay, since: int = 0) -> list[FiledComplaint]:
    metadata = await relay.person("escrow")
    answer = await ReportsStub(relay.channel).ListComplaints(ReportsRequest(since=since), metadata=metadata)
    return list(answer.complaints)


async def confirm(relay: RunningRelay, complaint: bytes, logged: Ack) -> None:
    metadata = await relay.person("escrow")
    async with refusals():
        request = ComplaintLogged(complaint=complaint, logged=logged)
        await ReportsStub(relay.channel).ConfirmComplaint(request, metadata=metadata)


def logged(complaint: bytes, *, by: str = "acme/escrow", kind: str = "complaint") -> Ack:
    leaf = encode(AuditLeaf(kind=kind, statement_hash=complaint, time_ms=system_clock(), text_hash=bytes(64)))
    return Ack(index=7, leaf=leaf, signature=sign_ack(key(by), "acme.example/audit", 7, leaf))


async def open_session(ann: Device, line: Line, conversation: bytes) -> tuple[bytes, Ack]:
    created, _ = ann.seal(conversation)
    ack: Ack = await line.send("record", created.record)
    return created.record_hash, ack


async def test_complaints_are_listed_with_their_devices_until_they_are_confirmed(relay: RunningRelay) -> None:
    ann, ben, conversation = await pair(relay)
    async with ann.line() as line:
        created, chain = ann.seal(conversation)
        await line.send("record", created.record)
        message = ann.message(chain)
        await line.send("message", message)
    one = (await complain(ben, created.record_hash)).complaint
    two = (await complain(ben, created.record_hash, parse_message(message).message_hash)).complaint
    again = await complain(ben, created.record_hash)
    assert (again.complaint, again.HasField("logged")) == (one, False)
    found = await listed(relay)
    assert [read_complaint_text(encode(each.text)).complaint_hash for each in found] == [one, two]
    assert [each.number for each in await listed(relay, found[0].number)] == [found[1].number]
    word = logged(one)
    await confirm(relay, one, word)
    await confirm(relay, one, logged(one))  # the first word stays
    assert (await complain(ben, created.record_hash)).logged == word
    assert [each.number for each in await listed(relay)] == [found[1].number]


async def test_a_complaint_names_what_its_device_could_see(relay: RunningRelay) -> None:
    ann, ben, conversation = await pair(relay)
    eve = await enrol(relay, "eve")
    async with ann.line() as line:
        record, _ = await open_session(ann, line, conversation)
    for device, record_hash, message_hash in ((eve, record, b""), (ben, b"r" * 64, b""), (ben, record, b"m" * 64)):
        with pytest.raises(NotFound):
            await complain(device, record_hash, message_hash)
    assert await listed(relay) == []


async def test_only_the_escrow_services_word_confirms_a_complaint(relay: RunningRelay) -> None:
    ann, ben, conversation = await pair(relay)
    async with ann.line() as line:
        record, _ = await open_session(ann, line, conversation)
    one = (await complain(ben, record)).complaint
    for wrong, rule in (
        (logged(one, by="acme/relay"), Rule.ACK_SIGNATURE),
        (logged(b"o" * 64), Rule.LEAF_TAG),
        (logged(one, kind="roster"), Rule.LEAF_TAG),
    ):
        with pytest.raises(Refused) as refusal:
            await confirm(relay, one, wrong)
        assert refusal.value.rule is rule
    with pytest.raises(NotFound):
        await confirm(relay, b"x" * 64, logged(b"x" * 64))
    assert len(await listed(relay)) == 1


@pytest.mark.rule(Rule.ACK_SIGNATURE)
async def test_a_complaint_about_the_relays_word_holds_what_the_relay_signed(relay: RunningRelay) -> None:
    ann, ben, conversation = await pair(relay)
    async with ann.line() as line:
        _, ack = await open_session(ann, line, conversation)
    await complain(ben, acks=[ack])
    ack.signature = bytes(64)
    with pytest.raises(Refused) as refusal:
        await complain(ben, acks=[ack])
    assert refusal.value.rule is Rule.ACK_SIGNATURE


async def test_a_device_complains_so_often_a_day_and_no_oftener(
    relay: RunningRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(complaints, "A_DAY", 3)
    ann, ben, conversation = await pair(relay)
    async with ann.line() as line:
        _, ack = await open_session(ann, line, conversation)
    for number in range(3):
        await complain(ben, acks=[ack], time_ms=number)
    with pytest.raises(LimitExceeded):
        await complain(ben, acks=[ack], time_ms=4)
    await complain(ben, acks=[ack], time_ms=1)  # which is there already
    await complain(ann, acks=[ack])


@pytest.mark.rule(Rule.SIGNATURE)
async def test_a_complaint_in_anothers_name_is_refused(relay: RunningRelay) -> None:
    ann, ben, conversation = await pair(relay)
    async with ann.line() as line:
        record, _ = await open_session(ann, line, conversation)
    with pytest.raises(Refused) as refusal:
        await complain(ben, record, device_entry=ann.device.entry_hash)
    assert refusal.value.rule is Rule.SIGNATURE
    ben.number = 9  # signs with another key from here on
    with pytest.raises(Refused) as refusal:
        await complain(ben, record)
    assert refusal.value.rule is Rule.SIGNATURE


async def test_forks_are_exported_to_auditors(relay: RunningRelay) -> None:
    ann, _, conversation = await pair(relay)
    async with ann.line() as line:
        created, chain = ann.seal(conversation)
        _, fork_chain = ann.seal(conversation)
        await line.send("record", created.record)
        await line.send("message", ann.message(chain, "as agreed"))
        fork = resign(ann, ann.message(fork_chain, "never agreed"), created.record_hash)
        with pytest.raises(Refused):
            await line.send("message", fork)
    metadata = await relay.person("aura")
    stub = ReportsStub(relay.channel)
    (found,) = [item async for item in stub.ExportForks(ReportsRequest(), metadata=metadata)]
    assert (found.record_hash, found.message) == (created.record_hash, fork)
    assert [item async for item in stub.ExportForks(ReportsRequest(since=1), metadata=metadata)] == []
