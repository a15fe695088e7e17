"""What officers sign is shown whole: people, witnesses, thresholds, delays, changes; and what is unwise in it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from gov_kit import (
    T0,
    make_certificate,
    make_roster,
    person,
    sign,
    sign_certificate,
    sign_roster,
    successor,
    with_people,
)

from tapeline.base.times import DAY, HOUR
from tapeline.governance.case import Subject, Window
from tapeline.governance.exception import RecordException
from tapeline.governance.hold import Hold
from tapeline.governance.person import Witness
from tapeline.governance.revocation import Revocation
from tapeline.governance.roster import Roster, Thresholds, WitnessQuorum
from tapeline.officer.describe import describe
from tapeline.officer.warnings import roster_warnings

ROSTER = make_roster()


def facts(data: bytes, **more: Roster) -> dict[str, str]:
    return dict(describe(data, T0, **more).facts)


def test_a_roster_is_shown_whole() -> None:
    told = describe(sign_roster(ROSTER, "olga"), T0)
    shown = dict(told.facts)
    assert shown["Officers who sign"] == "2 of 2"
    assert shown["Approvals of a case"] == "2 people from 2 groups"
    assert shown["Witnesses that cosign"] == "2 of 3, 1 of them outside"
    assert shown["A change is public"] == "3 days before new approvers or witnesses count"
    assert shown["A warrant is public"] == "1 hour before a release"
    assert shown["Ends"].startswith("2028-01-15")
    assert {row[0] for row in told.witnesses} == {"in1", "out1", "out2"}
    assert {row[0]: row[2] for row in told.people}["omar"] == "legal, officer"
    assert all(len(row[4].split()) == 12 for row in told.people)
    assert (told.signed_by, told.strangers) == (["olga"], 0)
    assert told.payload["change_delay_ms"] == 72 * HOUR  # --json has all that is signed


def test_a_strangers_signature_is_told() -> None:
    told = describe(sign(ROSTER, "acme/olga", "nobody"), T0)
    assert (told.signed_by, told.strangers) == (["olga"], 1)


def test_a_version_is_compared_with_the_one_before() -> None:
    people = with_people(ROSTER, ("nina", {"approver"}, "legal"), without=("amos",))
    people = tuple(
        replace(one, key=person("acme", "other", {"officer"}, "").key) if one.id == "omar" else one for one in people
    )
    moved = Witness("out1", ROSTER.witnesses[1].vkey, "https://w.example", "outside")
    after = successor(
        ROSTER,
        people=people,
        witnesses=(ROSTER.witnesses[0], moved),
        change_delay_ms=HOUR,
        thresholds=Thresholds(1, 2, 2),
    )
    changes = "\n".join(describe(after.sign([]), T0, before=ROSTER).changes or [])
    for sentence in (
        'The person "amos" is left out.',
        'The person "nina" is new: approver, of legal.',
        'The person "omar" changes: a new key, read aloud: ',
        'The witness "out2" is left out.',
        'The witness "out1" changes: address none → https://w.example.',
        "Officers who sign: 2 → 1.",
        "A change is public before it counts: 3 days → 1 hour.",
        "counts 3 days after it was posted.",
    ):
        assert sentence in changes, sentence


def test_a_version_that_does_not_follow_is_told() -> None:
    other = replace(successor(ROSTER), previous=b"x" * 64)
    assert "does not follow" in (describe(other.sign([]), T0, before=ROSTER).changes or [""])[0]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "All 2 officers must sign"),
        ({"thresholds": Thresholds(1, 2, 2)}, "One officer alone"),
        ({"people": tuple(one for one in ROSTER.people if one.id != "enid")}, "There is no enroller"),
        ({}, 'groups are needed and "works council" has one approver'),
        ({"thresholds": Thresholds(2, 3, 2)}, "All 3 approvers must approve"),
        ({}, "bears no witness that lies"),
        ({"witness_quorum": WitnessQuorum(3, 1)}, "All 3 witnesses must cosign"),
        ({}, 'The witness "in1" has no address'),
        ({"publication_delay_ms": 0}, "Warrants are executed without any delay"),
        ({"change_delay_ms": 0}, "count at once"),
        ({"addresses": {"rely": "127.0.0.1:1"}}, '"rely" is an address of no known service'),
        ({"expires_ms": T0 + 20 * DAY}, "ends in 20 days"),
        ({"expires_ms": T0 - DAY}, "ended at"),
    ],
)
def test_what_is_lawful_and_unwise_is_told(changes: dict[str, object], says: str) -> None:
    told = roster_warnings(make_roster(**changes), T0)
    assert any(says in one for one in told), told


def test_a_certificate_is_shown_and_judged() -> None:
    certificate = make_certificate(ROSTER)
    shown = facts(sign_certificate(certificate))
    assert shown["Opens with"] == "2 of 3 custodians: carl, cleo, cyra"
    told = describe(sign_certificate(certificate), T0, roster=ROSTER)
    assert told.warnings == []
    assert told.signed_by == ["carl", "cleo", "cyra", "olga", "omar"]
    other = make_roster(expires_ms=T0 + 300 * DAY)
    assert any("not this roster's" in one for one in describe(sign_certificate(certificate), T0, roster=other).warnings)


def test_a_revocation_names_the_person() -> None:
    revocation = Revocation("person", "carl", "", "Left the firm.", T0)
    shown = facts(sign(revocation, "acme/olga"), roster=ROSTER)
    assert shown["Revokes"] == "the person carl"
    assert shown["That is"] == "Carl (carl): custodian"
    assert shown["Reason"] == "Left the firm."


def test_an_exception_says_what_breaks_and_what_follows() -> None:
    exception = RecordException(bytes([1]) * 64, bytes([2]) * 64, "REC-17", "The relay hid a revocation.", T0)
    told = describe(sign(exception, "acme/olga"), T0, roster=ROSTER)
    shown = dict(told.facts)
    assert shown["Lets be opened"] == f"the session {'02' * 64}"
    assert shown["In the case"] == "01" * 64
    assert shown["Although it breaks"].startswith("REC-17: a record with a device")
    assert (shown["Reason"], told.signed_by) == ("The relay hid a revocation.", ["olga"])
    assert told.warnings[0].startswith("This record does not verify")


def test_any_other_statement_is_shown_by_its_fields() -> None:
    window = Window(T0, T0 + DAY)
    hold = Hold("Matter 17", "omar", (Subject("acme", "alice"),), (), window, "Dispute.", T0)
    told = describe(sign(hold, "acme/omar"), T0, roster=ROSTER)
    shown = dict(told.facts)
    assert (shown["Matter"], shown["Conversations"], told.signed_by) == ("Matter 17", "none", ["omar"])
    assert shown["Subjects"] == "firm acme; user alice"
    assert shown["Window"].startswith("from 2027-01-15")
