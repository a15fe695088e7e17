"""Reading: the relay's manifest recounted from the log, messages held against their leaves, one honest sentence."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
from gov_kit import T0, Archive, Matter, make_case
from review_kit import HOSTILE, Talk, content, shown
from rich.console import Console
from vault_kit import pages_of

from tapeline.agent.archive import ArchiveReplica, CarriedPages
from tapeline.base.errors import MalformedInput
from tapeline.base.rules import Refused, Rule
from tapeline.base.times import DAY
from tapeline.crypto.membership import sign_statement
from tapeline.crypto.wire import encode
from tapeline.governance.case import Window
from tapeline.governance.exception import RecordException
from tapeline.governance.leftout import LeftOut
from tapeline.review.combining import OpenedSession
from tapeline.review.exporting import export_jsonl
from tapeline.review.leaves import replay_archive
from tapeline.review.messages import locate, read_session
from tapeline.review.recount import recount
from tapeline.review.refused import refused_sessions
from tapeline.review.showing import conversation_view
from tapeline.transparency import merkle
from tapeline.wire.v1 import objects_pb2 as pb
from tapeline.wire.v1.content_pb2 import Text
from tapeline.wire.v1.objects_pb2 import Leaf
from tapeline.wire.v1.relay_pb2 import ArchivedObject

# --- completeness ----------------------------------------------------------------------------------------------------


def test_everything_in_scope_is_complete(talk: Talk) -> None:
    judged = talk.judged()
    assert judged.complete, judged.findings
    assert judged.sentence == "Complete: 4 of 4 messages, no gaps, log checked by 2 witnesses."


def test_something_sealed_is_never_zero_results(talk: Talk) -> None:
    sealed = [talk.manifest.sessions[0].record_hash]
    judged = talk.judged(sessions=talk.read()[1:], sealed=sealed)
    assert not judged.complete
    assert judged.findings == ()
    assert judged.sentence.startswith("Incomplete: 0 of 4 messages, 4 still sealed in 1 session,")


def test_what_escrow_refused_is_told_apart_from_what_is_still_sealed(talk: Talk) -> None:
    sealed = [row.record_hash for row in talk.manifest.sessions]
    refused = refused_sessions(sealed, [LeftOut(sealed[0], "REC-6")], {})
    judged = replace(talk.judged(sessions=talk.read()[1:], sealed=sealed[:1]), refused=refused, refused_messages=4)
    told = replace(judged, sealed_sessions=0, sealed_messages=0, expected=14, read=10).sentence
    assert told == (
        "Incomplete: 10 of 14 messages, 4 sealed in 1 session that escrow refused: REC-6, log checked by 2 witnesses."
    )
    assert not replace(judged, expected=0, read=0, sealed_sessions=0).complete
    assert refused[0].sentence.endswith("is refused under REC-6 by this workspace")


def excepted(talk: Talk, reason: str = "The relay hid a device.") -> RecordException:
    record_hash = talk.manifest.sessions[0].record_hash
    return RecordException(talk.matter.case.statement_hash, record_hash, "REC-6", reason, T0)


def test_what_was_opened_by_an_exception_is_no_plain_complete(talk: Talk) -> None:
    assert talk.judged(excepted=[excepted(talk), replace(excepted(talk), rule="REC-25")]).sentence == (
        "Complete: 4 of 4 messages, with 1 session that does not verify and that the officers except from REC-6, "
        "REC-25, no gaps, log checked by 2 witnesses."
    )


def test_show_and_export_name_an_exception(talk: Talk) -> None:
    exception = excepted(talk, "Hidden.\u202eagain")
    opened = replace(shown(talk), completeness=talk.judged(excepted=[exception]))
    console = Console(file=io.StringIO(), width=200, force_terminal=False)
    console.print(conversation_view(opened))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    name = exception.record_hash.hex()[:16]
    assert f"- session {name}: REC-6, excepted by the officers: Hidden." in text
    assert "\u202e" not in text
    head = json.loads(export_jsonl(opened).splitlines()[0])
    assert head["excepted"] == [exception.payload()]
    assert "the officers except from REC-6" in head["sentence"]


def test_a_relay_that_leaves_a_session_out_is_caught(talk: Talk) -> None:
    whole = talk.manifest
    short = replace(whole, sessions=whole.sessions[:1])
    counted = talk.counted(short)
    assert counted.left_out == (whole.sessions[1].record_hash,)
    assert not counted.agrees
    judged = talk.judged(manifest=short, counted=counted)
    assert not judged.complete
    assert "left session" in judged.findings[0]


def test_a_relay_that_misdates_a_session_is_caught(talk: Talk) -> None:
    rows = talk.manifest.sessions
    moved = (replace(rows[0], session_leaf_time_ms=rows[0].session_leaf_time_ms + 1), *rows[1:])
    counted = talk.counted(replace(talk.manifest, sessions=moved))
    assert counted.left_out == counted.unfounded == (rows[0].record_hash,)


def test_a_session_without_ground_is_caught(talk: Talk) -> None:
    narrow = make_case(window=Window(talk.matter.archive.now_ms + 2 * DAY, talk.matter.archive.now_ms + 3 * DAY))
    counted = talk.counted(case=narrow)
    assert len(counted.unfounded) == 2


def test_a_withheld_record_is_caught(talk: Talk) -> None:
    hidden = talk.manifest.sessions[1].record_hash
    size = len(talk.matter.archive.log.entries)
    fetch = lambda hashes: [one for one in talk.fetch(hashes) if Leaf.FromString(one.leaf).object_hash != hidden]  # noqa: E731
    counted = recount(talk.matter.case, talk.manifest, talk.archive, size, fetch)
    assert counted.withheld == (hidden,)


def test_a_withheld_message_is_caught_by_count_gap_and_leaf(talk: Talk) -> None:
    kept = [talk.objects[0], *talk.objects[2:]]
    sessions = talk.read(kept)
    assert sessions[0].gaps == (1,)
    findings = " / ".join(talk.judged(sessions=sessions).findings)
    assert "gave 3 of 4 messages" in findings
    assert "message 1 is missing" in findings
    assert f"archive leaf {talk.objects[1].index} is a message that the relay did not give" in findings


def test_a_withheld_last_message_is_caught_even_where_the_manifest_lies_too(talk: Talk) -> None:
    lying = replace(
        talk.manifest, sessions=(replace(talk.manifest.sessions[0], messages=3), *talk.manifest.sessions[1:])
    )
    judged = talk.judged(manifest=lying, sessions=talk.read(talk.objects[:-1]))
    assert judged.findings == (f"archive leaf {talk.objects[-1].index} is a message that the relay did not give",)


# --- messages --------------------------------------------------------------------------------------------------------


@pytest.mark.rule(Rule.REC_INCLUSION)
def test_a_message_whose_leaf_is_not_in_the_replayed_log_is_refused(talk: Talk) -> None:
    moved = ArchivedObject(index=talk.objects[1].index, leaf=talk.objects[0].leaf, object=talk.objects[0].object)
    with pytest.raises(Refused) as refused:
        locate([moved], talk.archive)
    assert refused.value.rule is Rule.REC_INCLUSION


@pytest.mark.rule(Rule.LEAF_TAG)
def test_another_message_than_the_leafs_is_refused(talk: Talk) -> None:
    swapped = ArchivedObject(index=talk.objects[0].index, leaf=talk.objects[0].leaf, object=talk.objects[1].object)
    with pytest.raises(Refused) as refused:
        locate([swapped], talk.archive)
    assert refused.value.rule is Rule.LEAF_TAG


def test_a_message_that_the_wrong_root_opens_not_is_a_finding_and_the_rest_is_read(talk: Talk) -> None:
    first, second = talk.opened()
    wrong = OpenedSession(first.session, second.root)
    read = read_session(wrong, locate(talk.objects, talk.archive), talk.matter.archive.state)
    assert read.messages == ()
    assert [problem.rule for problem in read.problems] == [Rule.MSG_COMMITMENT.id] * 4


def test_a_window_may_begin_in_the_middle_of_a_session(talk: Talk) -> None:
    read = talk.read(talk.objects[2:])[0]
    assert [message.index for message in read.messages] == [2, 3]
    assert read.problems == ()


# --- replay ----------------------------------------------------------------------------------------------------------


def test_a_relay_that_hides_an_object_of_the_directory_is_caught(talk: Talk) -> None:
    pinned = talk.matter.archive.pinned
    empty = ArchiveReplica(pinned)
    with pytest.raises(MalformedInput, match="withholds an object"):
        replay_archive(talk.archive.checkpoint, talk.archive.leaves, empty, pinned, talk.matter.case)


@pytest.mark.rule(Rule.LEAF_SEQUENCE)
def test_a_conversation_with_a_gap_in_the_log_is_refused() -> None:
    matter = Matter()
    kit = matter.archive
    leaves = list(kit.log.entries)
    last = Leaf.FromString(leaves[-1])
    last.conversation_sequence += 1
    leaves[-1] = encode(last)
    replica = _replica(kit)
    checkpoint = kit.state.verify_archive_note(kit.log.note(kit.now_ms))
    with pytest.raises(Refused) as refused:
        replay_archive(checkpoint, leaves, replica, kit.pinned, matter.case)
    assert refused.value.rule is Rule.LEAF_SEQUENCE


def test_a_whole_log_replays_to_the_same_directory(talk: Talk) -> None:
    kit = talk.matter.archive
    replayed = replay_archive(talk.archive.checkpoint, talk.archive.leaves, _replica(kit), kit.pinned, talk.matter.case)
    assert replayed.directory.next_index == kit.state.next_index
    assert merkle.root_of(map(merkle.leaf_hash, replayed.leaves)) == talk.archive.checkpoint.root


def _replica(kit: Archive) -> ArchiveReplica:
    replica = ArchiveReplica(kit.pinned)
    replica.sync(CarriedPages(pages_of(kit)))
    return replica


# --- showing and exporting -------------------------------------------------------------------------------------------


def test_a_conversation_shows_edits_and_deletions_and_no_control_characters(talk: Talk) -> None:
    console = Console(file=io.StringIO(), width=120, force_terminal=False)
    console.print(conversation_view(shown(talk)))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "the price is 17 [deleted later]" in text
    assert "the price is 18" in text
    assert "ann (acme), ben (acme)" in text
    assert "Complete: 4 of 4 messages" in text


def test_an_export_says_first_how_complete_it_is(talk: Talk) -> None:
    lines = export_jsonl(shown(talk)).splitlines()
    assert all(line.isascii() for line in lines)
    head, *rows = map(json.loads, lines)
    assert head["complete"] is True
    assert (head["sentence"], head["messages"]) == (talk.judged().sentence, 4)
    assert [row["kind"] for row in rows] == ["text", "text", "edit", "delete"]
    assert rows[1]["body"]["text"] == HOSTILE
    assert [row["archive_index"] for row in rows] == [one.index for one in talk.objects]


def test_a_conversation_names_those_who_were_members_then(talk: Talk) -> None:
    kit, ann = talk.matter.archive, talk.matter.ann
    kit.enrol("cid")
    people = [("acme", "ann"), ("acme", "cid")]
    statement = kit.statement(people, talk.matter.membership, signer=ann.device.entry_hash)
    kit.publish(pb.LEAF_TYPE_MEMBERSHIP, sign_statement(ann.key, statement))
    console = Console(file=io.StringIO(), width=120, force_terminal=False)
    console.print(conversation_view(shown(talk)))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "ann (acme), ben (acme)" in text
    assert "cid" not in text
    talk.say(talk.chain, content(text=Text(text="after")))
    console.print(conversation_view(shown(talk)))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "(members from here on: ann (acme), cid (acme))" in text
