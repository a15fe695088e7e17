"""The directory over gRPC: pages with proofs, publishing, mirroring, proofs."""

from __future__ import annotations

import grpc
import pytest
from gov_kit import CLASS, make_certificate, sign_certificate
from relay_device_kit import device_entry, enrol, pair
from relay_kit import Deployment, RunningRelay, login, refusals, until

from tapeline.base.errors import NotFound, PermissionRefused, TapelineError, Unauthenticated
from tapeline.base.rules import Refused, Rule
from tapeline.base.seam import system_clock
from tapeline.base.times import DAY
from tapeline.crypto.ack import verify_ack
from tapeline.crypto.login import RELAY, sign_login
from tapeline.crypto.signing import SigningKey
from tapeline.transparency.merkle import leaf_hash, verify_consistency, verify_inclusion
from tapeline.wire.v1 import objects_pb2 as pb
from tapeline.wire.v1.common_pb2 import ChallengeRequest, ConsistencyRequest, LoginRequest, ProofRequest
from tapeline.wire.v1.common_pb2_grpc import LoginStub
from tapeline.wire.v1.relay_pb2 import (
    ConversationRequest,
    DeploymentRequest,
    MirrorRequest,
    PublishRequest,
    SyncRequest,
)
from tapeline.wire.v1.relay_pb2_grpc import BootstrapStub, DirectoryStub


async def test_bootstrap_tells_the_rosters(town: Deployment, relay: RunningRelay) -> None:
    told = await BootstrapStub(relay.channel).GetDeployment(DeploymentRequest())
    assert list(told.rosters) == [town.roster_files[0].read_bytes()]
    assert (told.archive_origin, told.tiles_url) == ("archive.example", relay.where["http"])
    assert told.deployment == town.rosters["acme"].deployment


async def test_an_object_published_again_gets_the_same_acknowledgement(relay: RunningRelay) -> None:
    ann = await enrol(relay, "ann", prekey=False)
    stub, entry = DirectoryStub(relay.channel), pb.SignedObject.FromString(device_entry("bob"))
    request = PublishRequest(type=pb.LEAF_TYPE_DEVICE, object=entry)
    first, again = await stub.Publish(request), await stub.Publish(request)
    assert first == again
    verify_ack(ann.state.relay_key, "archive.example", first)


async def test_only_a_device_entry_is_published_without_a_login(relay: RunningRelay) -> None:
    ann = await enrol(relay, "ann", prekey=False)
    ann.metadata = []
    with pytest.raises(Unauthenticated):
        await ann.renew()


async def test_statements_of_the_audit_log_are_not_published(town: Deployment, relay: RunningRelay) -> None:
    ann = await enrol(relay, "ann", prekey=False)
    with pytest.raises(PermissionRefused):
        await ann.publish(pb.LEAF_TYPE_ROSTER, b"")


@pytest.mark.rule(Rule.DEVICE_ISSUER)
async def test_the_relay_enters_no_ghost_device(relay: RunningRelay) -> None:
    entry = device_entry("ann", issuer=b"i" * 32)
    with pytest.raises(Refused) as caught:
        async with refusals():
            await DirectoryStub(relay.channel).Publish(
                PublishRequest(type=pb.LEAF_TYPE_DEVICE, object=pb.SignedObject.FromString(entry))
            )
    assert caught.value.rule is Rule.DEVICE_ISSUER


@pytest.mark.rule(Rule.LOG_INCLUSION)
async def test_a_statement_is_mirrored_with_its_own_audit_leaf_only(town: Deployment, relay: RunningRelay) -> None:
    certificates = [_certificate(town, epoch) for epoch in (1, 2)]
    proofs = [town.mirror_request("acme", pb.LEAF_TYPE_CERTIFICATE, "escrow-key", one) for one in certificates]
    crossed = MirrorRequest(type=pb.LEAF_TYPE_CERTIFICATE, dsse=certificates[0], audit_proof=proofs[1].audit_proof)
    metadata = await relay.person("escrow")
    with pytest.raises(Refused) as caught:
        async with refusals():
            await DirectoryStub(relay.channel).Mirror(crossed, metadata=metadata)
    assert caught.value.rule is Rule.LOG_INCLUSION
    first = await DirectoryStub(relay.channel).Mirror(proofs[0], metadata=metadata)
    again = await DirectoryStub(relay.channel).Mirror(
        MirrorRequest(type=pb.LEAF_TYPE_CERTIFICATE, dsse=certificates[0]), metadata=metadata
    )
    assert first == again


async def test_a_statement_without_a_proof_is_not_mirrored(town: Deployment, relay: RunningRelay) -> None:
    request = MirrorRequest(type=pb.LEAF_TYPE_CERTIFICATE, dsse=_certificate(town, 1))
    with pytest.raises(TapelineError):
        async with refusals():
            await DirectoryStub(relay.channel).Mirror(request, metadata=await relay.person("escrow"))


async def test_devices_see_memberships_of_their_own_conversations_only(relay: RunningRelay) -> None:
    ann, ben, conversation = await pair(relay)
    eve = await enrol(relay, "eve")
    await eve.sync()
    await ben.sync()
    assert eve.state.conversations_of("acme", "ann") == []
    assert ben.state.membership(conversation).statement_hash == ann.state.membership(conversation).statement_hash
    page = await DirectoryStub(relay.channel).Sync(SyncRequest(), metadata=await relay.person("aura"))
    types = [pb.Leaf.FromString(item.leaf).type for item in page.items]
    assert pb.LEAF_TYPE_MEMBERSHIP in types


async def test_pages_are_cut_and_continue(relay: RunningRelay) -> None:
    ann, _, _ = await pair(relay)
    stub, since, seen = DirectoryStub(relay.channel), 0, []
    while True:
        page = await stub.Sync(SyncRequest(since=since, limit=2), metadata=ann.metadata)
        note = ann.state.verify_archive_note(page.note)
        for item in page.items:
            verify_inclusion(leaf_hash(item.leaf), item.index, note.size, item.proof, note.root)
        assert len(page.items) <= 2
        seen += [item.index for item in page.items]
        since = page.next
        if since == note.size:
            break
    assert seen == sorted(set(seen))
    assert len(seen) == since


async def test_a_conversation_is_shown_to_its_members(relay: RunningRelay) -> None:
    ann, _, conversation = await pair(relay)
    eve = await enrol(relay, "eve")
    request = ConversationRequest(conversation=conversation)
    state = await ann.directory.GetConversation(request, metadata=ann.metadata)
    assert state.next_sequence == 1
    assert pb.Leaf.FromString(state.ack.leaf).object_hash == ann.state.membership(conversation).statement_hash
    with pytest.raises(NotFound):
        async with refusals():
            await eve.directory.GetConversation(request, metadata=eve.metadata)


async def test_proofs_lead_to_a_cosigned_checkpoint(relay: RunningRelay) -> None:
    ann, _, _ = await pair(relay)
    old = ann.state.verify_archive_note(ann.note)
    proven = await ann.directory.Prove(ProofRequest(indices=[0, 2], size=old.size), metadata=ann.metadata)
    note = ann.state.verify_archive_note(proven.note)
    assert note.size == old.size
    assert [proof.index for proof in proven.proofs] == [0, 2]
    ack = await ann.renew()
    await ann.sync(ack.index)
    new = ann.state.verify_archive_note(ann.note)
    answer = await ann.directory.ProveConsistency(
        ConsistencyRequest(old_size=old.size, new_size=new.size), metadata=ann.metadata
    )
    verify_consistency(old.size, old.root, new.size, new.root, list(answer.hashes))
    newest = await ann.directory.Prove(ProofRequest(indices=[ack.index]), metadata=ann.metadata)
    root = ann.state.verify_archive_note(newest.note)
    verify_inclusion(leaf_hash(ack.leaf), ack.index, root.size, list(newest.proofs[0].hashes), root.root)
    with pytest.raises(NotFound):
        async with refusals():
            await ann.directory.Prove(ProofRequest(indices=[new.size + 99]), metadata=ann.metadata)
    with pytest.raises(NotFound):
        async with refusals():
            await ann.directory.Prove(ProofRequest(indices=[0], size=2**64 - 1), metadata=ann.metadata)


async def test_a_stranger_gets_no_token(relay: RunningRelay) -> None:
    with pytest.raises(Unauthenticated):
        await login(relay.channel, SigningKey.generate(lambda count: b"s" * count))


async def test_a_login_is_good_for_one_token(relay: RunningRelay) -> None:
    ann = await enrol(relay, "ann", prekey=False)
    stub = LoginStub(relay.channel)
    challenge = await stub.GetChallenge(ChallengeRequest(key=ann.key.public))
    answer = sign_login(ann.key, challenge, origin="archive.example", audience=RELAY)
    request = LoginRequest(login=pb.SignedObject.FromString(answer))
    await stub.Prove(request)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.Prove(request)
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_two_firms_share_a_relay(tmp_path, relay: RunningRelay) -> None:  # type: ignore[no-untyped-def]
    from relay_kit import deployment

    async with deployment(tmp_path / "two", ("acme", "bolt")) as town, town.relay() as running:
        await running.certify("acme")
        await running.certify("bolt")
        ann, bob = await enrol(running, "ann"), await enrol(running, "bob", "bolt")
        conversation = await ann.converse(("bolt", "bob"))
        async with ann.line() as mine, bob.line() as theirs:
            chain = await ann.open(mine, conversation)
            await mine.send("message", ann.message(chain))
            assert len(await theirs.delivered(3)) == 3
        assert [firm for firm, _ in ann.state.membership(conversation).firms] == ["acme", "bolt"]
        await until(lambda: running.relay._log.latest() is not None)  # type: ignore[union-attr]


def _certificate(town: Deployment, epoch: int) -> bytes:
    now = system_clock()
    roster = town.rosters["acme"]
    made = make_certificate(roster, epoch, CLASS, active_from_ms=now - DAY, not_after_ms=now + 365 * DAY)
    return sign_certificate(made)
