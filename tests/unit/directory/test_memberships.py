"""Memberships: the chain, the right to sign, enrolled members, the firms' classes."""

from __future__ import annotations

import pytest
from gov_kit import DEPLOYMENT, T0, Archive, Member, key, sign, sign_roster, successor

from tapeline.base.errors import NotFound
from tapeline.base.rules import Refused, Rule
from tapeline.base.times import DAY
from tapeline.crypto.device import issue_device_entry
from tapeline.crypto.ids import tag, user_id
from tapeline.crypto.membership import VerifiedMembership, sign_statement
from tapeline.crypto.signing import SigningKey
from tapeline.governance.revocation import Revocation
from tapeline.wire.v1 import objects_pb2 as pb

MEMBERSHIP = pb.LEAF_TYPE_MEMBERSHIP
ANN, BEN, EVE, CORA = ("acme", "ann"), ("acme", "ben"), ("acme", "eve"), ("bolt", "cora")


class Room:
    """A conversation of ann, ben and cora, and eve outside."""

    def __init__(self) -> None:
        self.archive = Archive("acme", "bolt")
        self.ann, self.ben, self.eve = (self.archive.enrol(user) for user in ("ann", "ben", "eve"))
        self.cora = self.archive.enrol("cora", "bolt")
        self.first = self.archive.converse(self.ann, BEN, CORA)

    def check(self, statement: pb.MembershipStatement, by: SigningKey) -> VerifiedMembership:
        obj = sign_statement(by, statement)
        return self.archive.state.check(MEMBERSHIP, obj, leaf_time_ms=self.archive.now_ms).verified  # type: ignore[return-value]

    def refused(self, rule: Rule, statement: pb.MembershipStatement, by: SigningKey) -> None:
        with pytest.raises(Refused) as refusal:
            self.check(statement, by)
        assert refusal.value.rule is rule

    def next(self, *people: tuple[str, str], by: Member | None = None, **changes: object) -> pb.MembershipStatement:
        signer = (by or self.ann).device.entry_hash
        return self.archive.statement(people, self.first, **{"signer": signer, **changes})


@pytest.fixture
def room() -> Room:
    return Room()


def test_a_conversation_grows_and_shrinks(room: Room) -> None:
    state, archive = room.archive.state, room.archive
    index = archive.publish(MEMBERSHIP, sign_statement(room.ann.key, room.next(ANN, EVE, CORA)))
    newest = state.membership(room.first.conversation)
    assert newest.people == {ANN, EVE, CORA}
    assert state.membership(room.first.conversation, below=index) == room.first
    assert state.conversations_of(*BEN) == []
    assert state.conversations_of(*BEN, former=True) == [room.first.conversation]
    assert state.conversations_of(*EVE) == [room.first.conversation]
    assert state.conversation_by_tag(room.first.tag) == room.first.conversation
    leaf, _ = archive.leaves[index]
    tags = {tag(state.user_salt(*one), user_id(DEPLOYMENT, *one)) for one in (BEN, EVE)}
    assert list(leaf.user_tags) == sorted(tags)
    assert leaf.conversation_sequence == 1
    assert state.next_sequence(room.first.conversation) == 2


def test_unknown_conversations_are_not_found(room: Room) -> None:
    with pytest.raises(NotFound):
        room.archive.state.membership(bytes(64))
    with pytest.raises(NotFound):
        room.archive.state.membership(room.first.conversation, below=3)
    assert room.archive.state.conversation_by_tag(bytes(16)) is None
    assert room.archive.state.next_sequence(bytes(64)) == 0


@pytest.mark.rule(Rule.MEMBERSHIP_CHAIN)
def test_a_statement_extends_the_newest(room: Room) -> None:
    old = room.next(ANN, BEN)
    room.archive.publish(MEMBERSHIP, sign_statement(room.ann.key, room.next(ANN, CORA)))
    room.refused(Rule.MEMBERSHIP_CHAIN, old, room.ann.key)
    for change in ({"sequence": 3}, {"previous": bytes(64)}, {"conversation": bytes(64)}, {"deployment": b"e" * 32}):
        room.refused(Rule.MEMBERSHIP_CHAIN, room.next(ANN, **change), room.ann.key)
    foreign = room.archive.statement([ANN], signer=room.ann.device.entry_hash, deployment=b"e" * 32)
    room.refused(Rule.MEMBERSHIP_CHAIN, foreign, room.ann.key)


@pytest.mark.rule(Rule.MEMBERSHIP_SIGNER)
def test_only_members_with_the_right_sign(room: Room) -> None:
    room.refused(Rule.MEMBERSHIP_SIGNER, room.next(ANN, EVE, by=room.eve), room.eve.key)
    stranger = room.archive.statement([ANN, BEN], signer=room.eve.device.entry_hash)
    room.refused(Rule.MEMBERSHIP_SIGNER, stranger, room.eve.key)
    room.refused(Rule.MEMBERSHIP_SIGNER, room.next(ANN, signer=bytes(64)), room.ann.key)
    room.refused(Rule.MEMBERSHIP_SIGNER, room.next(ANN, signer=key("mallory").public), key("mallory"))
    muted = [pb.Member(firm=f, user=u, may_change=u == "ann") for f, u in (ANN, BEN, CORA)]
    room.archive.publish(MEMBERSHIP, sign_statement(room.ann.key, room.next(ANN, BEN, CORA, members=muted)))
    room.first = room.archive.state.membership(room.first.conversation)
    room.refused(Rule.MEMBERSHIP_SIGNER, room.next(ANN, BEN, by=room.ben), room.ben.key)
    # Nor does a statement give its signer the right that it is signed with.
    assert room.check(room.next(ANN, BEN), room.ann.key)


@pytest.mark.rule(Rule.MEMBERSHIP_SIGNER)
def test_a_revoked_device_signs_nothing(room: Room) -> None:
    revocation = Revocation("device", room.ann.device.entry_hash.hex(), "", "", T0)
    room.archive.publish(pb.LEAF_TYPE_REVOCATION, sign(revocation, "acme/olga", "acme/omar"))
    room.refused(Rule.MEMBERSHIP_SIGNER, room.next(ANN, BEN), room.ann.key)


@pytest.mark.rule(Rule.MEMBERSHIP_SIGNER)
def test_an_enroller_changes_the_people_of_its_own_firm_only(room: Room) -> None:
    acme, bolt = {"signer": key("acme/enid").public}, {"signer": key("bolt/enid").public}
    assert room.check(room.next(ANN, CORA, **acme), key("acme/enid")).people == {ANN, CORA}
    assert room.check(room.next(ANN, BEN, **bolt), key("bolt/enid")).people == {ANN, BEN}
    room.refused(Rule.MEMBERSHIP_SIGNER, room.next(ANN, BEN, **acme), key("acme/enid"))
    room.refused(Rule.MEMBERSHIP_SIGNER, room.next(ANN, **bolt), key("bolt/enid"))
    room.refused(Rule.MEMBERSHIP_SIGNER, room.next(ANN, BEN, CORA, **acme), key("acme/enid"))
    assert room.check(room.archive.statement([ANN, BEN], **acme), key("acme/enid")).sequence == 0
    room.refused(Rule.MEMBERSHIP_SIGNER, room.archive.statement([ANN, CORA], **acme), key("acme/enid"))


@pytest.mark.rule(Rule.MEMBERSHIP_SIGNER)
def test_an_enroller_brings_nobody_into_a_conversation_that_its_firm_is_not_in(room: Room) -> None:
    acme, bolt = {"signer": key("acme/enid").public}, {"signer": key("bolt/enid").public}
    room.archive.publish(MEMBERSHIP, sign_statement(key("bolt/enid"), room.next(ANN, BEN, **bolt)))
    room.first = room.archive.state.membership(room.first.conversation)
    # Cora was a member once; her firm is not one any more, so only a member brings her back.
    room.refused(Rule.MEMBERSHIP_SIGNER, room.next(ANN, BEN, CORA, **bolt), key("bolt/enid"))
    assert room.check(room.next(ANN, BEN, CORA), room.ann.key).people == {ANN, BEN, CORA}
    assert room.check(room.next(ANN, BEN, EVE, **acme), key("acme/enid")).people == {ANN, BEN, EVE}


@pytest.mark.rule(Rule.DEVICE_EXPIRED)
def test_an_expired_device_signs_nothing(room: Room) -> None:
    entry = room.archive.entry("ann", number=2, not_after_ms=T0 + DAY)
    room.archive.publish(pb.LEAF_TYPE_DEVICE, issue_device_entry(key("acme/enid"), entry))
    short = Member(key("acme/ann/2"), room.archive.state.devices_of("acme", "ann")[1].device)
    assert room.check(room.next(ANN, BEN, by=short), short.key)
    room.archive.now_ms = T0 + DAY
    room.refused(Rule.DEVICE_EXPIRED, room.next(ANN, BEN, by=short), short.key)


@pytest.mark.rule(Rule.SIGNATURE)
def test_the_named_signer_signed(room: Room) -> None:
    room.refused(Rule.SIGNATURE, room.next(ANN, BEN), room.ben.key)


@pytest.mark.rule(Rule.MEMBERSHIP_PEOPLE)
def test_members_are_enrolled_and_named_once(room: Room) -> None:
    room.refused(Rule.MEMBERSHIP_PEOPLE, room.next(ANN, ("acme", "ghost")), room.ann.key)
    room.refused(Rule.MEMBERSHIP_PEOPLE, room.next(ANN, ANN), room.ann.key)
    room.refused(Rule.MEMBERSHIP_PEOPLE, room.next(ANN, ("bolt", "ann")), room.ann.key)


@pytest.mark.rule(Rule.MEMBERSHIP_FIRMS)
def test_firms_and_classes_are_the_members(room: Room) -> None:
    acme, bolt = (pb.FirmClass(firm=firm, retention_class="five-years") for firm in ("acme", "bolt"))
    long = pb.FirmClass(firm="acme", retention_class="ten-years")
    for firms in ([acme], [bolt, acme], [acme, bolt, bolt], [long, bolt], []):
        room.refused(Rule.MEMBERSHIP_FIRMS, room.next(ANN, CORA, firms=firms), room.ann.key)


@pytest.mark.rule(Rule.MEMBERSHIP_FIRMS)
def test_a_new_default_class_holds_from_the_next_statement_on(room: Room) -> None:
    changed = successor(room.archive.rosters["acme"], default_class="ten-years")
    room.archive.publish(pb.LEAF_TYPE_ROSTER, sign_roster(changed))
    room.refused(Rule.MEMBERSHIP_FIRMS, room.next(ANN), room.ann.key)
    firms = [pb.FirmClass(firm="acme", retention_class="ten-years")]
    assert room.check(room.next(ANN, firms=firms), room.ann.key).firms == (("acme", "ten-years"),)
