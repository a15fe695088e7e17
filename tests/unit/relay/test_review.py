"""Review over gRPC: manifests, records, salts, ciphertext through the gate, exports."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
import structlog
from gov_kit import key, make_approval, make_case, sign
from relay_device_kit import Device, Line, enrol, pair
from relay_kit import Deployment, RunningRelay, refusals

from tapeline.base.errors import MalformedInput, PermissionRefused
from tapeline.base.rules import Refused, Rule
from tapeline.base.seam import system_clock
from tapeline.base.times import DAY, HOUR, MINUTE
from tapeline.crypto.ids import tag, user_id
from tapeline.crypto.record.parse import parse_record
from tapeline.governance.approval import Rejection
from tapeline.governance.auditleaf import make_audit_leaf
from tapeline.governance.case import Case, Subject, Window
from tapeline.governance.closing import Closing
from tapeline.governance.dsse import parse_envelope, signer
from tapeline.governance.gate import pass_gate_before_ciphertext
from tapeline.governance.gate_input import BeforeCiphertext
from tapeline.governance.manifest import Manifest, verify_manifest
from tapeline.governance.warrant import Warrant
from tapeline.transparency.merkle import leaf_hash, verify_inclusion
from tapeline.wire.v1 import objects_pb2 as pb
from tapeline.wire.v1.escrow_pb2 import ArchivedRecord, AuditItem, WarrantPackage
from tapeline.wire.v1.relay_pb2 import (
    ArchivedObject,
    CiphertextRequest,
    ManifestRequest,
    RecordsRequest,
    SaltsRequest,
    SyncRequest,
)
from tapeline.wire.v1.relay_pb2_grpc import ReviewStub

Metadata = list[tuple[str, str]]


@dataclass
class Matter:
    """A case over a conversation that really went over the relay."""

    town: Deployment
    relay: RunningRelay
    ann: Device
    conversation: bytes
    case: Case
    messages: list[bytes]
    rita: Metadata

    @property
    def stub(self) -> ReviewStub:
        return ReviewStub(self.relay.channel)

    @property
    def case_dsse(self) -> bytes:
        return sign(self.case, "acme/rita")

    def approvals(self, *approvers: str) -> list[bytes]:
        now = system_clock()
        made = (make_approval(self.case, name, created_ms=now, expires_ms=now + DAY) for name in approvers)
        return [sign(approval, f"acme/{approval.approver}") for approval in made]

    async def manifest(self, *approvers: str) -> bytes:
        names = approvers or ("abel", "adah")
        request = ManifestRequest(case_dsse=self.case_dsse, approvals=self.approvals(*names))
        async with refusals():
            return (await self.stub.FreezeManifest(request, metadata=self.rita)).manifest

    async def package(
        self,
        manifest: bytes,
        *,
        age_ms: int = 2 * HOUR,
        by: str = "acme/escrow",
        later: Sequence[tuple[str, bytes]] = (),
    ) -> WarrantPackage:
        """Log a warrant and put the package together, as the escrow service does; the audit log is that old."""
        now, audit = system_clock(), self.town.audits["acme"]
        approvals = self.approvals("abel", "adah")
        hashes = sorted(parse_envelope(one, "approval").statement_hash for one in approvals)
        warrant = Warrant(
            case=self.case.statement_hash, approvals=tuple(hashes),
            manifest=Manifest.parse(manifest).statement_hash, created_ms=now, not_after_ms=now + DAY,
        ).sign([signer(key(by))])  # fmt: skip
        roster_text = self.town.roster_files[0].read_bytes()
        leaves = [("roster", roster_text), ("case", self.case_dsse), *(("approval", one) for one in approvals)]
        leaves += [("warrant", warrant), *later]
        texts = {index: text for index, (kind, text) in enumerate(leaves) if kind != "warrant"}
        for kind, text in leaves:
            audit.append(make_audit_leaf(parse_envelope(text, kind), now - age_ms))
        items = [
            AuditItem(index=index, leaf=leaf, dsse=texts.get(index, b"")) for index, leaf in enumerate(audit.entries)
        ]
        await self.ann.sync()
        return WarrantPackage(
            warrant=warrant, case_statement=self.case_dsse, approvals=approvals, manifest=manifest,
            audit_note=audit.note(now), audit_leaves=items, archive_note=self.ann.note,
            publication_notes=[audit.note(now - age_ms)],
        )  # fmt: skip

    async def ciphertext(self, package: WarrantPackage) -> list[bytes]:
        request = CiphertextRequest(warrant_package=package.SerializeToString())
        async with refusals():
            note = self.ann.state.verify_archive_note(package.archive_note)
            found = []
            async for one in self.stub.GetCiphertext(request, metadata=self.rita):
                verify_inclusion(leaf_hash(one.leaf), one.index, note.size, list(one.proof), note.root)
                found.append(one.object)
            return found


@pytest.fixture
async def matter(tmp_path) -> object:  # type: ignore[no-untyped-def]
    """A relay whose audit log holds nothing but what the test logs, so that indices are known."""
    from relay_kit import deployment

    async with deployment(tmp_path / "relay") as town, town.relay() as relay:
        ann, _, conversation = await pair(relay)
        town.audits["acme"] = type(town.audits["acme"])("acme.example/audit")
        async with ann.line() as line:
            messages = await _talk(ann, line, conversation)
        now = system_clock()
        case = replace(
            make_case(), subjects=(Subject("acme", "ben"),), conversations=(),
            window=Window(now - HOUR, now + HOUR), created_ms=now, expires_ms=now + DAY,
        )  # fmt: skip
        yield Matter(town, relay, ann, conversation, case, messages, await relay.person("rita"))


async def _talk(device: Device, line: Line, conversation: bytes) -> list[bytes]:
    chain = await device.open(line, conversation)
    messages = [device.message(chain, f"line {number}") for number in range(3)]
    for message in messages:
        ack = await line.send("message", message)
    await device.sync(ack.index)
    return messages


async def test_the_manifest_lists_what_is_in_scope(matter: Matter) -> None:
    frozen = await matter.manifest()
    manifest = verify_manifest(frozen, matter.town.rosters["acme"], case=matter.case.statement_hash)
    assert [row.messages for row in manifest.sessions] == [3]
    note = matter.ann.state.verify_archive_note(manifest.archive_note)
    assert manifest.sessions[0].leaf_index < note.size
    matter.case = replace(matter.case, subjects=(Subject("acme", "somebody"),))
    empty = Manifest.parse(await matter.manifest())
    assert empty.sessions == ()
    now = system_clock()
    matter.case = replace(matter.case, subjects=(Subject("acme", "ann"),), window=Window(now - DAY, now - HOUR))
    assert Manifest.parse(await matter.manifest()).sessions == ()


@pytest.mark.rule(Rule.APPROVAL_QUORUM)
async def test_no_manifest_without_the_quorum(matter: Matter) -> None:
    with pytest.raises(Refused) as caught:
        await matter.manifest("abel")
    assert caught.value.rule is Rule.APPROVAL_QUORUM


async def test_only_a_reviewer_asks_for_a_manifest(matter: Matter) -> None:
    matter.rita = await matter.relay.person("carl")
    with pytest.raises(PermissionRefused):
        await matter.manifest()
    matter.rita = matter.ann.metadata
    with pytest.raises(PermissionRefused):
        await matter.manifest()


async def test_records_come_with_proofs(matter: Matter) -> None:
    manifest = Manifest.parse(await matter.manifest())
    asked = [row.record_hash for row in manifest.sessions] + [b"x" * 64]
    answer = await matter.stub.GetRecords(RecordsRequest(record_hashes=asked), metadata=matter.rita)
    note = matter.ann.state.verify_archive_note(answer.note)
    assert [parse_record(one.object).record_hash for one in answer.records] == asked[:1]
    for one in answer.records:
        verify_inclusion(leaf_hash(one.leaf), one.index, note.size, list(one.proof), note.root)


async def test_salts_of_the_case_are_opened(matter: Matter) -> None:
    request = SaltsRequest(case_dsse=matter.case_dsse, approvals=matter.approvals("abel", "adah"))
    answer = await matter.stub.GetSalts(request, metadata=matter.rita)
    state = matter.ann.state
    assert [salt.id for salt in answer.conversations] == [matter.conversation]
    assert state.conversation_by_tag(answer.conversations[0].tag) == matter.conversation
    user = user_id(state.deployment, "acme", "ben")
    assert [(salt.id, salt.tag) for salt in answer.users] == [(user, tag(state.user_salt("acme", "ben"), user))]


async def test_a_warrant_gets_the_ciphertext_of_its_sessions(matter: Matter) -> None:
    package = await matter.package(await matter.manifest())
    assert await matter.ciphertext(package) == matter.messages
    manifest = Manifest.parse(package.manifest)
    answer = await matter.stub.GetRecords(
        RecordsRequest(record_hashes=[manifest.sessions[0].record_hash]), metadata=matter.rita
    )
    package.archive_note = answer.note
    package.records.append(
        ArchivedRecord(
            index=answer.records[0].index, leaf=answer.records[0].leaf,
            record=answer.records[0].object, proof=answer.records[0].proof,
        )
    )  # fmt: skip
    assert await matter.ciphertext(package) == matter.messages


async def test_only_messages_of_the_window_are_handed_out(matter: Matter) -> None:
    async with matter.ann.line() as line:
        await line.delivered(5)
        last = pb.Leaf.FromString(line.deliveries[-1].ack.leaf).relay_time_ms
        while system_clock() <= last + 5:  # noqa: ASYNC110 (the clock is what is waited for)
            await asyncio.sleep(0.005)
        matter.case = replace(matter.case, window=Window(last - HOUR, last + 1))
        await _talk(matter.ann, line, matter.conversation)
    package = await matter.package(await matter.manifest())
    assert await matter.ciphertext(package) == matter.messages


async def test_a_message_after_the_window_stays_in_a_session_that_is_within_it(matter: Matter) -> None:
    """The session is in the manifest, so that only the window keeps its later message back."""
    async with matter.ann.line() as line:
        chain = await matter.ann.open(line, matter.conversation)
        inside = matter.ann.message(chain, "within")
        ack = await line.send("message", inside)
        end = pb.Leaf.FromString(ack.leaf).relay_time_ms + 1
        while system_clock() <= end + 5:  # noqa: ASYNC110 (the clock is what is waited for)
            await asyncio.sleep(0.005)
        last = await line.send("message", matter.ann.message(chain, "beyond"))
        await matter.ann.sync(last.index)
    matter.case = replace(matter.case, window=Window(end - HOUR, end))
    package = await matter.package(await matter.manifest())
    assert await matter.ciphertext(package) == [*matter.messages, inside]


@pytest.mark.rule(Rule.GATE_CHECKPOINT)
@pytest.mark.parametrize("flaw", ["another's note", "too many leaves"])
async def test_junk_is_refused_before_the_gate_looks_at_it(
    matter: Matter, flaw: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = await matter.package(await matter.manifest())
    if flaw == "another's note":
        package.audit_note = package.archive_note
    else:
        package.audit_leaves.extend([AuditItem(index=1, leaf=package.audit_leaves[1].leaf)] * 25_000)
    monkeypatch.setattr("tapeline.relay.services.warranted.pass_gate_before_ciphertext", lambda *_: pytest.fail("ran"))
    with pytest.raises(Refused) as caught:
        await matter.ciphertext(package)
    assert caught.value.rule is Rule.GATE_CHECKPOINT


@pytest.mark.rule(Rule.GATE_MANIFEST)
async def test_no_ciphertext_of_a_session_that_the_manifest_does_not_list(matter: Matter) -> None:
    package = await matter.package(await matter.manifest())
    package.records.append(ArchivedRecord(leaf=pb.Leaf(object_hash=bytes(64)).SerializeToString()))
    with pytest.raises(Refused) as caught:
        await matter.ciphertext(package)
    assert caught.value.rule is Rule.GATE_MANIFEST


async def test_a_package_that_does_not_decode_is_its_senders_fault(matter: Matter) -> None:
    package = await matter.package(await matter.manifest())
    package.records.append(ArchivedRecord(leaf=b"\xff"))
    requests = [CiphertextRequest(warrant_package=data) for data in (b"\xff\xff", package.SerializeToString())]
    with structlog.testing.capture_logs() as events:
        for request in requests:
            with pytest.raises(MalformedInput):
                async with refusals():
                    await matter.stub.GetCiphertext(request, metadata=matter.rita).read()
    assert [event for event in events if event["log_level"] == "error"] == []


async def test_messages_pass_while_the_gate_judges(matter: Matter, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate waits for a message that is accepted and cosigned meanwhile: under the writer's lock it never ended."""
    package = await matter.package(await matter.manifest())
    went_on, began = threading.Event(), threading.Event()

    def slow(*arguments: Any) -> BeforeCiphertext:
        began.set()
        assert went_on.wait(20)
        return pass_gate_before_ciphertext(*arguments)

    monkeypatch.setattr("tapeline.relay.services.warranted.pass_gate_before_ciphertext", slow)
    asked = asyncio.create_task(matter.ciphertext(package))
    await asyncio.to_thread(began.wait, 20)
    async with matter.ann.line() as line:
        chain = await matter.ann.open(line, matter.conversation)
        ack = await line.send("message", matter.ann.message(chain))
        await matter.ann.sync(ack.index)
    went_on.set()
    assert await asked == matter.messages


@pytest.mark.rule(Rule.GATE_DELAY)
async def test_no_ciphertext_before_the_publication_delay(matter: Matter) -> None:
    package = await matter.package(await matter.manifest(), age_ms=MINUTE)
    with pytest.raises(Refused) as caught:
        await matter.ciphertext(package)
    assert caught.value.rule is Rule.GATE_DELAY


@pytest.mark.rule(Rule.GATE_WARRANT)
async def test_no_ciphertext_under_a_warrant_that_escrow_did_not_sign(matter: Matter) -> None:
    package = await matter.package(await matter.manifest(), by="acme/rita")
    with pytest.raises(Refused) as caught:
        await matter.ciphertext(package)
    assert caught.value.rule is Rule.GATE_WARRANT


@pytest.mark.parametrize(("kind", "rule"), [("rejection", Rule.GATE_STANDING), ("closing", Rule.GATE_CLOSED)])
async def test_no_ciphertext_against_a_rejection_or_after_closing(kind: str, rule: Rule, matter: Matter) -> None:
    case, now = matter.case.statement_hash, system_clock()
    word = {
        "rejection": sign(Rejection(case, "abel", "too wide", now + 1), "acme/abel"),
        "closing": sign(Closing(case, "rita", "", (), (), True, now), "acme/rita"),
    }[kind]
    package = await matter.package(await matter.manifest(), later=[(kind, word)])
    with pytest.raises(Refused) as caught:
        await matter.ciphertext(package)
    assert caught.value.rule is rule


@pytest.mark.rule(Rule.GATE_CHECKPOINT)
async def test_the_relays_gate_remembers_the_audit_log(matter: Matter) -> None:
    package = await matter.package(await matter.manifest())
    await matter.ciphertext(package)
    matter.town.audits["acme"] = type(matter.town.audits["acme"])("acme.example/audit")
    forked = await matter.package(await matter.manifest(), age_ms=3 * HOUR)
    with pytest.raises(Refused) as caught:
        await matter.ciphertext(forked)
    assert caught.value.rule is Rule.GATE_CHECKPOINT


async def test_an_auditor_exports_everything(matter: Matter) -> None:
    metadata = await matter.relay.person("aura")
    exported = [one async for one in matter.stub.ExportArchive(SyncRequest(), metadata=metadata)]
    assert [one.index for one in exported] == list(range(len(exported)))
    assert [one.object for one in exported][-3:] == matter.messages
    part = [one async for one in matter.stub.ExportArchive(SyncRequest(since=2, limit=3), metadata=metadata)]
    assert [one.index for one in part] == [2, 3, 4]
    with pytest.raises(PermissionRefused):
        await _first(matter.stub.ExportArchive(SyncRequest(), metadata=matter.rita))


async def _first(stream: AsyncIterable[ArchivedObject]) -> ArchivedObject:
    async with refusals():
        return await anext(aiter(stream))


async def test_a_case_opens_no_salts_of_conversations_of_other_firms_alone(tmp_path) -> None:  # type: ignore[no-untyped-def]
    from relay_kit import deployment

    async with deployment(tmp_path / "two", ("acme", "bolt")) as town, town.relay() as running:
        ann = await enrol(running, "ann")
        for user, firm in (("ben", "acme"), ("bob", "bolt")):
            await enrol(running, user, firm)
        inside, shared = await ann.converse(("acme", "ben")), await ann.converse(("bolt", "bob"))
        now = system_clock()
        case = make_case(
            firm="bolt", window=Window(now - HOUR, now + HOUR), created_ms=now, expires_ms=now + DAY,
        )  # fmt: skip
        rita = await running.person("rita", "bolt")
        for named in ((), (inside, shared)):
            asked = replace(case, conversations=named)
            made = (make_approval(asked, one, created_ms=now, expires_ms=now + DAY) for one in ("abel", "adah"))
            approvals = [sign(one, f"bolt/{one.approver}") for one in made]
            request = SaltsRequest(case_dsse=sign(asked, "bolt/rita"), approvals=approvals)
            async with refusals():
                answer = await ReviewStub(running.channel).GetSalts(request, metadata=rita)
            assert [salt.id for salt in answer.conversations] == [shared]
