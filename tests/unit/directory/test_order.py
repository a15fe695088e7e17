"""Leaves: each is its object's, times never fall, sequences leave no gap."""

from __future__ import annotations

import pytest
from gov_kit import T0, Archive, sign_roster, successor

from tapeline.base.errors import MalformedInput
from tapeline.base.rules import Refused, Rule
from tapeline.crypto.membership import VerifiedMembership
from tapeline.directory.order import Cursor
from tapeline.directory.state import DirectoryState
from tapeline.wire.v1 import objects_pb2 as pb


def leaf(membership: VerifiedMembership, sequence: int, **changes: object) -> pb.Leaf:
    values: dict[str, object] = {
        "type": pb.LEAF_TYPE_MESSAGE, "conversation_tag": membership.tag, "conversation_sequence": sequence,
        "object_hash": bytes(64), "relay_time_ms": T0, **changes,
    }  # fmt: skip
    return pb.Leaf(**values)  # type: ignore[arg-type]


def refused(rule: Rule, call: object, *arguments: object) -> None:
    with pytest.raises(Refused) as refusal:
        call(*arguments)  # type: ignore[operator]
    assert refusal.value.rule is rule


@pytest.fixture
def archive() -> Archive:
    return Archive("acme")


@pytest.fixture
def membership(archive: Archive) -> VerifiedMembership:
    ann = archive.enrol("ann")
    archive.enrol("ben")
    return archive.converse(ann, ("acme", "ben"))


@pytest.mark.rule(Rule.LEAF_TAG)
@pytest.mark.parametrize(
    "change",
    [
        {"object_hash": bytes(64)},
        {"conversation_tag": bytes(16)},
        {"user_tags": [bytes(16)]},
        {"conversation_sequence": 1},
    ],
)
def test_a_directory_leaf_is_its_objects(archive: Archive, change: dict[str, object]) -> None:
    obj = sign_roster(successor(archive.rosters["acme"]))
    altered = archive.leaf(pb.LEAF_TYPE_ROSTER, obj)
    altered.MergeFrom(pb.Leaf(**change))  # type: ignore[arg-type]
    refused(Rule.LEAF_TAG, archive.state.apply, 1, altered, obj)


@pytest.mark.rule(Rule.LEAF_TAG)
def test_a_session_leaf_is_of_a_known_conversation(archive: Archive, membership: VerifiedMembership) -> None:
    for leaf_type in (pb.LEAF_TYPE_SESSION, pb.LEAF_TYPE_MESSAGE):
        unknown = leaf(membership, 1, type=leaf_type, conversation_tag=bytes(16))
        refused(Rule.LEAF_TAG, archive.state.note_leaf, archive.state.next_index, unknown)
    disposal = pb.Leaf(type=pb.LEAF_TYPE_DISPOSAL, object_hash=bytes(64), relay_time_ms=T0)
    archive.state.note_leaf(archive.state.next_index, disposal)


@pytest.mark.rule(Rule.LEAF_TAG)
def test_a_membership_leaf_shows_the_right_tags(archive: Archive, membership: VerifiedMembership) -> None:
    good, obj = archive.leaves[-1]
    for change in ({"conversation_tag": bytes(16)}, {"user_tags": list(good.user_tags)[:1]}, {"user_tags": []}):
        altered = pb.Leaf(
            type=good.type, object_hash=good.object_hash, relay_time_ms=good.relay_time_ms,
            conversation_tag=change.get("conversation_tag", good.conversation_tag),
            user_tags=change.get("user_tags", good.user_tags), text_hash=good.text_hash,
        )  # fmt: skip
        replayed = replay(archive, whole=True, last=len(archive.leaves) - 1)
        refused(Rule.LEAF_TAG, replayed.apply, len(archive.leaves) - 1, altered, obj)


def replay(archive: Archive, *, whole: bool, last: int | None = None) -> DirectoryState:
    state = DirectoryState(pinned_rosters=archive.pinned, whole=whole)
    for index, (one, obj) in enumerate(archive.leaves[:last]):
        if obj:
            state.apply(index, one, obj)
        else:
            state.note_leaf(index, one)
    return state


def test_a_replay_reaches_the_same_state(archive: Archive, membership: VerifiedMembership) -> None:
    for whole in (True, False):
        state = replay(archive, whole=whole)
        assert state.next_index == archive.state.next_index == len(archive.log.entries)
        assert state.membership(membership.conversation) == membership
        assert state.devices_of("acme", "ann") == archive.state.devices_of("acme", "ann")
        assert (state.deployment, state.relay_key) == (archive.state.deployment, archive.state.relay_key)
        assert state.roster() == state.roster("acme") == archive.rosters["acme"]
        assert state.latest_time_ms == T0
        assert state.archive_policy().is_met_by({"in1", "out1"})


@pytest.mark.rule(Rule.LEAF_SEQUENCE)
def test_who_sees_the_whole_log_sees_every_number(archive: Archive, membership: VerifiedMembership) -> None:
    state, at = archive.state, archive.state.next_index
    for sequence in (0, 2, 7):
        refused(Rule.LEAF_SEQUENCE, state.note_leaf, at, leaf(membership, sequence))
    state.note_leaf(at, leaf(membership, 1))
    refused(Rule.LEAF_SEQUENCE, state.note_leaf, at + 1, leaf(membership, 1))
    assert state.next_sequence(membership.conversation) == 2


@pytest.mark.rule(Rule.LEAF_SEQUENCE)
def test_who_sees_a_part_sees_them_in_order(archive: Archive, membership: VerifiedMembership) -> None:
    state, at = replay(archive, whole=False), archive.state.next_index
    state.note_leaf(at + 10, leaf(membership, 5))
    for index, sequence in ((at + 5, 5), (at + 5, 0), (at + 5, 6), (at + 11, 5), (at + 11, 7), (at + 9, 3 + 2)):
        refused(Rule.LEAF_SEQUENCE, state.note_leaf, index, leaf(membership, sequence))
    state.note_leaf(at + 5, leaf(membership, 3))
    refused(Rule.LEAF_SEQUENCE, state.note_leaf, at + 9, leaf(membership, 3))
    refused(Rule.LEAF_SEQUENCE, state.note_leaf, at + 10, leaf(membership, 5))
    state.note_leaf(at + 11, leaf(membership, 6))


@pytest.mark.rule(Rule.LEAF_TIME)
def test_times_never_fall(archive: Archive, membership: VerifiedMembership) -> None:
    refused(
        Rule.LEAF_TIME, archive.state.note_leaf, archive.state.next_index, leaf(membership, 1, relay_time_ms=T0 - 1)
    )
    part, at = replay(archive, whole=False), archive.state.next_index
    part.note_leaf(at + 10, leaf(membership, 4, relay_time_ms=T0 + 10))
    refused(Rule.LEAF_TIME, part.note_leaf, at + 5, leaf(membership, 2, relay_time_ms=T0 + 11))
    refused(Rule.LEAF_TIME, part.note_leaf, at + 11, leaf(membership, 5, relay_time_ms=T0 + 9))
    part.note_leaf(at + 5, leaf(membership, 2, relay_time_ms=T0 + 10))


@pytest.mark.rule(Rule.LEAF_TIME)
def test_directory_leaves_are_dated_in_order_too(archive: Archive) -> None:
    archive.now_ms = T0 - 1
    obj = sign_roster(successor(archive.rosters["acme"]))
    refused(Rule.LEAF_TIME, archive.state.apply, 1, archive.leaf(pb.LEAF_TYPE_ROSTER, obj), obj)
    assert archive.state.roster().version == 1


def without(archive: Archive, hidden: int) -> None:
    """Replay everything but one leaf; an object that lacks it is put aside, as readers do."""
    state = DirectoryState(pinned_rosters=archive.pinned)
    for index, (one, obj) in enumerate(archive.leaves):
        if index == hidden:
            continue
        if state.rosters.firms():
            state.apply(index, one, obj)
        else:
            state.put_aside(index, one)


@pytest.mark.rule(Rule.LEAF_DIRECTORY)
def test_a_withheld_directory_leaf_is_a_hole(archive: Archive, membership: VerifiedMembership) -> None:
    archive.enrol("cyd")
    for hidden, (one, _) in enumerate(archive.leaves[:-1]):
        if one.type == pb.LEAF_TYPE_MEMBERSHIP:
            continue
        refused(Rule.LEAF_DIRECTORY, without, archive, hidden)


@pytest.mark.rule(Rule.LEAF_DIRECTORY)
def test_a_number_of_the_directory_comes_once(archive: Archive, membership: VerifiedMembership) -> None:
    obj = sign_roster(successor(archive.rosters["acme"]))
    at, right = archive.state.next_index, archive.leaf(pb.LEAF_TYPE_ROSTER, obj)
    for wrong in (right.directory_sequence - 1, right.directory_sequence + 1, 0):
        altered = pb.Leaf()
        altered.CopyFrom(right)
        altered.directory_sequence = wrong
        refused(Rule.LEAF_DIRECTORY, archive.state.apply, at, altered, obj)
    archive.state.apply(at, right, obj)


def test_a_leaf_that_was_put_aside_may_be_tried_again(archive: Archive) -> None:
    state = DirectoryState(pinned_rosters=archive.pinned)
    leaf_, obj = archive.leaves[0]
    state.put_aside(0, leaf_)
    assert (state.numbers.next, state.rosters.firms()) == (1, [])
    state.apply(0, leaf_, obj)
    assert (state.numbers.next, state.rosters.firms()) == (1, ["acme"])


@pytest.mark.rule(Rule.LEAF_TAG)
def test_leaves_outside_the_directorys_sequence_have_no_number(
    archive: Archive, membership: VerifiedMembership
) -> None:
    refused(Rule.LEAF_TAG, archive.state.note_leaf, archive.state.next_index, leaf(membership, 1, directory_sequence=1))
    genesis, obj = archive.leaves[-1]
    genesis.directory_sequence = 1
    state = replay(archive, whole=True, last=len(archive.leaves) - 1)
    refused(Rule.LEAF_TAG, state.apply, len(archive.leaves) - 1, genesis, obj)


def test_the_whole_log_is_fed_in_order(archive: Archive, membership: VerifiedMembership) -> None:
    with pytest.raises(MalformedInput):
        archive.state.note_leaf(archive.state.next_index + 1, leaf(membership, 1))
    with pytest.raises(MalformedInput):
        archive.state.note_leaf(archive.state.next_index, leaf(membership, 1, type=pb.LEAF_TYPE_DEVICE))
    with pytest.raises(MalformedInput):
        archive.state.check(pb.LEAF_TYPE_SESSION, b"", leaf_time_ms=T0)


@pytest.mark.rule(Rule.LEAF_SEQUENCE)
def test_a_cursor_takes_each_next_leaf(membership: VerifiedMembership) -> None:
    cursor = Cursor(membership.tag, 3)
    cursor.accept(leaf(membership, 3))
    for sequence in (3, 5):
        refused(Rule.LEAF_SEQUENCE, cursor.accept, leaf(membership, sequence))
    cursor.accept(leaf(membership, 4))
    assert cursor.next_sequence == 5


@pytest.mark.rule(Rule.LEAF_TAG)
def test_a_cursor_refuses_another_conversations_leaf(membership: VerifiedMembership) -> None:
    refused(Rule.LEAF_TAG, Cursor(membership.tag).accept, leaf(membership, 0, conversation_tag=bytes(16)))
