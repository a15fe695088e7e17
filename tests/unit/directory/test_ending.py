"""What ends a session, and for which leaves: judged by indices and leaf times alone, so now as in seven years."""

from __future__ import annotations

import pytest
from gov_kit import T0, Archive, make_certificate, sign, sign_certificate

from tapeline.base.rules import Refused, Rule
from tapeline.base.times import DAY, HOUR
from tapeline.crypto.limits import JOIN_GRACE_MS
from tapeline.crypto.membership import sign_statement
from tapeline.crypto.wire import encode
from tapeline.directory.ending import Ending, OpenedSession, endings, require_open
from tapeline.governance.revocation import Revocation
from tapeline.wire.v1 import objects_pb2 as pb

OFFICERS = ("acme/olga", "acme/omar")


class Scene:
    """Ann's session with ben, open."""

    def __init__(self) -> None:
        self.archive = Archive("acme")
        self.archive.certify()
        self.ann, self.ben = self.archive.enrol("ann"), self.archive.enrol("ben")
        self.room = self.archive.converse(self.ann, ("acme", "ben"))
        note_size = len(self.archive.log.entries)
        _, index = self.archive.open_session(self.ann, self.room)
        self.session = OpenedSession(
            self.room.statement_hash, self.ann.device.entry_hash, note_size, index, self.archive.now_ms + HOUR
        )

    def say(self) -> int:
        """Log the leaf of a message; return its index."""
        archive, index = self.archive, len(self.archive.log.entries)
        leaf = pb.Leaf(
            type=pb.LEAF_TYPE_MESSAGE, conversation_tag=self.room.tag, object_hash=bytes(64),
            conversation_sequence=archive.state.next_sequence(self.room.conversation), relay_time_ms=archive.now_ms,
        )  # fmt: skip
        archive.state.note_leaf(index, leaf)
        return archive.log.append(encode(leaf))

    def change(self, what: str) -> int:
        """Do one thing that ends the session; return its leaf's index."""
        archive = self.archive
        match what:
            case "members":
                statement = archive.statement(
                    [("acme", "ann"), ("acme", "ben")], self.room, signer=self.ann.device.entry_hash
                )
                return archive.publish(pb.LEAF_TYPE_MEMBERSHIP, sign_statement(self.ann.key, statement))
            case "revoked sender" | "revoked reader":
                lost = self.ann if what == "revoked sender" else self.ben
                revocation = Revocation("device", lost.device.entry_hash.hex(), "", "lost", T0)
                return archive.publish(pb.LEAF_TYPE_REVOCATION, sign(revocation, *OFFICERS))
            case "prekey":
                return archive.renew(self.ann)
            case _:
                certificate = make_certificate(archive.rosters["acme"], epoch=2)
                return archive.publish(pb.LEAF_TYPE_CERTIFICATE, sign_certificate(certificate))

    @property
    def known(self) -> tuple[Ending, ...]:
        return endings(self.archive.state, self.session)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def is_open(scene: Scene, index: int, after_ms: int = 0) -> bool:
    at_ms = scene.archive.now_ms + after_ms
    if not any(one.covers(index, at_ms) for one in scene.known):
        require_open(scene.known, index, at_ms)
        return True
    with pytest.raises(Refused) as refused:
        require_open(scene.known, index, at_ms)
    assert refused.value.rule is Rule.MSG_SESSION
    return False


@pytest.mark.rule(Rule.MSG_SESSION)
def test_its_time_runs_out(scene: Scene) -> None:
    assert is_open(scene, scene.session.leaf_index + 1, HOUR - 1)
    assert not is_open(scene, scene.session.leaf_index + 1, HOUR)


@pytest.mark.rule(Rule.MSG_SESSION)
@pytest.mark.parametrize("what", ["members", "revoked sender", "revoked reader", "prekey", "epoch"])
def test_a_change_ends_it_for_what_comes_after_and_for_nothing_before(scene: Scene, what: str) -> None:
    before = scene.say()
    index = scene.change(what)
    assert is_open(scene, before)
    assert not is_open(scene, index + 1)


@pytest.mark.rule(Rule.MSG_SESSION)
def test_a_device_that_joins_ends_it_after_a_minute_by_leaf_time(scene: Scene) -> None:
    scene.archive.enrol("ben", number=2, prekey=False)
    assert scene.known == endings(scene.archive.state, scene.session)[:1]  # without a prekey it misses nothing
    second = scene.archive.enrol("ann", number=2)
    joined = len(scene.archive.log.entries) - 1
    assert is_open(scene, joined + 1, JOIN_GRACE_MS - 1)
    assert not is_open(scene, joined + 1, JOIN_GRACE_MS)
    scene.archive.renew(second)
    assert not is_open(scene, joined + 1, JOIN_GRACE_MS)


def test_what_others_do_and_what_was_in_view_ends_nothing(scene: Scene) -> None:
    cid = scene.archive.enrol("cid")
    scene.archive.renew(scene.ben)
    scene.archive.converse(cid, ("acme", "ann"))
    assert is_open(scene, len(scene.archive.log.entries), JOIN_GRACE_MS)


def test_every_cause_is_named_once_and_at_its_earliest(scene: Scene) -> None:
    first = {what: scene.change(what) for what in ("prekey", "epoch", "revoked reader")}
    scene.change("prekey")
    scene.archive.now_ms += DAY
    found = {one.cause: one.index for one in scene.known}
    assert len(scene.known) == len(found) == 4
    assert found["the sender has a new prekey"] == first["prekey"]
    assert found["an escrow key has changed"] == first["epoch"]
    assert found["a member's device was revoked"] == first["revoked reader"]
