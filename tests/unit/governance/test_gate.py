"""The gate, step by step: a whole package passes, and each thing that may be wrong with one stops it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from gov_kit import (
    CLASS,
    T0,
    Audit,
    Matter,
    hpke,
    key,
    make_approval,
    make_case,
    make_roster,
    sign,
    sign_roster,
    successor,
    with_people,
    witness,
)

from tapeline.base.rules import Refused, Rule
from tapeline.base.times import DAY, HOUR, MINUTE, SECOND
from tapeline.crypto.group import Scalar
from tapeline.crypto.record.parse import parse_record
from tapeline.governance.case import Subject, Window
from tapeline.governance.gate import pass_gate, pass_gate_before_ciphertext, summarise
from tapeline.governance.gate_input import AgentMemory, Consent, GateInput, GatePass
from tapeline.governance.manifest import ManifestSession
from tapeline.governance.revocation import Revocation
from tapeline.governance.roster import Roster
from tapeline.transparency import merkle
from tapeline.wire.v1 import objects_pb2 as pb
from tapeline.wire.v1.escrow_pb2 import ArchivedRecord

UNATTENDED = Consent(unattended_classes=frozenset({CLASS}))
FRESH = AgentMemory()


@pytest.fixture
def matter() -> Matter:
    return Matter()


def go(matter: Matter, package: GateInput | None = None, agent: AgentMemory = FRESH, **options: object) -> GatePass:
    now_ms = options.get("now_ms", matter.now_ms)
    consent = options.get("consent", UNATTENDED)
    return pass_gate(package or matter.input(), agent, consent, now_ms)  # type: ignore[arg-type]


def refused(rule: Rule, matter: Matter, package: GateInput | None = None, **options: object) -> None:
    with pytest.raises(Refused) as refusal:
        go(matter, package, **options)  # type: ignore[arg-type]
    assert refusal.value.rule is rule


def test_a_whole_package_passes(matter: Matter) -> None:
    passed = go(matter)
    assert [one.verified.record_hash for one in passed.sessions] == [one.record_hash for one, _ in matter.sessions]
    assert passed.case == matter.case
    assert passed.seal_to.encode() == matter.case.hpke_public
    assert passed.warrant_leaf == merkle.leaf_hash(matter.audit.log.entries[matter.warrant_index])
    certificate = matter.archive.certificates["acme"]
    assert all(one.certificate == certificate for one in passed.sessions)
    assert passed.memory.audit_size == len(matter.audit.log.entries)
    assert passed.memory.last_time_ms == matter.now_ms
    assert set(passed.memory.answered.values()) == passed.memory.released[passed.warrant_leaf]


def test_the_same_warrant_serves_its_other_sessions_later(matter: Matter) -> None:
    package = matter.input()
    first = go(matter, replace(package, records=package.records[:1]))
    second = go(matter, replace(package, records=package.records[1:]), first.memory)
    assert len(second.memory.answered) == 2
    assert len(second.memory.released[second.warrant_leaf]) == 2


# --- 1: the audit log ------------------------------------------------------------------------------------------------


@pytest.mark.rule(Rule.GATE_CHECKPOINT)
@pytest.mark.parametrize("by", [("in1",), ("out1",), ("in1", "late1")])
def test_1_a_checkpoint_without_its_quorum_is_refused(matter: Matter, by: tuple[str, ...]) -> None:
    refused(Rule.GATE_CHECKPOINT, matter, matter.input(audit_note=matter.audit.log.note(matter.now_ms, by=by)))


@pytest.mark.rule(Rule.GATE_CHECKPOINT)
def test_1_the_companys_own_witnesses_do_not_freshen_a_stale_log() -> None:
    """A revocation is hidden behind an old checkpoint that inside witnesses cosign anew, as they may."""
    matter = Matter(roster=make_roster(witnesses=(witness("in1"), witness("in2"), witness("out1"))))
    old, by = matter.now_ms, ("in1", "in2", "out1")
    hidden = matter.input()
    matter.now_ms += 10 * DAY
    stale = matter.audit.log.note(matter.now_ms, by=by, times_ms={"out1": old})
    refused(Rule.GATE_CHECKPOINT, matter, replace(hidden, audit_note=stale))
    assert go(matter, replace(hidden, audit_note=matter.audit.log.note(matter.now_ms, by=by)))


@pytest.mark.rule(Rule.GATE_CHECKPOINT)
def test_1_another_logs_checkpoint_is_refused(matter: Matter) -> None:
    refused(Rule.GATE_CHECKPOINT, matter, matter.input(audit_note=matter.archive.log.note(matter.now_ms)))


@pytest.mark.rule(Rule.GATE_CHECKPOINT)
def test_1_leaves_left_out_or_put_in_are_refused(matter: Matter) -> None:
    whole = matter.input()
    leaves = whole.audit_leaves
    altered = replace(
        leaves[1],
        leaf=pb.AuditLeaf(kind="x", statement_hash=bytes(64), time_ms=1, text_hash=bytes(64)).SerializeToString(),
    )
    for changed in (leaves[:-1], (*leaves, leaves[-1]), (leaves[0], altered)):
        refused(Rule.GATE_CHECKPOINT, matter, replace(whole, audit_leaves=changed))


@pytest.mark.rule(Rule.WIRE_SIZE)
def test_1_an_audit_leaf_holds_a_whole_hash(matter: Matter) -> None:
    short = pb.AuditLeaf(kind="note", statement_hash=bytes(63), time_ms=matter.now_ms, text_hash=bytes(64))
    matter.audit.log.append(short.SerializeToString(deterministic=True))
    matter.audit.texts.append(b"")
    refused(Rule.WIRE_SIZE, matter)


@pytest.mark.rule(Rule.GATE_CHECKPOINT)
def test_1_a_log_that_forked_since_the_agents_last_checkpoint_is_refused(matter: Matter) -> None:
    for memory in (AgentMemory(audit_size=1, audit_root=bytes(32)), AgentMemory(audit_size=9, audit_root=bytes(32))):
        refused(Rule.GATE_CHECKPOINT, matter, agent=memory)
    seen = AgentMemory(audit_size=1, audit_root=merkle.leaf_hash(matter.audit.log.entries[0]))
    assert go(matter, agent=seen)


@pytest.mark.rule(Rule.GATE_CHECKPOINT)
def test_1_texts_of_rosters_and_revocations_are_demanded(matter: Matter) -> None:
    whole = matter.input()
    missing = (replace(whole.audit_leaves[0], statement=b""), *whole.audit_leaves[1:])
    refused(Rule.GATE_CHECKPOINT, matter, replace(whole, audit_leaves=missing))
    other = sign(Revocation("person", "amos", "", "", T0), "acme/olga", "acme/omar")
    matter.revoke(sign(Revocation("person", "abel", "", "", T0), "acme/olga", "acme/omar"))
    whole = matter.input()
    swapped = (*whole.audit_leaves[:-1], replace(whole.audit_leaves[-1], statement=other))
    refused(Rule.GATE_CHECKPOINT, matter, replace(whole, audit_leaves=swapped))


@pytest.mark.rule(Rule.GATE_CHECKPOINT)
def test_1_an_older_note_of_a_fork_is_refused(matter: Matter) -> None:
    fork = Matter()
    fork.file(warrant={"created_ms": T0})
    refused(Rule.GATE_CHECKPOINT, matter, matter.input(publication_notes=tuple(fork.older_notes)))
    refused(Rule.GATE_CHECKPOINT, matter, matter.input(publication_notes=tuple(matter.older_notes) * 65))


@pytest.mark.rule(Rule.GATE_CLOCK)
def test_1_the_witnesses_time_is_held_against_the_clock(matter: Matter) -> None:
    for now_ms in (matter.now_ms + 10 * MINUTE + 1, matter.now_ms - 10 * MINUTE - 1):
        refused(Rule.GATE_CLOCK, matter, now_ms=now_ms)
    assert go(matter, now_ms=matter.now_ms + 10 * MINUTE)
    refused(Rule.GATE_CLOCK, matter, agent=AgentMemory(last_time_ms=matter.now_ms + 1))
    assert go(matter, agent=AgentMemory(last_time_ms=matter.now_ms))


@pytest.mark.rule(Rule.ROSTER_EXPIRED)
def test_1_an_expired_roster_stops_warrants() -> None:
    expiring = Matter(roster=make_roster(expires_ms=T0 + 3 * HOUR))
    refused(Rule.ROSTER_EXPIRED, expiring)
    expiring.now_ms -= SECOND
    assert go(expiring)


@pytest.mark.rule(Rule.ROSTER_CHAIN)
def test_1_rosters_chain_from_the_pinned_one(matter: Matter) -> None:
    refused(Rule.ROSTER_CHAIN, matter, matter.input(pinned_roster=bytes(64)))
    matter.audit.post("roster", sign_roster(successor(matter.roster), "olga"), matter.now_ms)
    refused(Rule.ROSTER_CHAIN, matter)


@pytest.mark.rule(Rule.ROSTER_CHAIN)
def test_1_a_log_without_a_roster_is_refused(matter: Matter) -> None:
    matter.audit = Audit()
    matter.file()
    refused(Rule.ROSTER_CHAIN, matter)


OFFICERS = ("acme/olga", "acme/omar")


@pytest.mark.rule(Rule.GATE_REVOKED)
@pytest.mark.parametrize(
    ("kind", "target", "by", "signers"),
    [
        ("case", lambda m: m.case.statement_hash.hex(), "", OFFICERS),
        ("case", lambda m: m.case.statement_hash.hex(), "rita", ("acme/rita",)),
        ("approval", lambda m: make_approval(m.case, "abel").statement_hash.hex(), "", OFFICERS),
        ("approval", lambda m: make_approval(m.case, "abel").statement_hash.hex(), "abel", ("acme/abel",)),
        ("manifest", lambda m: m.manifest.statement_hash.hex(), "", ("relay",)),
        ("warrant", lambda m: m.warrant.statement_hash.hex(), "", ("acme/escrow",)),
        ("person", lambda m: "rita", "", OFFICERS),
        ("person", lambda m: "adah", "", OFFICERS),
        ("key", lambda m: m.roster.find("adah").key.hex(), "", OFFICERS),
        ("key", lambda m: m.roster.relay_key.hex(), "", OFFICERS),
        ("key", lambda m: m.roster.escrow_key.hex(), "", OFFICERS),
        ("key", lambda m: m.roster.find("rita").key.hex(), "", OFFICERS),
        ("person", lambda m: m.case.requester, "", OFFICERS),
    ],
)
def test_1_whatever_is_named_and_revoked_stops_the_warrant(
    matter: Matter, kind: str, target: Callable[[Matter], str], by: str, signers: tuple[str, ...]
) -> None:
    matter.revoke(sign(Revocation(kind, target(matter), by, "why", T0), *signers))
    refused(Rule.GATE_REVOKED, matter)


@pytest.mark.rule(Rule.GATE_REVOKED)
@pytest.mark.parametrize("replaced", [True, False])
@pytest.mark.parametrize(("kind", "target"), [("person", "abel"), ("key", make_roster().find("abel").key.hex())])  # type: ignore[union-attr]
def test_1_a_revoked_approver_whom_the_newest_roster_drops_does_not_count_for_its_delay(
    matter: Matter, kind: str, target: str, replaced: bool
) -> None:
    """The old row is in force until the delay of the change has passed; a stolen key must not be."""
    matter.revoke(sign(Revocation(kind, target, "", "stolen", T0), *OFFICERS))
    others = with_people(matter.roster, without=("abel",))
    renewed = replace(matter.roster.find("abel"), key=key("acme/abel's new key").public)  # type: ignore[type-var]
    people = (*others, renewed) if replaced else others
    matter.audit.post("roster", sign_roster(successor(matter.roster, people=people)), matter.now_ms - MINUTE)
    refused(Rule.GATE_REVOKED, matter)


def test_1_a_revocation_by_one_not_entitled_revokes_nothing(matter: Matter) -> None:
    target = make_approval(matter.case, "abel").statement_hash.hex()
    matter.revoke(sign(Revocation("approval", target, "adah", "", T0), "acme/adah"))
    matter.revoke(sign(Revocation("case", matter.case.statement_hash.hex(), "", "", T0), "acme/olga"))
    assert go(matter)


def _takeover(matter: Matter, claimed_ms: int) -> Roster:
    """Officers replace all approvers, and the escrow service dates the leaf as it likes."""
    people = with_people(
        matter.roster, ("eve", {"approver"}, "legal"), ("eli", {"approver"}, "works council"),
        without=("abel", "adah", "amos"),
    )  # fmt: skip
    roster = successor(matter.roster, people=people)
    matter.audit.post("roster", sign_roster(roster), claimed_ms)
    matter.file(approvers=("eve", "eli"))
    return roster


@pytest.mark.rule(Rule.ROSTER_DELAY)
def test_1_new_approvers_wait_for_witnessed_time(matter: Matter) -> None:
    _takeover(matter, matter.filed_ms)
    refused(Rule.ROSTER_DELAY, matter)


@pytest.mark.rule(Rule.GATE_CHECKPOINT)
def test_1_a_leafs_own_date_proves_no_age(matter: Matter) -> None:
    _takeover(matter, T0 - 100 * DAY)
    refused(Rule.GATE_CHECKPOINT, matter)


def test_1_new_approvers_count_once_witnesses_saw_them_for_the_delay(matter: Matter) -> None:
    _takeover(matter, matter.filed_ms)
    matter.now_ms = matter.filed_ms + 72 * HOUR + MINUTE
    assert go(matter).before.approvals[0].approver.id == "eve"


@pytest.mark.rule(Rule.GATE_CHECKPOINT)
def test_1_approvers_replaced_long_ago_do_not_return_by_hiding_the_proof(matter: Matter) -> None:
    _takeover(matter, matter.filed_ms)
    matter.file(approvers=("abel", "adah"))
    matter.now_ms = matter.filed_ms + 80 * HOUR
    refused(Rule.GATE_CHECKPOINT, matter, matter.input(publication_notes=()))
    refused(Rule.APPROVAL_ROLE, matter)


@pytest.mark.rule(Rule.GATE_CHECKPOINT)
def test_1_approvers_replaced_long_ago_do_not_return_by_a_leaf_dated_ahead(matter: Matter) -> None:
    """Dated years ahead, the change would claim to be new for ever, and those whom it removed would go on."""
    matter.now_ms = matter.filed_ms + 10 * DAY
    _takeover(matter, matter.now_ms + 10 * MINUTE + 1)
    matter.file(approvers=("abel", "adah"))
    young = (matter.audit.log.note(matter.now_ms - 2 * HOUR, size=len(matter.audit.log.entries)),)
    refused(Rule.GATE_CHECKPOINT, matter, matter.input(publication_notes=young))
    refused(Rule.GATE_CHECKPOINT, matter, matter.input(publication_notes=()))


def test_1_people_see_a_change_that_was_announced(matter: Matter) -> None:
    changed = successor(matter.roster, witnesses=(witness("late1"), witness("late2")))
    matter.audit.post("roster", sign_roster(changed), matter.now_ms - MINUTE)
    assert summarise(matter.input(), FRESH, matter.now_ms).announced_roster == 2


# --- 2: case and approvals -------------------------------------------------------------------------------------------


@pytest.mark.rule(Rule.CASE_SIGNATURE)
def test_2_a_case_must_be_a_reviewers_and_open(matter: Matter) -> None:
    matter.file(case_by=("acme/abel",))
    refused(Rule.CASE_SIGNATURE, matter)
    matter.file(case=make_case(expires_ms=matter.now_ms))
    refused(Rule.CASE_SIGNATURE, matter)


@pytest.mark.rule(Rule.APPROVAL_QUORUM)
def test_2_the_quorum_is_demanded(matter: Matter) -> None:
    matter.file(approvers=("abel", "amos"))
    refused(Rule.APPROVAL_QUORUM, matter)


@pytest.mark.rule(Rule.APPROVAL_CASE)
def test_2_approvals_are_of_this_case(matter: Matter) -> None:
    matter.file(approval={"case": bytes(64)})
    refused(Rule.APPROVAL_CASE, matter)


# --- 3: manifest and scope -------------------------------------------------------------------------------------------


@pytest.mark.rule(Rule.GATE_MANIFEST)
def test_3_the_relay_signs_the_manifest_of_this_case(matter: Matter) -> None:
    matter.file(manifest_by="acme/escrow")
    refused(Rule.GATE_MANIFEST, matter)
    matter.file(manifest={"case": bytes(64)})
    refused(Rule.GATE_MANIFEST, matter)


@pytest.mark.rule(Rule.GATE_MANIFEST)
def test_3_the_archive_is_cosigned(matter: Matter) -> None:
    log = matter.archive.log
    refused(Rule.GATE_MANIFEST, matter, matter.input(archive_note=log.note(matter.now_ms, by=("in1",))))
    matter.file(manifest={"archive_note": log.note(matter.now_ms, by=("out1",))})
    refused(Rule.GATE_MANIFEST, matter)
    matter.file(manifest={"archive_note": log.note(matter.now_ms, size=matter.sessions[0][1])})
    refused(Rule.GATE_MANIFEST, matter)


@pytest.mark.rule(Rule.GATE_MANIFEST)
def test_3_a_session_asked_for_stands_in_the_manifest_as_it_is(matter: Matter) -> None:
    rows = matter.manifest.sessions
    shifted = replace(rows[0], session_leaf_time_ms=rows[0].session_leaf_time_ms + 1)
    longer = replace(rows[0], not_after_ms=rows[0].not_after_ms + 1)
    for changed in (rows[1:], (shifted, rows[1]), (longer, rows[1])):
        matter.file(manifest={"sessions": changed})
        refused(Rule.GATE_MANIFEST, matter)


@pytest.mark.rule(Rule.GATE_SCOPE)
@pytest.mark.parametrize(
    "change",
    [
        {"subjects": (Subject("acme", "eve"),)},
        {"conversations": (bytes(64),)},
        {"retention_class": "ten-years"},
    ],
)
def test_3_a_session_outside_the_scope_is_refused(matter: Matter, change: dict[str, object]) -> None:
    rows = matter.manifest.sessions
    matter.file(case=make_case(**change), manifest={"sessions": rows})
    refused(Rule.GATE_SCOPE, matter)


@pytest.mark.rule(Rule.GATE_SCOPE)
def test_3_the_manifest_holds_nothing_outside_the_window(matter: Matter) -> None:
    stray = ManifestSession(b"s" * 64, 0, T0 - 2 * DAY, T0 - DAY, 1)
    matter.file(manifest={"sessions": (stray, *matter.manifest.sessions)})
    refused(Rule.GATE_SCOPE, matter)
    matter.file(
        case=make_case(window=Window(T0 + 12 * HOUR, T0 + DAY)), manifest={"sessions": matter.manifest.sessions}
    )
    refused(Rule.GATE_SCOPE, matter)


# --- 4: the warrant --------------------------------------------------------------------------------------------------


@pytest.mark.rule(Rule.GATE_WARRANT)
def test_4_a_warrant_must_be_logged(matter: Matter) -> None:
    matter.file(case=make_case(matter="M-2"), log_warrant=False)
    refused(Rule.GATE_WARRANT, matter)


@pytest.mark.rule(Rule.GATE_WARRANT)
def test_4_a_warrant_names_exactly_these_and_is_valid(matter: Matter) -> None:
    for change in ({"case": bytes(64)}, {"manifest": bytes(64)}, {"approvals": ()}, {"not_after_ms": matter.now_ms}):
        matter.file(warrant=change)
        refused(Rule.GATE_WARRANT, matter)
    matter.file(warrant_by="relay")
    refused(Rule.GATE_WARRANT, matter)


@pytest.mark.rule(Rule.GATE_DELAY)
def test_4_a_warrant_is_public_for_the_delay(matter: Matter) -> None:
    refused(Rule.GATE_DELAY, matter, matter.input(publication_notes=()))
    early = matter.audit.log.note(matter.filed_ms - MINUTE, size=matter.warrant_index)
    refused(Rule.GATE_DELAY, matter, matter.input(publication_notes=(early,)))
    late = matter.audit.log.note(matter.now_ms - HOUR + SECOND)
    refused(Rule.GATE_DELAY, matter, matter.input(publication_notes=(late,)))
    assert go(matter, matter.input(publication_notes=(matter.audit.log.note(matter.now_ms - HOUR),)))


@pytest.mark.rule(Rule.GATE_CHECKPOINT)
def test_4_the_companys_own_witness_does_not_age_a_warrant(matter: Matter) -> None:
    """The inside witness says two hours ago, the outside one tells the truth: only just."""
    aged = matter.audit.log.note(matter.now_ms, times_ms={"in1": matter.now_ms - 2 * HOUR})
    refused(Rule.GATE_DELAY, matter, matter.input(publication_notes=(aged,)))


def test_4_without_a_delay_the_fresh_checkpoint_suffices() -> None:
    demo = Matter(roster=make_roster(publication_delay_ms=0))
    assert go(demo, demo.input(publication_notes=()))


@pytest.mark.rule(Rule.GATE_ONCE)
def test_4_logging_a_warrant_again_makes_no_second_warrant(matter: Matter) -> None:
    first = go(matter)
    matter.audit.post("warrant", matter.warrant_envelope, matter.now_ms)
    refused(Rule.GATE_ONCE, matter, agent=first.memory)


# --- 5: the records --------------------------------------------------------------------------------------------------


@pytest.mark.rule(Rule.GATE_RECORD)
def test_5_a_record_must_be_in_the_archive(matter: Matter) -> None:
    records = matter.records()
    records[0].proof[0] = bytes(32)
    assert [one.rule for one in go(matter, _with(matter, records)).left_out] == ["LOG-4"]
    refused(Rule.GATE_RECORD, matter, _with(matter, records[:1]))


@pytest.mark.rule(Rule.GATE_RECORD)
def test_5_a_leaf_of_another_object_proves_nothing(matter: Matter) -> None:
    records, rows = matter.records(), matter.manifest.sessions
    a_device, the_other_session = 2, matter.sessions[1][1]
    for index in (a_device, the_other_session):
        forged = ArchivedRecord(
            index=index, leaf=matter.archive.log.entries[index], record=records[0].record,
            proof=matter.archive.log.proof(index),
        )  # fmt: skip
        time_ms = matter.archive.leaves[index][0].relay_time_ms
        matter.file(manifest={"sessions": (replace(rows[0], leaf_index=index, session_leaf_time_ms=time_ms),)})
        refused(Rule.GATE_RECORD, matter, _with(matter, [forged]))


@pytest.mark.rule(Rule.GATE_RECORD)
def test_5_a_record_filed_under_another_conversation_is_refused(matter: Matter) -> None:
    """Its own conversation's sequence would not show it."""
    created, index = matter.sessions[0][0], len(matter.archive.log.entries)
    leaf = pb.Leaf(
        type=pb.LEAF_TYPE_SESSION, conversation_tag=bytes(16), object_hash=created.record_hash,
        relay_time_ms=matter.archive.now_ms,
    )  # fmt: skip
    matter.archive.log.append(leaf.SerializeToString(deterministic=True))
    matter.archive.leaves.append((leaf, b""))
    matter.sessions = [(created, index)]
    matter.file()
    refused(Rule.GATE_RECORD, matter)


@pytest.mark.rule(Rule.GATE_RECORD)
def test_5_a_record_that_does_not_verify_is_refused(matter: Matter) -> None:
    # The relay logs a record whose proof proves nothing.
    created, _ = matter.sessions[0]
    record = pb.SessionRecord.FromString(created.record)
    header = pb.SessionHeader.FromString(record.header)
    header.proofs[0] = Scalar.from_int(5).to_bytes() * 2
    record.header = header.SerializeToString(deterministic=True)
    forged = record.SerializeToString(deterministic=True)
    index = len(matter.archive.log.entries)
    matter.archive.log_session(matter.membership, parse_record(forged).record_hash, index)
    matter.sessions = [(replace(created, record=forged, record_hash=parse_record(forged).record_hash), index)]
    matter.file()
    refused(Rule.GATE_RECORD, matter)


def _with(matter: Matter, records: list[ArchivedRecord]) -> GateInput:
    package = matter.package(records=records)
    return GateInput.from_package(package, matter.archive.state, pinned_roster=matter.archive.pinned["acme"])


@pytest.mark.rule(Rule.GATE_C0)
def test_5_a_c0_is_answered_for_one_record_only(matter: Matter) -> None:
    c0 = parse_record(matter.sessions[0][0].record).header.c0.encode()
    alone = replace(matter.input(), records=matter.input().records[:1])
    refused(Rule.GATE_C0, matter, alone, agent=AgentMemory(answered={c0: bytes(64)}))
    assert [one.rule for one in go(matter, agent=AgentMemory(answered={c0: bytes(64)})).left_out] == ["GAT-8"]
    assert go(matter, agent=AgentMemory(answered={c0: matter.sessions[0][0].record_hash}))


# --- 6 and 7: the key, consent ---------------------------------------------------------------------------------------


@pytest.mark.rule(Rule.BUNDLE_KEY)
def test_6_the_cases_key_can_be_sealed_to(matter: Matter) -> None:
    good = hpke("case").public().encode()
    matter.file(case=make_case(hpke_public=good[:-32] + bytes(32)))
    refused(Rule.BUNDLE_KEY, matter)


@pytest.mark.rule(Rule.GATE_CONSENT)
def test_7_nobody_said_yes(matter: Matter) -> None:
    shown = summarise(matter.input(), FRESH, matter.now_ms)
    yes = Consent(shown.warrant_leaf, shown.record_hashes)
    assert go(matter, consent=yes)
    for no in (
        Consent(),
        replace(yes, warrant_leaf=bytes(32)),
        replace(yes, record_hashes=frozenset(list(yes.record_hashes)[:1])),
        Consent(unattended_classes=frozenset({"ten-years"})),
    ):
        refused(Rule.GATE_CONSENT, matter, consent=no)
    refused(Rule.GATE_CONSENT, matter, matter.input(records=()))


def test_7_a_person_is_shown_who_why_whose_how_many_until_when(matter: Matter) -> None:
    shown = summarise(matter.input(), FRESH, matter.now_ms)
    assert (shown.requester, shown.reviewers, shown.approvers) == ("gail", ("Rita",), ("Abel", "Adah"))
    assert (shown.matter, shown.purpose, shown.legal_basis) == ("M-1", "Suspected insider dealing", "Art. 6(1)(c)")
    assert (shown.subjects, shown.conversations, shown.sessions, shown.messages) == (("ann (acme)",), 1, 2, 6)
    assert shown.not_after_ms == min(matter.case.expires_ms, matter.warrant.not_after_ms)
    assert shown.classes == (CLASS,)


@pytest.mark.rule(Rule.GATE_ONCE)
def test_7_a_session_is_released_once_for_a_warrant(matter: Matter) -> None:
    first = go(matter)
    refused(Rule.GATE_ONCE, matter, agent=first.memory)
    package = matter.input()
    refused(Rule.GATE_ONCE, matter, replace(package, records=package.records[:1] * 2))


def test_the_relay_passes_steps_1_to_4(matter: Matter) -> None:
    before = pass_gate_before_ciphertext(matter.input(records=()), FRESH, matter.now_ms)
    assert (before.case, before.manifest, before.warrant) == (matter.case, matter.manifest, matter.warrant)
    assert before.reviewers == (matter.roster.find("rita"),)
    assert before.memory.released == {}
