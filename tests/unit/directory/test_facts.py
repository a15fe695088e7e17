"""Facts: what a record is judged by, below its note, at its leaf; and how fast they come."""

from __future__ import annotations

import time

import pytest
from gov_kit import CLASS, T0, Archive, Member, make_certificate, sign, sign_certificate

from tapeline.base.errors import NotFound
from tapeline.base.rules import Refused, Rule
from tapeline.base.times import DAY, HOUR, MINUTE
from tapeline.crypto.membership import VerifiedMembership, sign_statement
from tapeline.crypto.record.facts import Facts
from tapeline.crypto.record.parse import parse_record
from tapeline.crypto.record.verify import verify_record
from tapeline.governance.case import Subject
from tapeline.governance.revocation import Revocation
from tapeline.wire.v1 import objects_pb2 as pb

OFFICERS = ("acme/olga", "acme/omar")


class Scene:
    """Ann and ben in a conversation of one firm."""

    def __init__(self) -> None:
        self.archive = Archive("acme")
        self.certificate = self.archive.certify()
        self.ann, self.ben = self.archive.enrol("ann"), self.archive.enrol("ben")
        self.room = self.archive.converse(self.ann, ("acme", "ben"))

    def facts(self, *, sender: Member | None = None, at_ms: int | None = None, **changes: object) -> Facts:
        archive, now_ms = self.archive, self.archive.now_ms if at_ms is None else at_ms
        values: dict[str, object] = {
            "conversation": self.room.conversation, "membership": self.room.statement_hash,
            "sender_device": (sender or self.ann).device.entry_hash,
            "note": archive.state.verify_archive_note(archive.log.note(now_ms)),
            "leaf_index": len(archive.log.entries), "leaf_time_ms": now_ms, **changes,
        }  # fmt: skip
        return archive.state.facts(**values)  # type: ignore[arg-type]


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_real_record_verifies_by_them_now_and_seven_years_later(scene: Scene) -> None:
    archive = scene.archive
    created, index = archive.open_session(scene.ann, scene.room)
    parsed = parse_record(created.record)
    now = archive.state.facts_of(parsed, leaf_index=index, leaf_time_ms=archive.now_ms)
    assert verify_record(parsed, now).record_hash == created.record_hash
    archive.now_ms += 300 * DAY
    archive.enrol("eve")
    archive.renew(scene.ben)
    archive.publish(pb.LEAF_TYPE_CERTIFICATE, sign_certificate(make_certificate(archive.rosters["acme"], epoch=2)))
    gone = Revocation("device", scene.ben.device.entry_hash.hex(), "", "left", T0)
    archive.publish(pb.LEAF_TYPE_REVOCATION, sign(gone, *OFFICERS))
    later = archive.state.facts_of(parsed, leaf_index=index, leaf_time_ms=T0)
    assert verify_record(parsed, later).record_hash == created.record_hash
    assert [one.prekeys for one in later.devices] == [one.prekeys for one in now.devices]


def test_session_facts_name_sender_and_readers(scene: Scene) -> None:
    created, index = scene.archive.open_session(scene.ann, scene.room)
    fact = scene.archive.state.session_fact(parse_record(created.record), leaf_index=index, leaf_time_ms=T0, messages=5)
    assert (fact.sender, fact.users) == (Subject("acme", "ann"), {Subject("acme", "ben")})
    assert (fact.classes, fact.leaf_index, fact.messages) == ((("acme", CLASS),), index, 5)
    assert (fact.conversation, fact.not_after_ms) == (scene.room.conversation, T0 + HOUR)


def test_only_what_lies_below_the_note_is_in_view(scene: Scene) -> None:
    archive = scene.archive
    note = archive.state.verify_archive_note(archive.log.note(archive.now_ms))
    archive.enrol("ann", number=2)
    archive.renew(scene.ben)
    facts = scene.facts(note=note)
    assert len(facts.devices) == 2
    assert [len(one.prekeys) for one in facts.devices] == [1, 1]
    assert len(scene.facts().devices) == 3


def test_the_membership_is_judged_at_the_leaf(scene: Scene) -> None:
    note = scene.archive.state.verify_archive_note(scene.archive.log.note(T0))
    before = len(scene.archive.log.entries)
    statement = scene.archive.statement([("acme", "ann")], scene.room, signer=scene.ann.device.entry_hash)
    scene.archive.publish(pb.LEAF_TYPE_MEMBERSHIP, sign_statement(scene.ann.key, statement))
    newer = scene.archive.state.membership(scene.room.conversation)
    assert scene.facts(note=note).newest_membership == newer.statement_hash
    assert scene.facts(note=note, leaf_index=before).newest_membership == scene.room.statement_hash


def test_escrow_keys_are_superseded_when_the_newer_one_is_active(scene: Scene) -> None:
    archive, start = scene.archive, T0 + DAY
    second = make_certificate(archive.rosters["acme"], epoch=2, active_from_ms=start)
    index = archive.publish(pb.LEAF_TYPE_CERTIFICATE, sign_certificate(second))
    assert [one.superseded for one in scene.facts().escrow] == [False, False]
    assert [one.superseded for one in scene.facts(at_ms=start).escrow] == [True, False]
    current = archive.state.current_escrow
    assert current("acme", CLASS, start - 1).key_id == scene.certificate.escrow_key_id
    assert current("acme", CLASS, start).key_id == second.escrow_key_id
    assert current("acme", CLASS, start, below=index).key_id == scene.certificate.escrow_key_id
    assert [one.epoch for one in archive.state.escrow_keys("acme")] == [1, 2]
    assert archive.state.certificate_of(second.escrow_key_id) == second
    assert archive.state.escrow.certificate(second.statement_hash) == second
    for wrong in (("acme", "ten-years", T0), ("acme", CLASS, second.not_after_ms), ("bolt", CLASS, T0)):
        with pytest.raises(NotFound):
            current(*wrong)
    with pytest.raises(NotFound):
        archive.state.certificate_of(bytes(64))


def test_a_revoked_escrow_or_vault_key_is_not_current(scene: Scene) -> None:
    for kind, target in (("escrow-key", scene.certificate.escrow_key_id), ("vault-key", scene.certificate.v_key_id)):
        one = Scene()
        one.archive.publish(pb.LEAF_TYPE_REVOCATION, sign(Revocation(kind, target.hex(), "", "lost", T0), *OFFICERS))
        assert one.facts().escrow[0].revoked_index == len(one.archive.log.entries) - 1
        with pytest.raises(NotFound):
            one.archive.state.current_escrow("acme", CLASS, T0)


@pytest.mark.rule(Rule.REC_REVOKED)
def test_a_record_with_receipts_by_a_revoked_vault_is_refused(scene: Scene) -> None:
    archive = scene.archive
    before, index = archive.open_session(scene.ann, scene.room)
    signer = archive.rosters["acme"].vault_key.hex()
    archive.publish(pb.LEAF_TYPE_REVOCATION, sign(Revocation("key", signer, "", "stolen", T0), *OFFICERS))
    parsed = parse_record(before.record)
    verify_record(parsed, archive.state.facts_of(parsed, leaf_index=index, leaf_time_ms=archive.now_ms))
    created, index = archive.open_session(scene.ann, scene.room)
    parsed = parse_record(created.record)
    with pytest.raises(Refused) as refusal:
        verify_record(parsed, archive.state.facts_of(parsed, leaf_index=index, leaf_time_ms=archive.now_ms))
    assert refusal.value.rule is Rule.REC_REVOKED


@pytest.mark.rule(Rule.REC_NOTE)
def test_a_note_without_its_quorum_fixes_no_view(scene: Scene) -> None:
    archive = scene.archive
    created, index = archive.open_session(scene.ann, scene.room)
    record = pb.SessionRecord.FromString(created.record)
    header = pb.SessionHeader.FromString(record.header)
    context = pb.Context.FromString(header.context)
    for note in (archive.log.note(T0, by=("in1",)), archive.log.note(T0, by=("out1",)), b"no note"):
        context.archive_note = note
        header.context = context.SerializeToString(deterministic=True)
        record.header = header.SerializeToString(deterministic=True)
        parsed = parse_record(record.SerializeToString(deterministic=True))
        with pytest.raises(Refused) as refusal:
            archive.state.facts_of(parsed, leaf_index=index, leaf_time_ms=T0)
        assert refusal.value.rule is Rule.REC_NOTE


def test_unknown_names_are_refused_by_their_rules(scene: Scene) -> None:
    for rule, changes in (
        (Rule.REC_SENDER, {"sender_device": bytes(64)}),
        (Rule.REC_DEPLOYMENT, {"membership": bytes(64)}),
        (Rule.REC_DEPLOYMENT, {"conversation": bytes(64)}),
    ):
        with pytest.raises(Refused) as refusal:
            scene.facts(**changes)
        assert refusal.value.rule is rule


def test_facts_of_two_hundred_users_take_less_than_two_milliseconds() -> None:
    archive = Archive("acme")
    archive.certify()
    creator = archive.enrol("user-000")
    others = [archive.enrol(f"user-{number:03}") for number in range(1, 200)]
    room: VerifiedMembership = archive.converse(creator, *(("acme", one.device.user) for one in others))
    note = archive.state.verify_archive_note(archive.log.note(archive.now_ms + MINUTE))

    def once() -> float:
        start = time.perf_counter()
        facts = archive.state.facts(
            conversation=room.conversation, membership=room.statement_hash, note=note,
            sender_device=creator.device.entry_hash, leaf_index=len(archive.log.entries), leaf_time_ms=T0,
        )  # fmt: skip
        assert len(facts.devices) == 200
        return time.perf_counter() - start

    once()
    assert min(once() for _ in range(20)) < 0.002
