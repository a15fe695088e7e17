"""Records: judged by the directory as of now, and never with anything that was used before."""

from __future__ import annotations

import asyncio
import threading

import pytest
from junk_kit import junk_record
from record_kit import SeededRng
from relay_device_kit import Line, enrol, pair
from relay_kit import RunningRelay

from tapeline.base.rules import Refused, Rule
from tapeline.crypto.ack import verify_ack
from tapeline.crypto.record.facts import Facts
from tapeline.crypto.record.parse import ParsedRecord
from tapeline.crypto.record.verify import VerifiedRecord, verify_record
from tapeline.relay.services.submissions import Submitted
from tapeline.wire.v1.objects_pb2 import Context, Leaf, SessionHeader, SessionRecord


async def refusal(line: Line, record: bytes) -> Refused:
    with pytest.raises(Refused) as caught:
        await line.send("record", record)
    return caught.value


@pytest.mark.rule(Rule.RESERVATION_REUSED)
async def test_a_reservation_is_used_once(relay: RunningRelay) -> None:
    ann, _, conversation = await pair(relay)
    async with ann.line() as line:
        pending = ann.reserve(conversation)
        first, again = ann.seal(conversation, pending)[0], ann.seal(conversation, pending)[0]
        await line.send("record", first.record)
        assert (await refusal(line, again.record)).rule is Rule.RESERVATION_REUSED


@pytest.mark.rule(Rule.RESERVATION_REUSED)
async def test_a_reservation_is_used_once_within_a_batch_too(relay: RunningRelay) -> None:
    ann, _, conversation = await pair(relay)
    async with ann.line() as line:
        pending = ann.reserve(conversation)
        records = [ann.seal(conversation, pending)[0].record for _ in range(2)]
        first, second = await line.post(*(("record", record) for record in records))
        await first
        with pytest.raises(Refused) as caught:
            await second
        assert caught.value.rule is Rule.RESERVATION_REUSED


@pytest.mark.rule(Rule.REC_C0_REUSED)
async def test_a_c0_is_used_once(relay: RunningRelay) -> None:
    ann, _, conversation = await pair(relay)
    async with ann.line() as line:
        first, again = (ann.seal(conversation, rng=SeededRng("the same r"))[0] for _ in range(2))
        await line.send("record", first.record)
        assert (await refusal(line, again.record)).rule is Rule.REC_C0_REUSED


@pytest.mark.rule(Rule.REC_C0_REUSED)
async def test_a_c0_is_used_once_within_a_batch_too(relay: RunningRelay) -> None:
    ann, _, conversation = await pair(relay)
    async with ann.line() as line:
        records = [ann.seal(conversation, rng=SeededRng("the same r"))[0].record for _ in range(2)]
        first, second = await line.post(*(("record", record) for record in records))
        await first
        with pytest.raises(Refused) as caught:
            await second
        assert caught.value.rule is Rule.REC_C0_REUSED


@pytest.mark.rule(Rule.REC_MEMBERSHIP_OLD)
async def test_a_record_under_a_superseded_membership_is_refused_with_the_newer_leaf(relay: RunningRelay) -> None:
    ann, ben, conversation = await pair(relay)
    await enrol(relay, "cid")
    await ben.sync()
    people = (("acme", "ann"), ("acme", "ben"), ("acme", "cid"))
    await ben.converse(*people, previous=ben.state.membership(conversation))
    async with ann.line() as line:
        refused = await refusal(line, ann.seal(conversation)[0].record)
        assert (refused.rule, refused.retryable) == (Rule.REC_MEMBERSHIP_OLD, True)
        newer = refused.newer  # type: ignore[attr-defined]
        verify_ack(ann.state.relay_key, "archive.example", newer)
        assert Leaf.FromString(newer.leaf).object_hash == ben.state.membership(conversation).statement_hash
        await ann.sync()
        await line.send("record", ann.seal(conversation)[0].record)


@pytest.mark.rule(Rule.REC_SENDER)
async def test_a_record_comes_from_its_own_device_only(relay: RunningRelay) -> None:
    ann, ben, conversation = await pair(relay)
    async with ben.line() as line:
        assert (await refusal(line, ann.seal(conversation)[0].record)).rule is Rule.REC_SENDER


@pytest.mark.rule(Rule.REC_DEPLOYMENT)
async def test_a_record_of_an_unknown_conversation_is_refused(relay: RunningRelay) -> None:
    ann, _, conversation = await pair(relay)
    async with ann.line() as line:
        record = _with_context(ann.seal(conversation)[0].record, conversation=b"c" * 64)
        assert (await refusal(line, record)).rule is Rule.REC_DEPLOYMENT


@pytest.mark.rule(Rule.REC_NOTE)
async def test_a_record_under_an_uncosigned_note_is_refused(relay: RunningRelay) -> None:
    ann, _, conversation = await pair(relay)
    async with ann.line() as line:
        record = _with_context(ann.seal(conversation)[0].record, archive_note=b"no note\n")
        assert (await refusal(line, record)).rule is Rule.REC_NOTE


@pytest.mark.rule(Rule.REC_SIGNATURE)
async def test_a_record_with_another_signature_is_refused(relay: RunningRelay) -> None:
    ann, _, conversation = await pair(relay)
    async with ann.line() as line:
        record = SessionRecord.FromString(ann.seal(conversation)[0].record)
        header = SessionHeader.FromString(record.header)
        header.signature = bytes(64)
        record.header = header.SerializeToString(deterministic=True)
        refused = await refusal(line, record.SerializeToString(deterministic=True))
        assert refused.rule is Rule.REC_SIGNATURE


async def test_many_rows_are_verified_beside_the_loop(relay: RunningRelay, monkeypatch: pytest.MonkeyPatch) -> None:
    from tapeline.relay.services import judge_record

    monkeypatch.setattr(judge_record, "INLINE_ROWS", 0)
    ann, ben, conversation = await pair(relay)
    await ben.sync()
    async with ann.line() as mine, ben.line() as theirs:
        chain = await ann.open(mine, conversation)
        await asyncio.gather(mine.send("message", ann.message(chain)), ben.open(theirs, conversation))


def _with_context(record: bytes, **changes: bytes) -> bytes:
    """Change a record's context, as a modified client could."""
    changed = SessionRecord.FromString(record)
    header = SessionHeader.FromString(changed.header)
    context = Context.FromString(header.context)
    for name, value in changes.items():
        setattr(context, name, value)
    header.context = context.SerializeToString(deterministic=True)
    changed.header = header.SerializeToString(deterministic=True)
    return changed.SerializeToString(deterministic=True)


@pytest.mark.rule(Rule.REC_SENDER)
@pytest.mark.rule(Rule.REC_DEPLOYMENT)
async def test_a_record_is_implausible_before_any_point_of_it_is_decoded(
    relay: RunningRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, ben, conversation = await pair(relay)
    cyd = await enrol(relay, "cyd")
    own = await cyd.converse(("acme", "ben"))
    anns, cyds = junk_record(ann, conversation), junk_record(cyd, own)
    record = SessionRecord.FromString(cyds)
    header = SessionHeader.FromString(record.header)
    context = Context.FromString(header.context)
    odd = []
    for named in (bytes(64), conversation):
        context.conversation = named
        header.context = context.SerializeToString()
        record.header = header.SerializeToString()
        odd.append(record.SerializeToString())
    monkeypatch.setattr("tapeline.relay.services.preparing.parse_record", lambda _: pytest.fail("decoded"))
    async with ben.line() as his, cyd.line() as hers:
        assert (await refusal(his, anns)).rule is Rule.REC_SENDER
        assert (await refusal(hers, odd[0])).rule is Rule.REC_DEPLOYMENT
        assert (await refusal(hers, odd[1])).rule is Rule.REC_SENDER


@pytest.mark.rule(Rule.REC_SIGNATURE)
async def test_messages_of_others_pass_while_a_record_is_verified(
    relay: RunningRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Verifying waits for a message of somebody else: it would not end where it held the writer or the event loop."""
    ann, ben, conversation = await pair(relay)
    await ben.sync(ann.since - 1)
    junk, passed = junk_record(ben, conversation, rows=64), threading.Event()

    def slow(record: ParsedRecord, facts: Facts) -> VerifiedRecord:
        assert passed.wait(20)
        return verify_record(record, facts)

    async with ann.line() as mine, ben.line() as his:
        chain = await ann.open(mine, conversation)
        monkeypatch.setattr("tapeline.relay.services.preparing.verify_record", slow)
        (refused,) = await his.post(("record", junk))
        await mine.send("message", ann.message(chain))
        passed.set()
        with pytest.raises(Refused) as caught:
            await refused
        assert caught.value.rule is Rule.REC_SIGNATURE


async def test_a_record_is_judged_again_when_it_gets_its_leaf(
    relay: RunningRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A member is added after the record was found good, and before it becomes a leaf."""
    ann, _, conversation = await pair(relay)
    cyd = await enrol(relay, "cyd")
    await ann.sync(cyd.since - 1)
    created, _ = ann.seal(conversation)
    intake = relay.relay._intake  # type: ignore[union-attr]
    prepare = intake._preparer.prepare

    async def then_changed(item: Submitted) -> None:
        await prepare(item)
        await ann.converse(("acme", "ben"), ("acme", "cyd"), previous=ann.state.membership(conversation))

    monkeypatch.setattr(intake._preparer, "prepare", then_changed)
    async with ann.line() as line:
        refused = await refusal(line, created.record)
        assert (refused.rule, refused.retryable) == (Rule.REC_MEMBERSHIP_OLD, True)
        assert refused.newer.index > 0  # type: ignore[attr-defined]
