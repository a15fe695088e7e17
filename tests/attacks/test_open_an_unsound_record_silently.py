"""Officers, or one of them, want an unsound record opened without a word that everybody sees, or by any word at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from agent_kit import CASE_KEY, Holder, post_release, replica_of
from audit_kit import Deployment
from gov_kit import CLASS, OFFICERS, T0, Matter, sign, sign_roster, successor, with_people
from vault_kit import make_vault, pages_of

from tapeline.audit.auditor import audit
from tapeline.base.rules import Refused, Rule
from tapeline.base.times import MINUTE
from tapeline.cli.copyfolder import open_copy
from tapeline.crypto.record.facts import Facts
from tapeline.crypto.wire import encode
from tapeline.custodian.consent import consent_table
from tapeline.governance.auditleaf import text_hash
from tapeline.governance.dsse import parse_envelope
from tapeline.governance.exception import Excepted, RecordException
from tapeline.governance.gate import pass_gate, summarise
from tapeline.governance.gate_input import AgentMemory, Consent, GateInput, GatePass
from tapeline.governance.leftout import LeftOut
from tapeline.governance.release import Release, bundle_hash, verify_release, verify_vault_release
from tapeline.governance.revocation import Revocation
from tapeline.review.bundles import Target, collect
from tapeline.review.combining import combine_all
from tapeline.review.status import case_status
from tapeline.wire.v1 import escrow_pb2 as wire
from tapeline.wire.v1.objects_pb2 import AuditLeaf

FRESH = AgentMemory()
ATTENDED = Consent(unattended_classes=frozenset({CLASS}), unattended_exceptions=True)
SECOND = bytes([7]) * 64


def without(*hidden: bytes, count: int = 0) -> Callable[[Facts], Facts]:
    """What a sender believes from whom the relay withheld a device, and `count` of the directory's leaves."""
    return lambda facts: replace(
        facts,
        devices=tuple(one for one in facts.devices if one.device.entry_hash not in hidden),
        directory_leaves=facts.directory_leaves - count,
    )


@pytest.fixture
def matter() -> Matter:
    """Two sound sessions, and a third that leaves out a device, since its leaf was withheld: REC-6."""
    made = Matter()
    second = made.archive.enrol("ben", number=2).device.entry_hash
    made.sessions.append(made.archive.open_session(made.ann, made.membership, without(second)))
    made.file()
    return made


def poison_of(matter: Matter) -> bytes:
    return matter.sessions[-1][0].record_hash


def exception_for(matter: Matter, **changes: object) -> RecordException:
    made = RecordException(matter.case.statement_hash, poison_of(matter), "REC-6", "The relay hid a device.", T0)
    return replace(made, **changes)  # type: ignore[arg-type]


def post(matter: Matter, exception: RecordException, *signers: str) -> RecordException:
    matter.audit.post("exception", sign(exception, *(signers or OFFICERS)), matter.now_ms - MINUTE)
    return exception


def go(matter: Matter, consent: Consent = ATTENDED, package: GateInput | None = None) -> GatePass:
    return pass_gate(package or matter.input(), FRESH, consent, matter.now_ms)


def stays_sealed(matter: Matter) -> bool:
    """Whether gate and status agree that nothing is excepted, and the others are released."""
    passed = go(matter)
    status = case_status(replica_of(matter), matter.case.statement_hash, [], matter.now_ms)
    return (
        passed.left_out == (LeftOut(poison_of(matter), "REC-6"),)
        and len(passed.sessions) == 2
        and (passed.excepted, status.excepted) == ((), ())
    )


def test_a_logged_exception_lets_the_record_be_released_and_named(matter: Matter) -> None:
    assert stays_sealed(matter)
    exception = post(matter, exception_for(matter))
    passed = go(matter)
    assert len(passed.sessions) == 3
    assert (passed.left_out, passed.excepted) == ((), (Excepted.of(exception),))
    status = case_status(replica_of(matter), matter.case.statement_hash, [], matter.now_ms)
    assert status.excepted == (exception,)


@pytest.mark.parametrize("signers", [OFFICERS[:1], ("acme/rita", "acme/abel"), (OFFICERS[0], OFFICERS[0])])
def test_too_few_officers_open_nothing(matter: Matter, signers: tuple[str, ...]) -> None:
    post(matter, exception_for(matter), *signers)
    assert stays_sealed(matter)


@pytest.mark.parametrize("changes", [{"record_hash": SECOND}, {"rule": "REC-17"}, {"rule": "REC-25"}])
def test_an_exception_of_another_record_or_rule_opens_nothing(matter: Matter, changes: dict[str, object]) -> None:
    post(matter, exception_for(matter, **changes))
    passed = go(matter)
    assert (passed.left_out, passed.excepted) == ((LeftOut(poison_of(matter), "REC-6"),), ())


def test_an_exception_of_another_case_opens_nothing(matter: Matter) -> None:
    post(matter, exception_for(matter, case=SECOND))
    assert stays_sealed(matter)


@pytest.mark.parametrize("signed", [True, False])
def test_a_leaf_that_says_another_case_than_its_statement_opens_nothing(matter: Matter, signed: bool) -> None:
    """The escrow service helps: the officers signed for another case; or for this one, where nobody looks for it."""
    case = matter.case.statement_hash
    text = sign(exception_for(matter, case=case if signed else SECOND), *OFFICERS)
    leaf = AuditLeaf(
        kind="exception", statement_hash=parse_envelope(text, "exception").statement_hash,
        time_ms=matter.now_ms - MINUTE, about=SECOND if signed else case, text_hash=text_hash(text),
    )  # fmt: skip
    matter.audit.texts.append(text)
    matter.audit.log.append(encode(leaf))
    assert go(matter).left_out == (LeftOut(poison_of(matter), "REC-6"),)


@pytest.mark.parametrize("rule", ["REC-9", "REC-5", "REC-4", "REC-11", "GAT-8"])
def test_no_exception_from_proof_key_or_signature_is_one(matter: Matter, rule: str) -> None:
    post(matter, exception_for(matter, rule=rule))
    passed = go(matter)
    assert passed.left_out == (LeftOut(poison_of(matter), "REC-6"),)


def test_a_revoked_exception_opens_nothing(matter: Matter) -> None:
    exception = post(matter, exception_for(matter))
    assert len(go(matter).sessions) == 3
    revocation = Revocation("exception", exception.statement_hash.hex(), "", "A mistake.", T0)
    matter.revoke(sign(revocation, *OFFICERS))
    assert stays_sealed(matter)


def test_officers_who_were_replaced_answer_for_nothing_any_more(matter: Matter) -> None:
    post(matter, exception_for(matter))
    people = with_people(matter.roster, ("oona", {"officer"}, ""), ("otto", {"officer"}, ""), without=("olga", "omar"))
    later = successor(matter.roster, people=people)
    signed = sign_roster(later, "olga", "omar", "oona", "otto")
    matter.audit.post("roster", signed, matter.now_ms - MINUTE)
    assert stays_sealed(matter)


def test_an_exception_that_is_not_in_the_log_opens_nothing(matter: Matter) -> None:
    """Whoever makes the package puts the text in place of another, or leaves it out."""
    exception = post(matter, exception_for(matter))
    package = matter.package()
    last = package.audit_leaves[-1]
    assert last.dsse == sign(exception, *OFFICERS)
    for text in (b"", b"{}", sign(replace(exception, reason="another"), *OFFICERS)):
        last.dsse = text
        taken = GateInput.from_package(package, matter.archive.state, pinned_roster=matter.archive.pinned["acme"])
        assert go(matter, package=taken).left_out == (LeftOut(poison_of(matter), "REC-6"),)


def test_a_record_that_breaks_two_rules_needs_two(matter: Matter) -> None:
    third = matter.archive.enrol("ben", number=3).device.entry_hash
    matter.sessions[-1] = matter.archive.open_session(matter.ann, matter.membership, without(third, count=1))
    matter.file()
    post(matter, exception_for(matter, rule="REC-25"))
    assert go(matter).left_out == (LeftOut(poison_of(matter), "REC-6"),)
    post(matter, exception_for(matter, rule="REC-6"))
    assert [one.rule for one in go(matter).excepted] == ["REC-25", "REC-6"]


def test_a_policy_alone_releases_no_excepted_record(matter: Matter, tmp_path: Path) -> None:
    """A custodian whose policy answers the class unattended is asked all the same, and may say no."""
    exception = post(matter, exception_for(matter))
    with pytest.raises(Refused) as refusal:
        go(matter, Consent(unattended_classes=frozenset({CLASS})))
    assert refusal.value.rule is Rule.GATE_CONSENT
    wary = Holder(matter, "carl", tmp_path, says=False, classes={CLASS})
    with pytest.raises(Refused) as refusal:
        wary.release()
    assert refusal.value.rule is Rule.GATE_CONSENT
    assert [summary.excepted for summary in wary.shown] == [(exception,)]
    Holder(matter, "cleo", tmp_path, classes={CLASS}).release()


def test_custodians_are_warned(matter: Matter) -> None:
    post(matter, exception_for(matter, reason="The relay hid a device.\nAnd more."))
    shown = consent_table(summarise(matter.input(), FRESH, matter.now_ms))
    cells = dict(zip(map(str, shown.columns[0].cells), map(str, shown.columns[1].cells), strict=True))
    assert "1 session whose record does not verify would be released" in cells["Warning"]
    assert f"{poison_of(matter).hex()[:16]}: REC-6" in cells["Warning"]
    assert "The relay hid a device." in cells["Warning"]


def test_two_custodians_and_the_vault_release_it_and_the_reviewer_opens_it(matter: Matter, tmp_path: Path) -> None:
    exception = post(matter, exception_for(matter))
    rows = (Excepted.of(exception),)
    bundles = []
    for name in ("carl", "cleo"):
        released = Holder(matter, name, tmp_path).release()
        assert verify_release(released.release, matter.roster).excepted == rows
        bundles.append(post_release(matter, "release", released.release, released.sealed_bundle))
    vault = make_vault(matter.archive, tmp_path, lambda: matter.now_ms)
    request = wire.VaultReleaseRequest(
        warrant_package=encode(matter.package()), archive_pages=pages_of(matter.archive)
    )  # fmt: skip
    answer = vault.releaser.release(request)
    assert verify_vault_release(answer.release, matter.roster).excepted == rows
    bundles.append(post_release(matter, "vault-release", answer.release, answer.sealed_bundle))
    passed = go(matter)
    target = Target(matter.case.statement_hash, CASE_KEY, passed.warrant_leaf)
    collected = collect(bundles, replica_of(matter), target, matter.now_ms)
    combined = combine_all(passed.sessions, collected, "acme", passed.warrant_leaf)
    assert combined.problems == ()
    assert [one.session.excepted for one in combined.opened] == [(), (), (exception,)]
    created = matter.sessions[-1][0]
    assert combined.opened[-1].root.reveal() == created.root.reveal()


class Audited:
    """A deployment whose second session leaves a device out, with a warrant for both."""

    def __init__(self) -> None:
        self.world = Deployment("unsound")
        self.world.enrol("ann")
        ben = self.world.enrol("ben")
        conversation = self.world.converse("ann", "ben")
        self.world.open("ann", conversation)
        self.poison = self.world.open("ann", conversation, believes=without(ben.device.entry_hash)).record_hash
        self.case = self.world.file_case(["ann"])
        manifest = self.world.manifest(self.case)
        self.world.warrant(self.case, self.world.approve(self.case, "approver-1", "approver-2"), manifest)
        self.hashes = tuple(sorted(row.record_hash for row in manifest.sessions))

    def exception(self, *signers: str, **changes: object) -> RecordException:
        made = RecordException(self.case.statement_hash, self.poison, "REC-6", "The relay hid a device.", T0)
        made = replace(made, **changes)  # type: ignore[arg-type]
        self.world.publish(made, *(signers or ("officer",)))
        return made

    def release(self, *excepted: Excepted) -> None:
        self.world.publish(
            Release(
                self.world.warrant_leaf, self.case.statement_hash, 1, self.hashes, bundle_hash(b"x"),
                custodian="custodian-1", excepted=excepted,
            ),
            "custodian-1",
        )  # fmt: skip

    def told(self, folder: Path) -> list[str]:
        findings = audit(open_copy(self.world.write(folder / "copy"))).findings
        return [one.what for one in findings if one.rule == "AUD-13"]

    @property
    def name(self) -> str:
        return f"{self.poison[:8].hex()}…"


def test_the_auditor_names_every_exception_and_every_release_that_rests_on_one(tmp_path: Path) -> None:
    scene = Audited()
    exception = scene.exception()
    scene.release(Excepted.of(exception))
    case = f"{scene.case.statement_hash[:8].hex()}…"
    assert scene.told(tmp_path) == [
        f"The officers except session {scene.name} from REC-6 in case {case}.",
        f"Custodian custodian-1 released {scene.name}, which breaks REC-6, by the officers' exception.",
    ]


def test_the_auditor_convicts_who_releases_an_unsound_record_without_one(tmp_path: Path) -> None:
    scene = Audited()
    scene.release()
    assert scene.told(tmp_path) == [
        f"Custodian custodian-1 released {scene.name}, which breaks REC-6, without an exception."
    ]


@pytest.mark.parametrize("late", [True, False])
def test_an_exception_after_the_release_or_revoked_before_it_is_none(tmp_path: Path, late: bool) -> None:
    scene = Audited()
    if late:
        scene.release()
        scene.exception()
    else:
        exception = scene.exception()
        scene.world.publish(Revocation("exception", exception.statement_hash.hex(), "", "", T0), "officer")
        scene.release(Excepted.of(exception))
    told = scene.told(tmp_path)
    assert f"Custodian custodian-1 released {scene.name}, which breaks REC-6, without an exception." in told
    assert late or any("by an exception that did not stand" in one for one in told)


def test_one_who_is_no_officer_excepts_nothing_in_the_audit(tmp_path: Path) -> None:
    scene = Audited()
    scene.exception("reviewer")
    scene.release()
    assert scene.told(tmp_path) == [
        f"Custodian custodian-1 released {scene.name}, which breaks REC-6, without an exception."
    ]
