"""Every kind of statement: it survives its own JSON, is believed from its maker only, and keeps its counts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from gov_kit import CLASS, T0, key, make_approval, make_case, make_certificate, make_roster, sign

from tapeline.base.errors import TapelineError
from tapeline.base.rules import Refused, Rule
from tapeline.base.times import DAY
from tapeline.governance.approval import Rejection
from tapeline.governance.case import Subject, Window
from tapeline.governance.closing import Closing, Disposition, Export, verify_closing
from tapeline.governance.dsse import parse_envelope
from tapeline.governance.exception import Excepted, RecordException, verify_exception
from tapeline.governance.hold import Hold, HoldRelease, verify_hold, verify_hold_release
from tapeline.governance.jsonform import encode_json
from tapeline.governance.manifest import Manifest, ManifestSession, verify_manifest
from tapeline.governance.opening import Opening, verify_opening
from tapeline.governance.release import (
    Release,
    VaultRelease,
    bundle_hash,
    require_bound,
    verify_release,
    verify_vault_release,
)
from tapeline.governance.revocation import Maker, Revocation, Revoked, verify_revocation
from tapeline.governance.statement import Statement
from tapeline.governance.warrant import Warrant, verify_warrant

ROSTER = make_roster()
CASE = make_case()
H1, H2 = bytes([1]) * 64, bytes([2]) * 64
ROWS = (ManifestSession(H1, 3, T0, T0 + DAY, 4), ManifestSession(H2, 5, T0, T0 + DAY, 1))
MANIFEST = Manifest(CASE.statement_hash, ROWS, b"note", T0)
WARRANT = Warrant(CASE.statement_hash, (H1, H2), MANIFEST.statement_hash, T0, T0 + DAY)
RELEASE = Release(b"w" * 32, CASE.statement_hash, 1, (H1, H2), bundle_hash(b"sealed"), custodian="carl")
VAULT_RELEASE = VaultRelease(b"w" * 32, CASE.statement_hash, 0, (H1, H2), bundle_hash(b"sealed"))
OPENING = Opening(CASE.statement_hash, b"w" * 32, "rita", (H1,), 4, T0, "tapeline 0.1.0")
CLOSING = Closing(
    CASE.statement_hash, "rita", "unfounded", (Disposition(H1, "irrelevant"),), (Export("x", H2),), True, T0
)
HOLD = Hold("M-2", "omar", (Subject("acme", "ann"),), (H1,), Window(T0, T0 + DAY), "litigation", T0)
HOLD_RELEASE = HoldRelease(HOLD.statement_hash, "omar", "settled", T0)
REVOCATION = Revocation("approval", H1.hex(), "abel", "mistake", T0)
EXCEPTION = RecordException(CASE.statement_hash, H1, "REC-6", "a leaf was withheld", T0)
REJECTION = Rejection(CASE.statement_hash, "abel", "too wide", T0)
EVERY = [
    ROSTER, CASE, make_approval(CASE, "abel"), REJECTION, MANIFEST, WARRANT, RELEASE, VAULT_RELEASE, OPENING, CLOSING,
    HOLD, HOLD_RELEASE, REVOCATION, EXCEPTION, make_certificate(ROSTER),
    replace(RELEASE, excepted=(Excepted(H1, "REC-6", EXCEPTION.statement_hash),)),
]  # fmt: skip


@pytest.mark.parametrize("statement", EVERY, ids=lambda one: one.kind)
def test_payload_reads_back_as_it_was(statement: Statement) -> None:
    envelope = sign(statement, "anybody")
    assert type(statement).parse(envelope) == statement
    assert parse_envelope(envelope, statement.kind).statement_hash == statement.statement_hash


@pytest.mark.parametrize("statement", EVERY, ids=lambda one: one.kind)
def test_no_field_may_be_left_out_or_put_in(statement: Statement) -> None:
    payload = statement.payload()
    for changed in (*({k: v for k, v in payload.items() if k != name} for name in payload), {**payload, "zzz": 1}):
        envelope = replace(parse_envelope(sign(statement, "anybody"), statement.kind), payload=changed)
        with pytest.raises(TapelineError):
            type(statement).parse(envelope)


def refused(rule: Rule, call: object, *arguments: object, **options: object) -> None:
    with pytest.raises(Refused) as refusal:
        call(*arguments, **options)  # type: ignore[operator]
    assert refusal.value.rule is rule


PERSONAL = [
    (verify_release, RELEASE, "acme/carl", "acme/abel"),
    (verify_vault_release, VAULT_RELEASE, "acme/vault", "acme/carl"),
    (verify_opening, OPENING, "acme/rita", "acme/abel"),
    (verify_closing, CLOSING, "acme/rita", "acme/abel"),
    (verify_hold, HOLD, "acme/omar", "acme/olga"),
    (verify_hold_release, HOLD_RELEASE, "acme/omar", "acme/olga"),
    (lambda dsse, roster: verify_revocation(dsse, roster, Revoked()), REVOCATION, "acme/abel", "acme/adah"),
]


@pytest.mark.rule(Rule.DSSE_SIGNATURE)
@pytest.mark.parametrize(("verify", "statement", "maker", "other"), PERSONAL)
def test_statements_count_from_their_makers_only(verify: object, statement: Statement, maker: str, other: str) -> None:
    assert verify(sign(statement, maker), ROSTER) == statement  # type: ignore[operator]
    refused(Rule.DSSE_SIGNATURE, verify, sign(statement, other), ROSTER)


@pytest.mark.rule(Rule.DSSE_SIGNATURE)
@pytest.mark.parametrize(
    ("verify", "statement"),
    [
        (verify_release, replace(RELEASE, custodian="abel")),
        (verify_opening, replace(OPENING, reviewer="abel")),
        (verify_closing, replace(CLOSING, reviewer="abel")),
        (verify_hold, replace(HOLD, by="abel")),
    ],
)
def test_a_signature_without_the_role_does_not_count(verify: object, statement: Statement) -> None:
    refused(Rule.DSSE_SIGNATURE, verify, sign(statement, "acme/abel"), ROSTER)


@pytest.mark.rule(Rule.DSSE_SIGNATURE)
def test_an_exception_is_the_officers_quorums() -> None:
    assert verify_exception(sign(EXCEPTION, "acme/olga", "acme/omar"), ROSTER) == EXCEPTION
    for signers in (("acme/olga",), ("acme/olga", "acme/abel"), ("acme/olga", "acme/olga"), ("acme/rita",)):
        refused(Rule.DSSE_SIGNATURE, verify_exception, sign(EXCEPTION, *signers), ROSTER)


@pytest.mark.rule(Rule.DSSE_SYNTAX)
@pytest.mark.parametrize("rule", ["REC-4", "REC-5", "REC-9", "REC-11", "REC-12", "REC-16", "GAT-8", "REC-6 ", ""])
def test_nothing_is_excepted_from_any_other_rule(rule: str) -> None:
    dsse = sign(replace(EXCEPTION, rule=rule), "acme/olga", "acme/omar")
    refused(Rule.DSSE_SYNTAX, verify_exception, dsse, ROSTER)


@pytest.mark.rule(Rule.DSSE_SYNTAX)
def test_an_exception_says_why() -> None:
    dsse = sign(replace(EXCEPTION, reason=" "), "acme/olga", "acme/omar")
    refused(Rule.DSSE_SYNTAX, verify_exception, dsse, ROSTER)


@pytest.mark.rule(Rule.DSSE_SYNTAX)
def test_a_release_names_its_exceptions_once_and_sorted() -> None:
    first, second = (Excepted(H1, rule, EXCEPTION.statement_hash) for rule in ("REC-17", "REC-6"))
    assert verify_release(sign(replace(RELEASE, excepted=(first, second)), "acme/carl"), ROSTER)
    for rows in ((second, first), (first, first)):
        refused(Rule.DSSE_SYNTAX, verify_release, sign(replace(RELEASE, excepted=rows), "acme/carl"), ROSTER)


def revocation_of(*signers: str, revoked: Revoked | None = None, statement: Revocation = REVOCATION) -> Revocation:
    return verify_revocation(sign(statement, *signers), ROSTER, revoked or Revoked())


@pytest.mark.rule(Rule.DSSE_SIGNATURE)
def test_who_may_revoke_what() -> None:
    officers, nobody = ("acme/olga", "acme/omar"), Revoked()
    for kind, target in (("device", H1.hex()), ("person", "abel"), ("key", "ab" * 32), ("warrant", H1.hex())):
        by_officers = Revocation(kind, target, "", "why", T0)
        assert revocation_of(*officers, statement=by_officers) == by_officers
        refused(Rule.DSSE_SIGNATURE, verify_revocation, sign(by_officers, "acme/olga"), ROSTER, nobody)
    revocation_of("acme/escrow", statement=Revocation("warrant", H1.hex(), "", "why", T0))
    revocation_of("relay", statement=Revocation("manifest", H1.hex(), "", "why", T0))
    revocation_of("acme/enid", statement=Revocation("device", H1.hex(), "enid", "why", T0))
    person = sign(Revocation("person", "abel", "enid", "", T0), "acme/enid")
    refused(Rule.DSSE_SIGNATURE, verify_revocation, person, ROSTER, nobody)
    refused(Rule.DSSE_SIGNATURE, verify_revocation, sign(REVOCATION, *officers), ROSTER, nobody)


ABEL = Maker("abel", key("acme/abel").public)


def test_an_approval_is_withdrawn_by_its_own_maker() -> None:
    revoked = Revoked()
    revoked.add(7, REVOCATION, ABEL)
    assert revoked.index_of("approval", H1, maker="abel") == 7
    assert not revoked.covers("approval", H1, maker="adah")
    assert not revoked.covers("case", H1, maker="abel")
    revoked.add(9, replace(REVOCATION, by=""), Maker())
    assert revoked.index_of("approval", H1, maker="adah") == 9


def test_the_first_leaf_of_a_revocation_counts_in_whatever_order_they_are_shown() -> None:
    revoked = Revoked()
    for index in (9, 7, 8):
        revoked.add(index, REVOCATION, ABEL)
    assert revoked.index_of("approval", H1, maker="abel") == 7


@pytest.mark.rule(Rule.GATE_REVOKED)
@pytest.mark.parametrize(
    "end", [Revocation("person", "abel", "", "", T0), Revocation("key", ABEL.key.hex(), "", "", T0)]
)
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_one_who_is_revoked_revokes_nothing_from_then_on(end: Revocation, order: tuple[int, ...]) -> None:
    """What was revoked before stays so, and the order in which a reader is shown the leaves changes nothing."""
    leaves = ((5, REVOCATION, ABEL), (6, end, Maker()), (7, replace(REVOCATION, target=H2.hex()), ABEL))
    revoked = Revoked()
    for place in order:
        revoked.add(*leaves[place])
    assert revoked.index_of("approval", H1, maker="abel") == 5
    assert not revoked.covers("approval", H2, maker="abel")
    refused(Rule.GATE_REVOKED, verify_revocation, sign(REVOCATION, "acme/abel"), ROSTER, revoked)


def test_the_officers_quorum_ends_by_roster_only() -> None:
    revoked = Revoked()
    for index, name in enumerate(("olga", "omar")):
        revoked.add(index, Revocation("person", name, "", "", T0), Maker())
    assert revocation_of("acme/olga", "acme/omar", revoked=revoked, statement=replace(REVOCATION, by=""))


@pytest.mark.parametrize("kind", ["warrant", "manifest"])
def test_a_service_with_a_revoked_key_revokes_nothing(kind: str) -> None:
    name = {"warrant": "acme/escrow", "manifest": "relay"}[kind]
    revoked = Revoked()
    revoked.add(1, Revocation("key", key(name).public.hex(), "", "", T0), Maker())
    statement = sign(Revocation(kind, H1.hex(), "", "", T0), name)
    refused(Rule.GATE_REVOKED, verify_revocation, statement, ROSTER, revoked)
    revoked.add(2, Revocation(kind, H1.hex(), "", "", T0), Maker(key=key(name).public))
    assert not revoked.covers(kind, H1)


@pytest.mark.rule(Rule.DSSE_SYNTAX)
@pytest.mark.parametrize(
    "statement",
    [
        replace(MANIFEST, sessions=ROWS[::-1]),
        replace(MANIFEST, sessions=(ROWS[0], ROWS[0])),
        replace(MANIFEST, sessions=(ROWS[0], replace(ROWS[1], record_hash=H1))),
        replace(WARRANT, approvals=(H2, H1)),
        replace(WARRANT, approvals=(H1, H1)),
        replace(RELEASE, record_hashes=(H2, H1)),
        replace(VAULT_RELEASE, record_hashes=(H1, H1)),
        replace(OPENING, record_hashes=(H2, H1)),
        replace(REVOCATION, target_kind="everything"),
        replace(REVOCATION, target="ab"),
    ],
)
def test_doubled_or_unsorted_lists_are_refused(statement: Statement) -> None:
    refused(Rule.DSSE_SYNTAX, type(statement).parse, sign(statement, "anybody"))


@pytest.mark.rule(Rule.DSSE_SYNTAX)
@pytest.mark.parametrize(
    ("statement", "change"),
    [
        (MANIFEST, {"count": 1}),
        (MANIFEST, {"messages": 6}),
        (MANIFEST, {"notice": ""}),
        (RELEASE, {"count": 3}),
        (OPENING, {"count": 0}),
        (OPENING, {"self_report": False}),
    ],
)
def test_counts_are_held_against_their_lists(statement: Statement, change: dict[str, object]) -> None:
    payload = {**statement.payload(), **change}
    envelope = replace(parse_envelope(sign(statement, "anybody"), statement.kind), payload=payload)
    refused(Rule.DSSE_SYNTAX, type(statement).parse, envelope)


@pytest.mark.rule(Rule.GATE_MANIFEST)
def test_a_manifest_is_the_relays_and_its_cases() -> None:
    good = sign(MANIFEST, "relay")
    assert verify_manifest(good, ROSTER, case=CASE.statement_hash) == MANIFEST
    assert MANIFEST.session(H2) == ROWS[1]
    refused(Rule.GATE_MANIFEST, verify_manifest, sign(MANIFEST, "acme/escrow"), ROSTER, case=CASE.statement_hash)
    refused(Rule.GATE_MANIFEST, verify_manifest, good, ROSTER, case=H1)


@pytest.mark.rule(Rule.GATE_WARRANT)
def test_a_warrant_is_the_services_and_names_exactly_these() -> None:
    good = sign(WARRANT, "acme/escrow")
    named = {
        "case": CASE.statement_hash, "approvals": frozenset({H1, H2}), "manifest": MANIFEST.statement_hash,
        "at_ms": T0 + DAY - 1,
    }  # fmt: skip
    assert verify_warrant(good, ROSTER, **named) == WARRANT  # type: ignore[arg-type]
    refused(Rule.GATE_WARRANT, verify_warrant, sign(WARRANT, "relay"), ROSTER, **named)
    for change in ({"case": H1}, {"approvals": frozenset({H1})}, {"manifest": H1}, {"at_ms": T0 + DAY}):
        refused(Rule.GATE_WARRANT, verify_warrant, good, ROSTER, **{**named, **change})


@pytest.mark.rule(Rule.RELEASE_BINDING)
def test_a_release_is_of_its_bundle_case_and_warrant() -> None:
    require_bound(RELEASE, b"sealed", warrant_leaf=b"w" * 32, case=CASE.statement_hash)
    for bundle, leaf, case in ((b"other", b"w" * 32, CASE.statement_hash), (b"sealed", b"v" * 32, CASE.statement_hash),
                               (b"sealed", b"w" * 32, H1)):  # fmt: skip
        refused(Rule.RELEASE_BINDING, require_bound, RELEASE, bundle, warrant_leaf=leaf, case=case)


def test_statement_hash_is_over_the_one_spelling() -> None:
    assert encode_json({"b": "ü", "a": [1, True]}) == '{"a":[1,true],"b":"ü"}'.encode()
    assert CLASS in ROSTER.classes
    assert key("relay").public == ROSTER.relay_key
