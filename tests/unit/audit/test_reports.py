"""Complaints and forks: proof becomes a finding, testimony is shown, and what is neither convicts nobody."""

from __future__ import annotations

from pathlib import Path

from audit_kit import Audit, Deployment, Talk

from tapeline.audit.auditor import audit
from tapeline.audit.copy import ForkCopy
from tapeline.audit.report import Report
from tapeline.base.rules import Rule
from tapeline.base.times import HOUR
from tapeline.cli.copyfolder import open_copy, write_fork
from tapeline.crypto.message.verify import hash_message
from tapeline.crypto.wire import encode
from tapeline.wire.v1 import objects_pb2 as pb


def chat(world: Deployment) -> Talk:
    talk = world.open("ann", world.converse("ann", "ben"))
    world.say(talk, "as agreed")
    return talk


def rules(report: Report) -> list[str]:
    return [finding.rule for finding in report.findings]


def test_testimony_about_a_record_is_shown_beside_what_the_archive_says(world: Deployment, audited: Audit) -> None:
    talk = chat(world)
    world.complain("ben", record_hash=talk.record_hash)
    world.complain("ben", record_hash=b"r" * 64, message_hash=b"m" * 64)
    report = audited(world)
    assert report.complete
    known, unknown = report.complaints
    assert (known.rule, known.who) == ("REC-9", "acme/ben")
    assert "does verify" in known.what
    assert "no such session" in unknown.what
    assert report.as_dict()["complaints"] == [known.as_dict(), unknown.as_dict()]


def test_two_leaves_at_one_index_convict_the_relay(world: Deployment, audited: Audit) -> None:
    chat(world)
    index = len(world.archive.entries) - 1
    other = encode(pb.Leaf(type=pb.LEAF_TYPE_MESSAGE, object_hash=bytes(64), relay_time_ms=world.now))
    acks = [world.acknowledge(index, world.archive.entries[index]), world.acknowledge(index, other)]
    world.complain("ann", rule="LOG-5", acks=acks)
    report = audited(world)
    assert rules(report) == [Rule.LOG_CONSISTENCY.id]
    assert f"index {index}" in report.findings[0].what


def test_a_promised_leaf_that_the_log_does_not_hold_convicts_the_relay(world: Deployment, audited: Audit) -> None:
    chat(world)
    beyond = encode(pb.Leaf(type=pb.LEAF_TYPE_MESSAGE, object_hash=bytes(64), relay_time_ms=world.now))
    world.complain("ann", rule="REC-23", acks=[world.acknowledge(len(world.archive.entries) + 5, beyond)])
    world.tick(HOUR)
    assert rules(audited(world)) == [Rule.REC_INCLUSION.id]


def test_a_promise_that_was_kept_late_or_is_still_young_convicts_nobody(world: Deployment, audited: Audit) -> None:
    chat(world)
    index = len(world.archive.entries) - 1
    world.complain("ann", rule="REC-23", acks=[world.acknowledge(index, world.archive.entries[index])])
    young = encode(pb.Leaf(type=pb.LEAF_TYPE_MESSAGE, object_hash=bytes(64), relay_time_ms=world.now))
    world.complain("ann", rule="REC-23", acks=[world.acknowledge(index + 9, young)])
    report = audited(world)
    assert report.complete
    assert len(report.complaints) == 2


def test_what_the_relay_did_not_sign_convicts_it_of_nothing(world: Deployment, audited: Audit) -> None:
    chat(world)
    index = len(world.archive.entries) - 1
    forged = pb.Ack(index=index, leaf=encode(pb.Leaf(object_hash=bytes(64))), signature=bytes(64))
    world.complain("ben", acks=[world.acknowledge(index, world.archive.entries[index]), forged])
    assert audited(world).complete


def test_a_complaint_by_no_device_of_the_archive_is_told_apart(world: Deployment, audited: Audit) -> None:
    talk = chat(world)
    stranger = Deployment("elsewhere")
    eve = stranger.enrol("eve")
    world.users["eve"] = eve
    world.archive.objects[eve.device.entry_hash] = stranger.archive.objects[eve.device.entry_hash]
    stranger_deployment, world.deployment = world.deployment, stranger.deployment
    world.complain("eve", record_hash=talk.record_hash)
    world.deployment = stranger_deployment
    (complaint,) = audited(world).complaints
    assert complaint.who == ""
    assert "by no device" in complaint.what


def test_a_complaint_other_than_its_leaf_names_is_a_finding(world: Deployment, audited: Audit) -> None:
    talk = chat(world)
    one = world.complain("ben", record_hash=talk.record_hash)
    other = world.complain("ben", record_hash=talk.record_hash, message_hash=talk.messages[0])
    world.audit.objects[one] = world.audit.objects[other]
    assert rules(audited(world)) == ["AUD-2"]


def fork_of(world: Deployment, talk: Talk, *, signer: str) -> bytes:
    """Another message for the place of the first one, signed by a device."""
    message = pb.Message.FromString(world.archive.objects[talk.messages[0]])
    message.ciphertext = message.ciphertext[:-1] + bytes([message.ciphertext[-1] ^ 1])
    message.signature = world.users[signer].key.sign("msg", hash_message(message.header, message.ciphertext))
    return encode(message)


def with_fork(world: Deployment, folder: Path, record_hash: bytes, message: bytes) -> Report:
    world.write(folder)
    write_fork(folder, 1, ForkCopy(record_hash, message))
    return audit(open_copy(folder))


def test_a_fork_is_told_of_the_device_that_signed_it_and_the_archive_is_whole(
    world: Deployment, tmp_path: Path
) -> None:
    talk = chat(world)
    report = with_fork(world, tmp_path / "copy", talk.record_hash, fork_of(world, talk, signer="ann"))
    (fork,) = report.forks
    assert (fork.rule, fork.who) == (Rule.MSG_FORK.id, "acme/ann")
    assert report.complete
    assert report.as_dict()["forks"] == [fork.as_dict()]


def test_evidence_that_nobody_signed_or_that_is_no_fork_convicts_nobody(world: Deployment, tmp_path: Path) -> None:
    talk = chat(world)
    archived = world.archive.objects[talk.messages[0]]
    for number, (record, message) in enumerate(
        [
            (talk.record_hash, fork_of(world, talk, signer="ben")),
            (talk.record_hash, archived),
            (b"r" * 64, fork_of(world, talk, signer="ann")),
            (talk.record_hash, b"no message"),
        ]
    ):
        report = with_fork(world, tmp_path / str(number), record, message)
        assert report.complete
        assert report.forks == ()
