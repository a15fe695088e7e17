"""A matter whose first session has messages in the archive, as a reviewer's workspace fetches, reads and judges it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from gov_kit import Matter

from tapeline.base.times import MINUTE
from tapeline.crypto.message.chain import SendingChain
from tapeline.crypto.record.verify import verify_record
from tapeline.crypto.wire import encode
from tapeline.governance.case import Case
from tapeline.governance.gate import pass_gate_before_ciphertext
from tapeline.governance.gate_input import AgentMemory, GateSession
from tapeline.governance.manifest import Manifest
from tapeline.review.combining import OpenedSession
from tapeline.review.completeness import Completeness, judge
from tapeline.review.leaves import ReplayedArchive
from tapeline.review.messages import SessionMessages, locate, read_session
from tapeline.review.opening import Opened, in_order
from tapeline.review.recount import Recount, recount
from tapeline.review.repeats import fold
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
    chain: SendingChain

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

    def say(self, chain: SendingChain, body: bytes) -> bytes:
        """Seal any bytes as the session's next message, log and keep it; return its hash."""
        kit, membership = self.matter.archive, self.matter.membership
        kit.now_ms += 1000
        sealed = chain.seal(body, client_time_ms=kit.now_ms, newest_leaf=0)
        leaf = Leaf(
            type=LEAF_TYPE_MESSAGE, conversation_tag=membership.tag, object_hash=sealed.message_hash,
            conversation_sequence=kit.state.next_sequence(membership.conversation), relay_time_ms=kit.now_ms,
        )  # fmt: skip
        index = kit.log.append(encode(leaf))
        kit.state.note_leaf(index, leaf)
        kit.leaves.append((leaf, b""))
        self.objects.append(ArchivedObject(index=index, leaf=encode(leaf), object=sealed.message))
        return sealed.message_hash

    def say_alone(self, body: bytes) -> None:
        """Let the session hold one message only, of any bytes, the first of its chain."""
        created, _ = self.matter.sessions[0]
        self.objects.clear()
        self.say(SendingChain(created.root, created.record_hash, self.matter.ann.key), body)

    def read(self, objects: list[ArchivedObject] | None = None) -> list[SessionMessages]:
        located = locate(self.objects if objects is None else objects, self.archive)
        return [read_session(one, located, self.matter.archive.state) for one in self.opened()]

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
        parts["shown"], parts["doubled"] = fold(in_order(parts["sessions"]))  # type: ignore[arg-type]
        return judge(**parts)  # type: ignore[arg-type]


def content(**body: object) -> bytes:
    return encode(Content(message_id=secrets.token_bytes(16), **body))  # type: ignore[arg-type]


def make_talk() -> Talk:
    """Ann's four messages: a price, something hostile, an edit, a deletion."""
    matter = Matter()
    kit, (created, _) = matter.archive, matter.sessions[0]
    chain = SendingChain(created.root, created.record_hash, matter.ann.key)
    made = Talk(matter, [], chain)
    first = made.say(chain, content(text=Text(text="the price is 17")))
    made.say(chain, content(text=Text(text=HOSTILE)))
    made.say(chain, content(edit=Edit(of=first, text="the price is 18")))
    made.say(chain, content(delete=Delete(of=first)))
    kit.now_ms += MINUTE
    return made


def shown(talk: Talk) -> Opened:
    before = pass_gate_before_ciphertext(talk.matter.input(), AgentMemory(), talk.matter.now_ms)
    read = talk.read()
    return Opened(before, fold(in_order(read))[0], tuple(read), (), talk.judged(), talk.archive)
