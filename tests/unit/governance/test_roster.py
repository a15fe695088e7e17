"""Rosters: consistent in themselves, chained by both quorums, changed under a delay."""

from __future__ import annotations

from dataclasses import replace

import pytest
from gov_kit import (
    T0,
    WITNESSES,
    Log,
    key,
    make_roster,
    person,
    sign,
    sign_roster,
    successor,
    with_people,
    witness,
)

from tapeline.base.errors import NotFound
from tapeline.base.rules import Refused, Rule
from tapeline.base.times import DAY, HOUR
from tapeline.governance.chain import RosterChain
from tapeline.governance.person import Witness
from tapeline.governance.roster import Roster, Thresholds, WitnessQuorum
from tapeline.transparency.keys import COSIGNATURE_ML_DSA_44, VerifierKey

V1 = make_roster()


def quantum_safe(name: str, key_name: str) -> Witness:
    """Return a witness with an ML-DSA-44 key; any 1312 bytes are one."""
    vkey = VerifierKey(key_name, COSIGNATURE_ML_DSA_44, name.encode().ljust(1312, b"."))
    return Witness(name, vkey.encode(), "", "outside")


def chain(*later: Roster, seen_ms: int | None = T0) -> RosterChain:
    made = RosterChain.pin(V1.statement_hash)
    for roster in (V1, *later):
        made.add(sign_roster(roster), seen_ms)
    return made


@pytest.mark.rule(Rule.DSSE_SYNTAX)
@pytest.mark.parametrize(
    "change",
    [
        {"people": (*V1.people, person("acme", "olga", {"officer"}, ""))},
        {"people": (*V1.people, replace(V1.people[0], id="oscar"))},
        {"people": (*V1.people, replace(V1.people[0], id="oscar", key=bytes(31) + b"\x80"))},
        {"people": (*V1.people, replace(V1.people[0], id="oscar", key=(1).to_bytes(32, "little")))},
        {"people": (*V1.people, replace(V1.people[0], id="oscar", key=key("o").public, roles=frozenset()))},
        {"people": (*V1.people, replace(V1.people[0], id="oscar", key=key("o").public, hpke=b"short"))},
        {"witnesses": (*V1.witnesses, witness("in1"))},
        {"witnesses": (*V1.witnesses, replace(witness("in1"), name="in2"))},
        {"witnesses": (*V1.witnesses, replace(witness("late1"), vkey="nonsense"))},
        {"witnesses": (*V1.witnesses, replace(witness("late1"), group="elsewhere"))},
        {"witnesses": (*V1.witnesses, quantum_safe("twin", WITNESSES["in1"].key.name))},  # one witness, two keys
        {"witnesses": (*V1.witnesses, *(quantum_safe(f"pq{n}", f"pq{n}.example") for n in range(7)))},
        {"archive_log": V1.audit_log},
        {"audit_log": "nonsense"},
        {"audit_log": witness("late1").vkey},
        {"thresholds": Thresholds(3, 2, 2)},
        {"thresholds": Thresholds(2, 4, 2)},
        {"thresholds": Thresholds(2, 2, 3)},
        {"thresholds": Thresholds(2, 0, 1)},
        {"thresholds": Thresholds(0, 1, 1)},
        {"witness_quorum": WitnessQuorum(4, 1)},
        {"witness_quorum": WitnessQuorum(3, 3)},
        {"witness_quorum": WitnessQuorum(2, 0)},
        {"default_class": "forever"},
        {"classes": (*V1.classes, V1.classes[0])},
        {"relay_key": bytes(32)},
        {"version": 0},
        {"deployment": b"short"},
    ],
)
def test_a_roster_that_contradicts_itself_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(Refused) as refusal:
        Roster.parse(sign_roster(replace(V1, **change)))  # type: ignore[arg-type]
    assert refusal.value.rule is Rule.DSSE_SYNTAX


def test_a_witness_may_have_an_ml_dsa_44_key() -> None:
    added = tuple(quantum_safe(f"pq{n}", f"pq{n}.example") for n in range(5))
    roster = Roster.parse(sign_roster(replace(V1, witnesses=(*V1.witnesses, *added))))
    assert roster.witnesses[-1] == added[-1]
    keys = [member.key for member in roster.archive_policy().witnesses]
    assert (keys[-1].encode(), keys[-1].kind) == (added[-1].vkey, COSIGNATURE_ML_DSA_44)


def test_look_up() -> None:
    assert {one.id for one in V1.with_role("approver")} == {"abel", "adah", "amos"}
    assert V1.find("nobody") is None
    assert V1.by_key(key("acme/rita").public) == V1.find("rita")
    assert V1.enroller_keys() == {key("acme/enid").public}
    assert (V1.archive_origin, V1.audit_origin) == ("archive.example", "acme.example/audit")


def test_the_policy_wants_enough_witnesses_and_enough_from_outside() -> None:
    policy = make_roster(
        witnesses=(witness("in1"), replace(witness("late1"), group="inside"), witness("out1"))
    ).archive_policy()
    assert policy.is_met_by({"in1", "out1"})
    assert policy.is_met_by({"in1", "late1", "out1"})
    assert not policy.is_met_by({"in1", "late1"})
    assert not policy.is_met_by({"out1"})


def test_a_chain_grows_by_both_quorums() -> None:
    v2 = successor(V1, expires_ms=T0 + 400 * DAY)
    grown = chain(v2)
    assert (len(grown), grown.current, grown.at(1), grown.by_hash(v2.statement_hash)) == (2, v2, V1, v2)
    with pytest.raises(NotFound):
        grown.at(3)
    with pytest.raises(NotFound):
        RosterChain.pin(V1.statement_hash).in_force(T0)


NEW = (("oda", {"officer"}, ""), ("odo", {"officer"}, ""))
TAKEOVER = successor(V1, people=with_people(V1, *NEW, without=("olga", "omar")))


@pytest.mark.rule(Rule.ROSTER_CHAIN)
@pytest.mark.parametrize(
    ("roster", "officers"),
    [
        (successor(V1), ("olga",)),
        (successor(V1), ("olga", "rita")),
        (TAKEOVER, ("oda", "odo")),
        (TAKEOVER, ("olga", "omar")),
        (TAKEOVER, ("olga", "oda")),
        (successor(V1, version=3), ()),
        (successor(V1, version=1), ()),
        (successor(V1, previous=bytes(64)), ()),
        (successor(V1, deployment=b"e" * 32), ()),
        (successor(V1, organisation="bolt"), ("olga", "omar")),
    ],
)
def test_a_roster_that_does_not_follow_is_refused(roster: Roster, officers: tuple[str, ...]) -> None:
    names = [f"acme/{name}" for name in (officers or ("olga", "omar"))]
    with pytest.raises(Refused) as refusal:
        chain().add(sign(roster, *names), T0)
    assert refusal.value.rule is Rule.ROSTER_CHAIN


def test_a_takeover_needs_old_and_new_officers() -> None:
    grown = chain()
    grown.add(sign_roster(TAKEOVER, "olga", "omar", "oda", "odo"), T0)
    assert grown.current == TAKEOVER


@pytest.mark.rule(Rule.ROSTER_CHAIN)
def test_the_first_roster_is_the_pinned_version_1() -> None:
    other = make_roster(expires_ms=T0 + DAY)
    late = make_roster(version=2, previous=bytes(64))
    one = (RosterChain.pin(V1.statement_hash), sign_roster(other))
    two = (RosterChain.pin(late.statement_hash), sign_roster(late))
    three = (RosterChain.pin(V1.statement_hash), sign_roster(V1, "olga"))
    for pinned, envelope in (one, two, three):
        with pytest.raises(Refused) as refusal:
            pinned.add(envelope, T0)
        assert refusal.value.rule is Rule.ROSTER_CHAIN


APPROVERS = successor(V1, people=with_people(V1, ("ada", {"approver"}, "legal")))


def test_a_change_of_approvers_waits() -> None:
    grown = chain(APPROVERS)
    before, after = grown.in_force(T0 + 72 * HOUR - 1), grown.in_force(T0 + 72 * HOUR)
    assert {one.id for one in before.approvers} == {"abel", "adah", "amos"}
    assert {one.id for one in after.approvers} == {"abel", "ada", "adah", "amos"}
    assert grown.announced(T0) == 2
    assert grown.announced(T0 + 72 * HOUR) is None


@pytest.mark.parametrize(
    "change",
    [
        {"thresholds": Thresholds(2, 1, 1)},
        {"publication_delay_ms": 0},
        {"change_delay_ms": 0},
        {"witnesses": (witness("late1"), witness("late2"))},
        {"witness_quorum": WitnessQuorum(1, 1)},
    ],
)
def test_what_would_weaken_the_gate_waits_too(change: dict[str, object]) -> None:
    grown = chain(successor(V1, **change))
    assert grown.in_force(T0 + 72 * HOUR - 1) == chain().in_force(T0)
    assert grown.in_force(T0 + 72 * HOUR) != chain().in_force(T0)


def test_other_changes_take_effect_at_once_and_do_not_restart_the_delay() -> None:
    v3 = successor(APPROVERS, expires_ms=T0 + 500 * DAY)
    grown = chain(APPROVERS)
    grown.add(sign_roster(v3), T0 + 71 * HOUR)
    assert grown.current.expires_ms == T0 + 500 * DAY
    assert len(grown.in_force(T0 + 72 * HOUR).approvers) == 4


def test_a_change_that_is_taken_back_never_comes_into_force() -> None:
    back = successor(APPROVERS, people=V1.people)
    grown = chain(APPROVERS)
    grown.add(sign_roster(back), T0 + HOUR)
    assert len(grown.in_force(T0 + 73 * HOUR).approvers) == 3
    assert grown.announced(T0 + HOUR) is None


def test_a_change_of_unproven_age_is_not_in_force() -> None:
    assert len(chain(APPROVERS, seen_ms=None).in_force(T0 + 365 * DAY).approvers) == 3


def test_a_shorter_delay_waits_for_the_old_one() -> None:
    hasty = successor(V1, people=APPROVERS.people, change_delay_ms=0)
    grown = chain(hasty)
    assert len(grown.in_force(T0 + 72 * HOUR - 1).approvers) == 3


def test_a_note_obeys_the_witnesses_in_force_at_its_own_time() -> None:
    later = successor(V1, witnesses=(witness("late1"), witness("late2"), witness("in1")))
    grown, log = chain(later), Log("archive.example")
    log.append(b"leaf")
    change = T0 + 72 * HOUR
    assert grown.verify_archive_note(log.note(T0)).size == 1
    assert grown.verify_archive_note(log.note(change, by=("late1", "late2"))).median_time_ms == change
    for note in (log.note(T0, by=("late1", "late2")), log.note(change, by=("in1", "out1"))):
        with pytest.raises(Refused) as refusal:
            grown.verify_archive_note(note)
        assert refusal.value.rule is Rule.NOTE_QUORUM


def test_an_audit_note_is_no_archive_note() -> None:
    log = Log("acme.example/audit")
    log.append(b"leaf")
    assert chain().verify_audit_note(log.note(T0)).origin == "acme.example/audit"
    with pytest.raises(Refused) as refusal:
        chain().verify_archive_note(log.note(T0))
    assert refusal.value.rule is Rule.NOTE_SIGNATURE


def test_a_copy_grows_apart() -> None:
    one = chain()
    two = one.copy()
    two.add(sign_roster(APPROVERS), T0)
    assert (len(one), len(two)) == (1, 2)


@pytest.mark.parametrize("changes", [{"version": 3, "previous": b"p" * 64}, {"default_class": "ten-years"}])
def test_who_gives_another_roster_than_the_pinned_one_is_told_which_is_which(changes: dict[str, object]) -> None:
    pinned, given = make_roster(), make_roster(**changes)
    with pytest.raises(Refused) as refusal:
        RosterChain.pin(pinned.statement_hash).verify(sign_roster(given))
    assert pinned.statement_hash.hex()[:16] in refusal.value.cause
    assert f"version {given.version}" in refusal.value.cause
    assert "signatures" not in str(refusal.value)
