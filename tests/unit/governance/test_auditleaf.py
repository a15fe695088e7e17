"""Audit leaves: of one form and one size for every reader, and each says which case it is about."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from agent_kit import LogPort
from audit_kit import Deployment
from gov_kit import T0, Archive, Audit, make_approval, make_case, sign, sign_roster

from tapeline.agent.audit import AuditReplica
from tapeline.audit.auditor import audit
from tapeline.base.rules import Refused, Rule
from tapeline.cli.copyfolder import open_copy
from tapeline.crypto.limits import AUDIT_LEAF_BYTES
from tapeline.crypto.wire import encode
from tapeline.governance.audit_replay import replay
from tapeline.governance.auditleaf import about_of, make_audit_leaf, parse_audit_leaf
from tapeline.governance.dsse import parse_envelope, sign_statement
from tapeline.relay.services.mirroring import require_in_audit_log
from tapeline.transparency.tlogproof import TlogProof
from tapeline.wire.v1.objects_pb2 import LEAF_TYPE_ROSTER as ROSTER
from tapeline.wire.v1.objects_pb2 import AuditLeaf

CASE = make_case()


def refused(leaf: bytes) -> Rule:
    with pytest.raises(Refused) as refusal:
        parse_audit_leaf(leaf)
    return refusal.value.rule


def test_a_case_and_what_is_about_it_name_it() -> None:
    for kind, envelope in (
        ("case", sign(CASE, "acme/rita")),
        ("approval", sign(make_approval(CASE, "abel"), "acme/abel")),
    ):
        leaf = parse_audit_leaf(make_audit_leaf(parse_envelope(envelope, kind), T0))
        assert (leaf.kind, leaf.about, leaf.time_ms) == (kind, CASE.statement_hash, T0)


@pytest.mark.rule(Rule.LEAF_TAG)
@pytest.mark.parametrize(("kind", "about"), [("rejection", b""), ("closing", bytes(63)), ("roster", bytes(64))])
def test_a_leaf_that_hides_its_case_is_refused(kind: str, about: bytes) -> None:
    leaf = AuditLeaf(kind=kind, statement_hash=bytes(64), time_ms=1, about=about, text_hash=bytes(64))
    assert refused(encode(leaf)) is Rule.LEAF_TAG


@pytest.mark.rule(Rule.DSSE_SYNTAX)
@pytest.mark.parametrize("case", ["", "AB" * 64, "00" * 63, 7, None])
def test_a_statement_that_names_no_case_has_no_leaf(case: object) -> None:
    envelope = parse_envelope(sign_statement("rejection", {"case": case} if case is not None else {}, []), "rejection")  # type: ignore[dict-item]
    with pytest.raises(Refused) as refusal:
        about_of(envelope)
    assert refusal.value.rule is Rule.DSSE_SYNTAX


def large_leaf(size: int) -> bytes:
    """A leaf of exactly that many bytes."""
    plain = len(encode(AuditLeaf(kind="k" * 64, statement_hash=bytes(64), time_ms=1, text_hash=bytes(64))))
    leaf = encode(AuditLeaf(kind="k" * (64 + size - plain), statement_hash=bytes(64), time_ms=1, text_hash=bytes(64)))
    assert len(leaf) == size
    return leaf


@pytest.mark.rule(Rule.WIRE_SIZE)
@pytest.mark.parametrize(("size", "passes"), [(AUDIT_LEAF_BYTES, True), (AUDIT_LEAF_BYTES + 1, False)])
def test_one_size_limit_holds_for_every_reader(size: int, passes: bool, tmp_path: Path) -> None:
    """A leaf that some readers passed would stop every gate, while status and audit looked sound."""
    leaf, world, archive = large_leaf(size), Deployment("small"), Archive()
    audit_log = Audit()
    audit_log.post("roster", sign_roster(archive.rosters["acme"]), T0)
    audit_log.log.append(leaf)
    audit_log.texts.append(b"")
    entries, note, pinned = audit_log.entries(), audit_log.log.note(T0), archive.pinned["acme"]
    proof = TlogProof(1, tuple(audit_log.log.proof(1)), note, leaf).encode()
    world.audit.entries.append(leaf)
    copy = world.write(tmp_path / "copy")
    told = {
        "gate": rule_of(lambda: replay(entries, note, [], pinned)),
        "replica": rule_of(lambda: AuditReplica(pinned).sync(LogPort(audit_log, T0))),
        "mirror": rule_of(lambda: require_in_audit_log(archive.state, "acme", ROSTER, audit_log.texts[0], proof, T0)),
        "auditor": Rule.WIRE_SIZE if Rule.WIRE_SIZE.id in rules_of(copy) else None,
    }
    assert {name: rule is not Rule.WIRE_SIZE for name, rule in told.items()} == dict.fromkeys(told, passes)


def rules_of(copy: Path) -> set[str]:
    return {finding.rule for finding in audit(open_copy(copy)).findings}


def rule_of(read: Callable[[], object]) -> Rule | None:
    try:
        read()
    except Refused as error:
        return error.rule
    return None
