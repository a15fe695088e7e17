"""The archive's replay: records, chains, sequences and tags, each fault named at its leaf."""

from __future__ import annotations

from audit_kit import Audit, Deployment

from tapeline.base.times import DAY
from tapeline.crypto.message.verify import parse_message
from tapeline.crypto.record.parse import parse_record
from tapeline.wire.v1 import objects_pb2 as pb


def found(report, rule: str) -> list[str]:
    return [finding.where for finding in report.findings if finding.rule == rule]


def test_a_leaf_dropped_from_the_whole_log_leaves_a_gap_that_is_counted(world: Deployment, audited: Audit) -> None:
    talk = world.open("ann", world.converse("ann", "ben"))
    for number in range(5):
        world.say(talk, str(number))
    del world.archive.entries[-3]  # the operator forgets it and signs the shorter log
    report = audited(world)
    gone = len(world.archive.entries) - 2
    assert found(report, "LEF-2") == [f"archive leaf {gone}, message {talk.messages[3][:8].hex()}…"]
    assert found(report, "AUD-10") == found(report, "LEF-2")
    assert report.sentence().startswith("Incomplete: 4 of 5 messages, 1 missing or unsound; 1 of 1 sessions")


def test_a_record_logged_twice_uses_everything_again(world: Deployment, audited: Audit) -> None:
    conversation = world.converse("ann", "ben")
    world.open("ann", conversation)
    leaf = pb.Leaf.FromString(world.archive.entries[-1])
    world.leaf(pb.LEAF_TYPE_SESSION, world.archive.objects[leaf.object_hash], leaf.object_hash, conversation)
    report = audited(world)
    assert len(found(report, "RES-3")) == 3  # cq, session id, reservation
    assert len(found(report, "REC-12")) == 1


def test_a_forged_signature_is_named(world: Deployment, audited: Audit) -> None:
    talk = world.open("ann", world.converse("ann", "ben"))
    digest = world.say(talk, "hello")
    message = pb.Message.FromString(world.archive.objects[digest])
    message.signature = bytes(64)
    world.archive.objects[digest] = message.SerializeToString(deterministic=True)
    assert len(found(audited(world), "MSG-5")) == 1


def test_two_messages_at_one_index_are_named(world: Deployment, audited: Audit) -> None:
    conversation = world.converse("ann", "ben")
    talk = world.open("ann", conversation)
    digest = world.say(talk, "hello")
    world.leaf(pb.LEAF_TYPE_MESSAGE, world.archive.objects[digest], digest, conversation)
    assert len(found(audited(world), "MSG-2")) == 1


def test_another_previous_message_is_named(world: Deployment, audited: Audit) -> None:
    """A sender's fork: two chains from one root, of which the relay took one message each."""
    conversation = world.converse("ann", "ben")
    talk = world.open("ann", conversation)
    world.say(talk, "hello")
    sealed = world.archive.objects[talk.messages[0]]
    forged = pb.Message.FromString(sealed)
    header = pb.MessageHeader.FromString(forged.header)
    header.index, header.previous = 1, bytes(64)
    forged.header = header.SerializeToString(deterministic=True)
    data = forged.SerializeToString(deterministic=True)
    world.leaf(pb.LEAF_TYPE_MESSAGE, data, parse_message(data).message_hash, conversation)
    assert len(found(audited(world), "MSG-3")) == 1


def test_a_message_after_its_sessions_end_is_named(world: Deployment, audited: Audit) -> None:
    talk = world.open("ann", world.converse("ann", "ben"))
    world.tick(DAY)
    world.say(talk, "too late")
    assert len(found(audited(world), "MSG-1")) == 1


def test_messages_of_an_unsound_session_are_one_finding(world: Deployment, audited: Audit) -> None:
    def unsign(record: bytes) -> bytes:
        whole = pb.SessionRecord.FromString(record)
        header = pb.SessionHeader.FromString(whole.header)
        header.signature = bytes(64)
        whole.header = header.SerializeToString(deterministic=True)
        return whole.SerializeToString(deterministic=True)

    talk = world.open("ann", world.converse("ann", "ben"), spoil=unsign)
    world.say(talk, "a")
    world.say(talk, "b")
    report = audited(world)
    assert len(found(report, "REC-11")) == 1
    assert len(found(report, "MSG-1")) == 1
    assert "0 of 2 messages" in report.sentence()
    assert "0 of 1 sessions openable" in report.sentence()


def test_a_session_under_another_conversations_tag_is_named(world: Deployment, audited: Audit) -> None:
    one, other = world.converse("ann", "ben"), world.converse("ann", "ben")
    world.open("ann", one)
    leaf = pb.Leaf.FromString(world.archive.entries.pop())
    world.sequences[world.state.membership(one).tag] -= 1
    record = world.archive.objects[leaf.object_hash]
    world.archive.entries.append(
        pb.Leaf(
            type=leaf.type, object_hash=parse_record(record).record_hash, relay_time_ms=leaf.relay_time_ms,
            conversation_tag=world.state.membership(other).tag, conversation_sequence=1,
        ).SerializeToString(deterministic=True)
    )  # fmt: skip
    assert len(found(audited(world), "LEF-1")) == 1


def test_an_entry_that_is_no_leaf_is_named(world: Deployment, audited: Audit) -> None:
    world.archive.entries.append(b"\xff\xff")
    assert found(audited(world), "AUD-11") == [f"archive leaf {len(world.archive.entries) - 1}"]


def test_a_statement_only_one_log_holds_is_named(world: Deployment, audited: Audit) -> None:
    del world.audit.entries[1]  # the certificate
    assert len(found(audited(world), "AUD-6")) == 1


def test_a_leaf_dated_back_is_named(world: Deployment, audited: Audit) -> None:
    talk = world.open("ann", world.converse("ann", "ben"))
    leaf = pb.Leaf.FromString(world.archive.entries[-1])
    leaf.relay_time_ms -= 1500
    world.archive.entries[-1] = leaf.SerializeToString(deterministic=True)
    assert found(audited(world), "LEF-3") == [
        f"archive leaf {len(world.archive.entries) - 1}, session {talk.record_hash[:8].hex()}…"
    ]
