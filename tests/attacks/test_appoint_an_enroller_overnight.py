"""An enroller whom officers appoint gains nothing at once; an enroller or approver who is dismissed has ended."""

from __future__ import annotations

from dataclasses import replace

import pytest
from gov_kit import (
    Archive,
    Matter,
    key,
    make_roster,
    sign_roster,
    successor,
    with_people,
)

from tapeline.base.rules import Refused, Rule
from tapeline.base.times import HOUR, MINUTE, time_text
from tapeline.crypto.device import issue_device_entry
from tapeline.crypto.membership import sign_statement
from tapeline.governance.gate import pass_gate
from tapeline.governance.gate_input import AgentMemory, Consent
from tapeline.governance.roster import Roster
from tapeline.wire.v1 import objects_pb2 as pb

DEVICE, MEMBERSHIP = pb.LEAF_TYPE_DEVICE, pb.LEAF_TYPE_MEMBERSHIP
V1 = make_roster()
EVE = ("eve", {"enroller"}, "")


def ghost(archive: Archive, number: int = 2) -> bytes:
    """A second device of ann's, by the new enroller."""
    eve = key("acme/eve")
    return issue_device_entry(eve, archive.entry("ann", number=number, issuer=eve.public))


def appointed(archive: Archive, roster: Roster) -> None:
    archive.publish(pb.LEAF_TYPE_ROSTER, sign_roster(roster))


@pytest.mark.rule(Rule.DEVICE_ISSUER)
def test_a_new_enroller_enrols_nobody_before_the_delay() -> None:
    archive = Archive()
    archive.enrol("ann")
    appointed(archive, successor(V1, people=with_people(V1, EVE)))
    counts_ms = archive.now_ms + 72 * HOUR
    archive.now_ms = counts_ms - 1
    with pytest.raises(Refused) as refusal:
        archive.state.check(DEVICE, ghost(archive), leaf_time_ms=archive.now_ms)
    assert refusal.value.rule is Rule.DEVICE_ISSUER
    assert time_text(counts_ms) in refusal.value.cause  # ordinary people learn when to come again
    archive.now_ms = counts_ms
    archive.publish(DEVICE, ghost(archive))
    assert len(archive.state.devices_of("acme", "ann")) == 2


@pytest.mark.rule(Rule.MEMBERSHIP_SIGNER)
def test_a_new_enroller_changes_no_conversation_before_the_delay() -> None:
    archive = Archive()
    ann, _ = archive.enrol("ann"), archive.enrol("ben")
    membership = archive.converse(ann)
    appointed(archive, successor(V1, people=with_people(V1, EVE)))
    eve = key("acme/eve")

    def added() -> bytes:
        statement = archive.statement([("acme", "ann"), ("acme", "ben")], membership, signer=eve.public)
        return sign_statement(eve, statement)

    with pytest.raises(Refused) as refusal:
        archive.state.check(MEMBERSHIP, added(), leaf_time_ms=archive.now_ms)
    assert refusal.value.rule is Rule.MEMBERSHIP_SIGNER
    archive.now_ms += 72 * HOUR
    archive.publish(MEMBERSHIP, added())


@pytest.mark.rule(Rule.DEVICE_ISSUER)
@pytest.mark.parametrize("how", ["left out", "another key", "another role"])
def test_a_dismissed_enroller_stops_at_once(how: str) -> None:
    """Who is still in force is not enough: the newest roster must name them too."""
    archive = Archive()
    archive.enrol("ann")
    enid = V1.find("enid")
    assert enid is not None
    others = with_people(V1, ("eve", {"enroller"}, ""), without=("enid",))
    changed = {
        "left out": (),
        "another key": (replace(enid, key=key("another").public),),
        "another role": (replace(enid, roles=frozenset({"auditor"})),),
    }
    appointed(archive, successor(V1, people=(*others, *changed[how])))
    entry = issue_device_entry(key("acme/enid"), archive.entry("cyd"))
    with pytest.raises(Refused) as refusal:
        archive.state.check(DEVICE, entry, leaf_time_ms=archive.now_ms)
    assert refusal.value.rule is Rule.DEVICE_ISSUER


def test_the_founding_enroller_works_at_once() -> None:
    assert Archive().enrol("ann").device.user == "ann"


@pytest.mark.rule(Rule.APPROVAL_ROLE)
@pytest.mark.parametrize("replaced", [True, False])
def test_a_dismissed_approvers_approval_does_not_count_for_the_delay(replaced: bool) -> None:
    matter = Matter()
    abel = matter.roster.find("abel")
    assert abel is not None
    renewed = (replace(abel, key=key("acme/abel's new key").public),) if replaced else ()
    people = (*with_people(matter.roster, without=("abel",)), *renewed)
    newer = successor(matter.roster, people=people)
    matter.audit.post("roster", sign_roster(newer), matter.now_ms - MINUTE)
    with pytest.raises(Refused) as refusal:
        pass_gate(matter.input(), AgentMemory(), Consent(unattended_classes=frozenset(V1.classes)), matter.now_ms)
    assert refusal.value.rule is (Rule.ROSTER_DELAY if replaced else Rule.APPROVAL_ROLE)


def test_an_approver_who_stays_goes_on_while_others_change() -> None:
    matter = Matter()
    people = with_people(matter.roster, ("ada", {"approver"}, "legal"), without=("amos",))
    matter.audit.post("roster", sign_roster(successor(matter.roster, people=people)), matter.now_ms - MINUTE)
    consent = Consent(unattended_classes=frozenset(V1.classes))
    passed = pass_gate(matter.input(), AgentMemory(), consent, matter.now_ms)
    assert [one.approver.id for one in passed.before.approvals] == ["abel", "adah"]
