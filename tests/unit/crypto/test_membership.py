"""Membership statements: their chain, their people, their firms."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from record_kit import CLASS, SeededRng, genesis

from tapeline.base.errors import MalformedInput
from tapeline.base.rules import Refused, Rule
from tapeline.crypto.ids import conversation_id, tag
from tapeline.crypto.limits import FIRMS, MEMBERS
from tapeline.crypto.membership import VerifiedMembership, parse_statement, sign_statement, verify_statement
from tapeline.crypto.signing import SigningKey
from tapeline.wire.v1.objects_pb2 import FirmClass, Member, MembershipStatement

RNG = SeededRng("membership")
KEY = SigningKey.generate(RNG)
DEPLOYMENT, SALT, ENTRY = RNG(32), RNG(32), RNG(64)
PEOPLE = {"acme": {"ann": 1, "ben": 1}, "bolt": {"cora": 1}}


def first() -> MembershipStatement:
    return genesis(DEPLOYMENT, PEOPLE, ENTRY, SALT)


def verify(statement: MembershipStatement, previous: VerifiedMembership | None = None) -> VerifiedMembership:
    return verify_statement(sign_statement(KEY, statement), signer_key=KEY.public, previous=previous)


def following(previous: VerifiedMembership) -> MembershipStatement:
    statement = first()
    statement.ClearField("salt")
    statement.conversation, statement.previous = previous.conversation, previous.statement_hash
    statement.sequence = previous.sequence + 1
    return statement


def refusal(statement: MembershipStatement, previous: VerifiedMembership | None = None) -> Rule:
    with pytest.raises(Refused) as caught:
        verify(statement, previous)
    return caught.value.rule


def test_a_genesis_makes_the_conversation() -> None:
    membership = verify(first())
    assert membership.conversation == conversation_id(membership.statement_hash)
    assert membership.tag == tag(SALT, membership.conversation)
    assert membership.firms == (("acme", CLASS), ("bolt", CLASS))
    assert membership.people == {("acme", "ann"), ("acme", "ben"), ("bolt", "cora")}
    assert membership.member("acme", "ann") is not None
    assert membership.member("bolt", "ann") is None


def test_a_statement_extends_the_chain_and_keeps_id_salt_and_tag() -> None:
    genesis_statement = verify(first())
    second = verify(following(genesis_statement), genesis_statement)
    third = verify(following(second), second)
    assert (third.sequence, third.conversation, third.tag) == (2, genesis_statement.conversation, genesis_statement.tag)
    assert parse_statement(sign_statement(KEY, following(second))).conversation == genesis_statement.conversation


def test_two_salts_make_two_conversations() -> None:
    other = first()
    other.salt = RNG(32)
    assert verify(other).conversation != verify(first()).conversation


@pytest.mark.rule(Rule.MEMBERSHIP_CHAIN)
@pytest.mark.parametrize(
    ("field", "value"),
    [("sequence", 2), ("sequence", 0), ("previous", bytes(64)), ("conversation", bytes(64)),
     ("deployment", bytes(32)), ("salt", SALT)],
)  # fmt: skip
def test_a_statement_that_does_not_extend_the_newest_is_refused(field: str, value: object) -> None:
    previous = verify(first())
    statement = following(previous)
    setattr(statement, field, value)
    assert refusal(statement, previous) is Rule.MEMBERSHIP_CHAIN


@pytest.mark.rule(Rule.MEMBERSHIP_CHAIN)
def test_a_fork_from_an_older_statement_is_refused() -> None:
    old = verify(first())
    newest = verify(following(old), old)
    assert refusal(following(old), newest) is Rule.MEMBERSHIP_CHAIN


@pytest.mark.rule(Rule.MEMBERSHIP_CHAIN)
@pytest.mark.parametrize(("field", "value"), [("sequence", 1), ("previous", bytes(64)), ("conversation", bytes(64))])
def test_a_genesis_that_names_a_past_is_refused(field: str, value: object) -> None:
    statement = first()
    setattr(statement, field, value)
    assert refusal(statement) is Rule.MEMBERSHIP_CHAIN


@pytest.mark.rule(Rule.SIGNATURE)
def test_a_statement_signed_by_another_is_refused() -> None:
    other = SigningKey.generate(RNG)
    with pytest.raises(Refused) as caught:
        verify_statement(sign_statement(other, first()), signer_key=KEY.public, previous=None)
    assert caught.value.rule is Rule.SIGNATURE


def double_a_member(statement: MembershipStatement) -> None:
    statement.members.insert(0, statement.members[0])


def double_with_another_right(statement: MembershipStatement) -> None:
    statement.members.insert(0, Member(firm="acme", user="ann", may_change=False))


def unsort(statement: MembershipStatement) -> None:
    statement.members.insert(0, statement.members.pop())


def empty(statement: MembershipStatement) -> None:
    del statement.members[:]
    del statement.firms[:]


@pytest.mark.rule(Rule.MEMBERSHIP_PEOPLE)
@pytest.mark.parametrize("change", [double_a_member, double_with_another_right, unsort, empty])
def test_doubled_unsorted_and_absent_members_are_refused(change: Callable[[MembershipStatement], None]) -> None:
    statement = first()
    change(statement)
    assert refusal(statement) is Rule.MEMBERSHIP_PEOPLE


def drop_a_firm(statement: MembershipStatement) -> None:
    statement.firms.pop()


def add_a_firm(statement: MembershipStatement) -> None:
    statement.firms.append(FirmClass(firm="zinc", retention_class=CLASS))


def double_a_firm(statement: MembershipStatement) -> None:
    statement.firms.append(statement.firms[1])


def unsort_firms(statement: MembershipStatement) -> None:
    statement.firms.insert(0, statement.firms.pop())


@pytest.mark.rule(Rule.MEMBERSHIP_FIRMS)
@pytest.mark.parametrize("change", [drop_a_firm, add_a_firm, double_a_firm, unsort_firms])
def test_firms_other_than_the_members_are_refused(change: Callable[[MembershipStatement], None]) -> None:
    statement = first()
    change(statement)
    assert refusal(statement) is Rule.MEMBERSHIP_FIRMS


@pytest.mark.rule(Rule.WIRE_SIZE)
def test_a_genesis_without_a_salt_of_32_bytes_is_refused() -> None:
    statement = first()
    statement.salt = b"short"
    assert refusal(statement) is Rule.WIRE_SIZE


@pytest.mark.rule(Rule.WIRE_SIZE)
def test_wrong_lengths_and_lists_too_long_are_refused() -> None:
    short, crowded, many_firms = first(), first(), first()
    short.deployment = bytes(31)
    crowded.members.extend([crowded.members[0]] * MEMBERS)
    many_firms.firms.extend([many_firms.firms[0]] * FIRMS)
    for statement in (short, crowded, many_firms):
        assert refusal(statement) is Rule.WIRE_SIZE


@pytest.mark.parametrize("field", ["firm", "user"])
def test_deceptive_names_are_refused(field: str) -> None:
    statement = first()
    setattr(statement.members[0], field, "an\u202en")
    with pytest.raises(MalformedInput):
        verify(statement)
