"""Whoever builds a package, or serves the audit log, wants what ends a case to count for nothing.

A statement's hash covers what is said, and not who signed it. So the text of a logged rejection could be shown with its
signature left out, or spoilt: it would be there, and be nobody's word. The leaf holds the text's own hash.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from gov_kit import CLASS, Audit, Matter, sign, sign_roster
from standing_kit import approval, first_approval, refusal_of, rejection, withdrawal

from tapeline.agent.audit import AuditReplica
from tapeline.base.rules import Rule
from tapeline.base.times import MINUTE
from tapeline.governance.gate import pass_gate
from tapeline.governance.gate_input import AgentMemory, Consent
from tapeline.governance.revocation import Revocation
from tapeline.wire.v1.escrow_pb2 import AuditItem, AuditPage

UNATTENDED = Consent(unattended_classes=frozenset({CLASS}))
FRESH = AgentMemory()


@pytest.fixture
def matter() -> Matter:
    return Matter()


def stripped(text: bytes) -> bytes:
    envelope = json.loads(text)
    envelope["signatures"] = []
    return json.dumps(envelope, separators=(",", ":")).encode()


def spoilt(text: bytes) -> bytes:
    envelope = json.loads(text)
    for signature in envelope["signatures"]:
        signature["sig"] = "A" * 86 + "=="
    return json.dumps(envelope, separators=(",", ":")).encode()


def revoked(matter: Matter) -> bytes:
    statement = Revocation("case", matter.case.statement_hash.hex(), "", "filed in error", matter.now_ms)
    return sign(statement, "acme/olga", "acme/omar")


WORDS = {
    "rejection": lambda matter: rejection(matter, "abel"),
    "withdrawal": lambda matter: withdrawal(matter, "abel"),
    "revocation": revoked,
}


@pytest.mark.rule(Rule.GATE_CHECKPOINT)
@pytest.mark.parametrize("change", [stripped, spoilt])
@pytest.mark.parametrize("kind", WORDS)
def test_no_gate_takes_a_text_without_its_signature(kind: str, change, matter: Matter) -> None:  # type: ignore[no-untyped-def]
    index = matter.audit.post(kind, WORDS[kind](matter), matter.now_ms)
    whole = matter.input()
    assert gate(matter, whole) in {Rule.GATE_STANDING, Rule.GATE_REVOKED}
    leaves = list(whole.audit_leaves)
    leaves[index] = replace(leaves[index], statement=change(leaves[index].statement))
    assert gate(matter, replace(whole, audit_leaves=tuple(leaves))) is Rule.GATE_CHECKPOINT


def gate(matter: Matter, package) -> Rule | None:  # type: ignore[no-untyped-def]
    return refusal_of(lambda: pass_gate(package, FRESH, UNATTENDED, matter.now_ms))


class Board:
    """Serves the matter's audit log, with one text changed."""

    def __init__(self, matter: Matter, index: int, text: bytes) -> None:
        self._entries = [
            AuditItem(index=place, leaf=leaf, dsse=text if place == index else known)
            for place, (leaf, known) in enumerate(zip(matter.audit.log.entries, matter.audit.texts, strict=True))
        ]
        self._note = matter.audit.log.note(matter.now_ms)

    def sync(self, since: int) -> AuditPage:
        return AuditPage(note=self._note, items=self._entries[since:])


@pytest.mark.rule(Rule.GATE_CHECKPOINT)
@pytest.mark.parametrize("change", [stripped, spoilt])
def test_no_replica_takes_a_text_without_its_signature(change, matter: Matter) -> None:  # type: ignore[no-untyped-def]
    index = matter.audit.post("rejection", rejection(matter, "abel"), matter.now_ms)
    text = matter.audit.texts[index]
    AuditReplica(matter.roster.statement_hash).sync(Board(matter, index, text))  # type: ignore[arg-type]
    told = refusal_of(
        lambda: AuditReplica(matter.roster.statement_hash).sync(Board(matter, index, change(text)))  # type: ignore[arg-type]
    )
    assert told is Rule.GATE_CHECKPOINT


@pytest.mark.rule(Rule.GATE_STANDING)
def test_an_older_word_put_between_revives_no_approval(matter: Matter) -> None:
    """The escrow service holds a withdrawal and an approval back, logs the later rejection first, and then both."""
    times = [matter.filed_ms - 3 * MINUTE, matter.filed_ms - 2 * MINUTE]
    held = approval(matter, "abel", times[1])
    matter.file(approvals=[held, first_approval(matter, "adah")], log_warrant=False)
    matter.audit = Audit()
    matter.audit.post("roster", sign_roster(matter.roster), matter.filed_ms)
    matter.audit.post("case", matter.case_envelope, matter.filed_ms)
    matter.audit.post("rejection", rejection(matter, "abel"), matter.filed_ms)
    matter.audit.post("withdrawal", withdrawal(matter, "abel", times[0]), matter.filed_ms)
    for one in matter.approvals:
        matter.audit.post("approval", one, matter.filed_ms)
    matter.audit.post("warrant", matter.warrant_envelope, matter.filed_ms)
    matter.older_notes = [matter.audit.log.note(matter.filed_ms + MINUTE)]
    assert gate(matter, matter.input()) is Rule.GATE_STANDING
