"""Cases, the approvals that carry them, and their scope."""

from __future__ import annotations

from dataclasses import replace

import pytest
from gov_kit import CLASS, T0, make_approval, make_case, make_roster, person, sign, sign_roster, successor, with_people

from tapeline.base.rules import Refused, Rule
from tapeline.base.times import DAY, HOUR
from tapeline.governance.approvals import verify_approval, verify_approvals
from tapeline.governance.case import Case, Subject, Window, verify_case
from tapeline.governance.chain import RosterChain, guarded
from tapeline.governance.roster import Thresholds
from tapeline.governance.scope import SessionFact, freeze, in_scope, in_window, require_in_scope

ROSTER = make_roster()
FORCE = guarded(ROSTER)
CASE = make_case()
AT = T0 + 2 * HOUR


def refused(rule: Rule, call: object, *arguments: object) -> None:
    with pytest.raises(Refused) as refusal:
        call(*arguments)  # type: ignore[operator]
    assert refusal.value.rule is rule


def test_a_reviewers_case_is_believed() -> None:
    assert verify_case(sign(CASE, "acme/rita"), ROSTER, AT) == CASE


@pytest.mark.rule(Rule.CASE_SIGNATURE)
@pytest.mark.parametrize(
    ("case", "by", "at_ms"),
    [
        (CASE, "acme/abel", AT),
        (CASE, "bolt/rita", AT),
        (CASE, "acme/rita", CASE.expires_ms),
        (replace(CASE, firm="bolt"), "acme/rita", AT),
        (replace(CASE, subjects=()), "acme/rita", AT),
        (replace(CASE, subjects=(Subject("acme", "ann"),) * 2), "acme/rita", AT),
        (replace(CASE, conversations=(bytes(64),) * 2), "acme/rita", AT),
        (replace(CASE, window=Window(T0 + 1, T0)), "acme/rita", AT),
        (replace(CASE, created_ms=CASE.expires_ms), "acme/rita", AT),
        (replace(CASE, purpose=" "), "acme/rita", AT),
        (replace(CASE, matter=""), "acme/rita", AT),
    ],
)
def test_other_cases_are_refused(case: Case, by: str, at_ms: int) -> None:
    refused(Rule.CASE_SIGNATURE, verify_case, sign(case, by), ROSTER, at_ms)


def approve(name: str, /, **changes: object) -> bytes:
    return sign(make_approval(CASE, name, **changes), f"acme/{name}")


def test_two_people_of_two_groups_suffice() -> None:
    verified = verify_approvals([approve("abel"), approve("adah")], CASE, ROSTER, FORCE, AT)
    assert [one.approver.id for one in verified] == ["abel", "adah"]


@pytest.mark.rule(Rule.APPROVAL_QUORUM)
@pytest.mark.parametrize("names", [(), ("abel",), ("abel", "abel"), ("abel", "amos")])
def test_too_few_people_or_groups_are_refused(names: tuple[str, ...]) -> None:
    refused(Rule.APPROVAL_QUORUM, verify_approvals, [approve(name) for name in names], CASE, ROSTER, FORCE, AT)


@pytest.mark.rule(Rule.APPROVAL_QUORUM)
def test_people_are_counted_beside_their_groups_and_each_once() -> None:
    three = make_roster(thresholds=Thresholds(2, 3, 2))
    enough = [approve(name) for name in ("abel", "adah", "amos")]
    again = sign(make_approval(CASE, "abel", comment="yes, once more"), "acme/abel")
    for approvals in (enough[:2], [*enough[:2], enough[0]], [*enough[:2], again]):
        refused(Rule.APPROVAL_QUORUM, verify_approvals, approvals, CASE, three, guarded(three), AT)
    assert len(verify_approvals(enough, CASE, three, guarded(three), AT)) == 3


@pytest.mark.rule(Rule.APPROVAL_ROLE)
@pytest.mark.parametrize("name", ["olga", "carl", "nobody"])
def test_an_approval_by_no_approver_is_refused(name: str) -> None:
    refused(Rule.APPROVAL_ROLE, verify_approval, approve(name), CASE, ROSTER, FORCE, AT)


@pytest.mark.rule(Rule.DSSE_SIGNATURE)
def test_an_approval_that_another_signed_is_refused() -> None:
    refused(
        Rule.DSSE_SIGNATURE, verify_approval, sign(make_approval(CASE, "abel"), "acme/adah"), CASE, ROSTER, FORCE, AT
    )


@pytest.mark.rule(Rule.APPROVAL_SELF)
@pytest.mark.parametrize(
    "case",
    [
        replace(CASE, requester="abel"),
        replace(CASE, subjects=(Subject("acme", "ann"), Subject("acme", "abel"))),
    ],
)
def test_an_approval_by_one_involved_is_refused(case: Case) -> None:
    envelope = sign(make_approval(case, "abel"), "acme/abel")
    refused(Rule.APPROVAL_SELF, verify_approval, envelope, case, ROSTER, FORCE, AT)


@pytest.mark.rule(Rule.APPROVAL_SELF)
def test_an_approval_by_a_reviewer_is_refused() -> None:
    both = make_roster(people=with_people(ROSTER, ("abel", {"approver", "reviewer"}, "legal"), without=("abel",)))
    refused(Rule.APPROVAL_SELF, verify_approval, approve("abel"), CASE, both, guarded(both), AT)
    # One who became a reviewer after the approvers last changed is one too.
    refused(Rule.APPROVAL_SELF, verify_approval, approve("abel"), CASE, both, FORCE, AT)


def test_a_subject_of_that_name_at_another_firm_is_another_person() -> None:
    case = replace(CASE, subjects=(Subject("bolt", "abel"),))
    assert verify_approval(sign(make_approval(case, "abel"), "acme/abel"), case, ROSTER, FORCE, AT)


@pytest.mark.rule(Rule.APPROVAL_CASE)
def test_an_approval_of_another_case_or_an_expired_one_is_refused() -> None:
    for changes in ({"case": bytes(64)}, {"expires_ms": AT}):
        refused(Rule.APPROVAL_CASE, verify_approval, approve("abel", **changes), CASE, ROSTER, FORCE, AT)


@pytest.mark.rule(Rule.ROSTER_DELAY)
def test_an_approver_of_too_recent_appointment_is_refused() -> None:
    chain = RosterChain.pin(ROSTER.statement_hash)
    chain.add(sign_roster(ROSTER), T0)
    chain.add(sign_roster(successor(ROSTER, people=with_people(ROSTER, ("ada", {"approver"}, "board")))), T0)
    case = replace(CASE, expires_ms=T0 + 30 * DAY)
    envelope = sign(make_approval(case, "ada"), "acme/ada")
    early, late = T0 + 72 * HOUR - 1, T0 + 72 * HOUR
    refused(Rule.ROSTER_DELAY, verify_approval, envelope, case, chain.current, chain.in_force(early), early)
    assert verify_approval(envelope, case, chain.current, chain.in_force(late), late).approver.group == "board"


def test_thresholds_in_force_are_those_that_count() -> None:
    eager = make_roster(thresholds=Thresholds(2, 1, 1))
    refused(Rule.APPROVAL_QUORUM, verify_approvals, [approve("abel")], CASE, eager, FORCE, AT)
    assert verify_approvals([approve("abel")], CASE, eager, guarded(eager), AT)
    assert person("acme", "abel", {"approver"}, "legal") in FORCE.approvers


ANN, BEN = Subject("acme", "ann"), Subject("acme", "ben")
SESSION = SessionFact(b"r" * 64, b"c" * 64, ANN, frozenset({BEN}), (("acme", CLASS),), 5, T0 + HOUR, T0 + 2 * HOUR)


@pytest.mark.parametrize(
    ("change", "inside"),
    [
        ({}, True),
        ({"subjects": (BEN,)}, True),
        ({"subjects": (Subject("acme", "eve"),)}, False),
        ({"subjects": (Subject("bolt", "ann"),)}, False),
        ({"subjects": (Subject("acme", "eve"), BEN)}, True),
        ({"conversations": (b"c" * 64,)}, True),
        ({"conversations": (b"d" * 64,)}, False),
        ({"window": Window(T0, T0 + HOUR)}, True),
        ({"window": Window(T0, T0 + HOUR - 1)}, False),
        ({"window": Window(T0 + 2 * HOUR, T0 + DAY)}, True),
        ({"window": Window(T0 + 2 * HOUR + 1, T0 + DAY)}, False),
        ({"retention_class": CLASS}, True),
        ({"retention_class": "ten-years"}, False),
        ({"firm": "bolt"}, False),
    ],
)
@pytest.mark.rule(Rule.GATE_SCOPE)
def test_scope(change: dict[str, object], inside: bool) -> None:
    case = replace(CASE, **change)  # type: ignore[arg-type]
    assert in_scope(case, SESSION) is inside
    if inside:
        require_in_scope(case, SESSION)
    else:
        refused(Rule.GATE_SCOPE, require_in_scope, case, SESSION)


def test_freeze_keeps_what_is_in_scope_in_the_order_of_the_log() -> None:
    later = replace(SESSION, record_hash=b"s" * 64, leaf_index=9, messages=2)
    other = replace(SESSION, record_hash=b"t" * 64, leaf_index=7, sender=BEN)
    rows = freeze(CASE, [later, other, SESSION])
    assert [(row.record_hash, row.leaf_index, row.messages) for row in rows] == [(b"r" * 64, 5, 0), (b"s" * 64, 9, 2)]


def test_ciphertext_goes_out_for_the_window_only() -> None:
    assert [in_window(CASE, time) for time in (T0 - 1, T0, T0 + DAY, T0 + DAY + 1)] == [False, True, True, False]
