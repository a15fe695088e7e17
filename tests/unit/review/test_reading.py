"""Reading: the relay's manifest recounted from the log, messages held against their leaves, one honest sentence."""

from __future__ import annotations

import io
import json
import secrets
from dataclasses import dataclass, replace

import pytest
from gov_kit import Archive, Matter, make_case
from rich.console import Console
from vault_kit import pages_of

from tapeline.agent.archive import ArchiveReplica, CarriedPages
from tapeline.base.errors import MalformedInput
from tapeline.base.rules import Refused, Rule
from tapeline.base.times import DAY, MINUTE
from tapeline.crypto.message.chain import SendingChain
from tapeline.crypto.record.verify import verify_record
from tapeline.crypto.wire import encode
from tapeline.governance.case import Case, Window
from tapeline.governance.gate import pass_gate_before_ciphertext
from tapeline.governance.gate_input import AgentMemory, GateSession
from tapeline.governance.manifest import Manifest
from tapeline.review.combining import OpenedSession
from tapeline.review.completeness import Completeness, judge
from tapeline.review.exporting import export_jsonl
from tapeline.review.leaves import ReplayedArchive, replay_archive
from tapeline.review.messages import SessionMessages, locate, read_session
from tapeline.review.opening import Opened, without_duplicates
from tapeline.review.recount import Recount, recount
from tapeline.review.showing import conversation_view
from tapeline.transparency import merkle
from tapeline.wire.v1.content_pb2 import Content, Delete, Edit, Text
from tapeline.wire.v1.escrow_pb2 import ArchivedRecord
from tapeline.wire.v1.objects_pb2 import LEAF_TYPE_MESSAGE, Leaf
from tapeline.wire.v1.relay_pb2 import ArchivedObject

HOSTILE = "\x1b[2J\u202eall sold"


@dataclass
class Talk:
    """A matter whose first session has messages in the archive, with everything a workspace fetches."""

    matter: Matter
    objects: list[ArchivedObject]

    @property
    def archive(self) -> ReplayedArchive:
        kit = self.matter.archive
        checkpoint = kit.state.verify_archive_note(kit.log.note(kit.now_ms))
        leaves = tuple(kit.log.entries)
        return ReplayedArchive(checkpoint, leaves, tuple(map(Leaf.FromString, leaves)), kit.state)

    @property
    def manifest(self) -> Manifest:
        rows = [replace(row, messages=0) for row in self.matter.manifest.sessions]
        rows[0] = replace(rows[0], messages=len(self.objects))
        note = self.matter.archive.log.note(self.matter.archive.now_ms)
        return replace(self.matter.manifest, sessions=tuple(rows), archive_note=note)

    def opened(self) -> list[OpenedSession]:
        kit = self.matter.archive
        sessions = []
        for one, (created, _) in zip(self.matter.input().records, self.matter.sessions, strict=True):
            facts = kit.state.facts_of(one.record, leaf_index=one.index, leaf_time_ms=one.leaf.relay_time_ms)
            session = GateSession(verify_record(one.record, facts), one.record, kit.certificates["acme"])
            sessions.append(OpenedSession(session, created.root))
        return sessions

    def read(self, objects: list[ArchivedObject] | None = None) -> list[SessionMessages]:
        located = locate(self.objects if objects is None else objects, self.archive)
        return [read_session(one, located) for one in self.opened()]

    def counted(self, manifest: Manifest | None = None, case: Case | None = None) -> Recount:
        size = len(self.matter.archive.log.entries)
        return recount(case or self.matter.case, manifest or self.manifest, self.archive, size, self.fetch)

    def fetch(self, hashes: list[bytes]) -> list[ArchivedRecord]:
        return [one for one in self.matter.records() if Leaf.FromString(one.leaf).object_hash in hashes]

    def judged(self, **changes: object) -> Completeness:
        parts = {
            "case": self.matter.case, "manifest": self.manifest, "archive": self.archive,
            "counted": self.counted(), "sessions": self.read(), "sealed": [], "problems": [], **changes,
        }  # fmt: skip
        return judge(**parts)  # type: ignore[arg-type]


def content(**body: object) -> bytes:
    return encode(Content(message_id=secrets.token_bytes(16), **body))  # type: ignore[arg-type]


@pytest.fixture
def talk() -> Talk:
    matter = Matter()
    kit, (created, _) = matter.archive, matter.sessions[0]
    chain = SendingChain(created.root, created.record_hash, matter.ann.key)
    made = Talk(matter, [])
    first = _say(made, chain, content(text=Text(text="the price is 17")))
    _say(made, chain, content(text=Text(text=HOSTILE)))
    _say(made, chain, content(edit=Edit(of=first, text="the price is 18")))
    _say(made, chain, content(delete=Delete(of=first)))
    kit.now_ms += MINUTE
    return made


def _say(talk: Talk, chain: SendingChain, body: bytes) -> bytes:
    kit, membership = talk.matter.archive, talk.matter.membership
    kit.now_ms += 1000
    sealed = chain.seal(body, client_time_ms=kit.now_ms, newest_leaf=0)
    leaf = Leaf(
        type=LEAF_TYPE_MESSAGE, conversation_tag=membership.tag, object_hash=sealed.message_hash,
        conversation_sequence=kit.state.next_sequence(membership.conversation), relay_time_ms=kit.now_ms,
    )  # fmt: skip
    index = kit.log.append(encode(leaf))
    kit.state.note_leaf(index, leaf)
    kit.leaves.append((leaf, b""))
    talk.objects.append(ArchivedObject(index=index, leaf=encode(leaf), object=sealed.message))
    return sealed.message_hash


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
    assert judged.sentence.startswith("Incomplete: 0 of 4 messages, 4 still sealed in 1 sessions")


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
    read = read_session(wrong, locate(talk.objects, talk.archive))
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
        replay_archive(talk.archive.checkpoint, talk.archive.leaves, empty, pinned)


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
        replay_archive(checkpoint, leaves, replica, kit.pinned)
    assert refused.value.rule is Rule.LEAF_SEQUENCE


def test_a_whole_log_replays_to_the_same_directory(talk: Talk) -> None:
    kit = talk.matter.archive
    replayed = replay_archive(talk.archive.checkpoint, talk.archive.leaves, _replica(kit), kit.pinned)
    assert replayed.directory.next_index == kit.state.next_index
    assert merkle.root_of(map(merkle.leaf_hash, replayed.leaves)) == talk.archive.checkpoint.root


def _replica(kit: Archive) -> ArchiveReplica:
    replica = ArchiveReplica(kit.pinned)
    replica.sync(CarriedPages(pages_of(kit)))
    return replica


# --- showing and exporting -------------------------------------------------------------------------------------------


def shown(talk: Talk) -> Opened:
    before = pass_gate_before_ciphertext(talk.matter.input(), AgentMemory(), talk.matter.now_ms)
    read = talk.read()
    messages = tuple(message for session in read for message in session.messages)
    return Opened(before, messages, tuple(read), (), talk.judged(), talk.archive)


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


def test_a_text_sent_anew_is_shown_once(talk: Talk) -> None:
    opened = shown(talk)
    doubled = replace(opened, messages=(*opened.messages, opened.messages[0]))
    assert without_duplicates(doubled).messages == opened.messages
