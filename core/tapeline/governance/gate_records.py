"""The gate, steps 5 to 7: the records, the bundle's key, consent."""

from __future__ import annotations

from collections.abc import Sequence

from tapeline.base.errors import TapelineError
from tapeline.base.rules import Rule, refusing, require
from tapeline.crypto.hpke import HpkePublic
from tapeline.crypto.record.excepted import verify_with_exceptions
from tapeline.crypto.record.verify import VerifiedRecord
from tapeline.governance.case import Case
from tapeline.governance.certificate import EscrowCertificate
from tapeline.governance.exception import RecordException, exceptions_of
from tapeline.governance.gate_input import (
    AgentMemory,
    BeforeCiphertext,
    Consent,
    GateInput,
    GateRecord,
    GateSession,
)
from tapeline.governance.leftout import LeftOut
from tapeline.governance.scope import require_in_scope
from tapeline.transparency import merkle
from tapeline.transparency.cosigned import CosignedCheckpoint
from tapeline.wire.v1.objects_pb2 import LeafType


def step_5_verify_records(
    package: GateInput, before: BeforeCiphertext, agent: AgentMemory
) -> tuple[tuple[GateSession, ...], tuple[LeftOut, ...]]:
    """Return the sessions that may be opened, and those that are left out; one unsound record stops no other.

    Raises:
        Refused: GATE_C0 or GATE_RECORD, where none of the records asked for is sound.
    """
    sessions, left_out = judge_records(package, before, agent)
    rules = ", ".join(dict.fromkeys(one.rule for one in left_out))
    answered = {one.rule for one in left_out} == {Rule.GATE_C0.id}
    require(sessions != () or not answered, Rule.GATE_C0, "A C0 was answered for another record.")
    require(sessions != () or left_out == (), Rule.GATE_RECORD, f"No record asked for verifies: {rules}.")
    return sessions, left_out


def judge_records(
    package: GateInput, before: BeforeCiphertext, agent: AgentMemory
) -> tuple[tuple[GateSession, ...], tuple[LeftOut, ...]]:
    """Judge each record by itself: in the archive, in scope, verified in full, its C0 not answered for another."""
    sessions: list[GateSession] = []
    left_out = list(package.malformed)
    answered = dict(agent.answered)
    for one in package.records:
        try:
            session = _judge_record(package, before, one)
            c0, record_hash = session.verified.c0.encode(), session.verified.record_hash
            # Two records with one r open each other.
            fresh = answered.get(c0, record_hash) == record_hash
            require(fresh, Rule.GATE_C0, "A C0 was answered for another record.")
        except TapelineError as error:
            left_out.append(LeftOut.because(one.record.record_hash, error))
            continue
        answered[c0] = record_hash
        sessions.append(session)
    return tuple(sessions), tuple(sorted(left_out))


def _judge_record(package: GateInput, before: BeforeCiphertext, one: GateRecord) -> GateSession:
    _require_archived(one, before.archive)
    verified, excepted = _verify_record(package, one, before.exceptions)
    # Where this fails, step 3 could not hold the record against the scope.
    fact = package.directory.session_fact(one.record, leaf_index=one.index, leaf_time_ms=one.leaf.relay_time_ms)
    require_in_scope(before.case, fact)
    return GateSession(verified, one.record, _certificate(package, before.case, verified), excepted)


def _require_archived(one: GateRecord, archive: CosignedCheckpoint) -> None:
    merkle.verify_inclusion(merkle.leaf_hash(one.leaf_bytes), one.index, archive.size, one.proof, archive.root)
    require(
        (one.leaf.type, one.leaf.object_hash) == (LeafType.LEAF_TYPE_SESSION, one.record.record_hash),
        Rule.GATE_RECORD,
        "The archive leaf is another object's.",
    )


def _verify_record(
    package: GateInput, one: GateRecord, exceptions: Sequence[RecordException]
) -> tuple[VerifiedRecord, tuple[RecordException, ...]]:
    """Return the record, and the exceptions that it needs; each of another rule, record or case is of no use."""
    facts = package.directory.facts_of(one.record, leaf_index=one.index, leaf_time_ms=one.leaf.relay_time_ms)
    granted = exceptions_of(exceptions, one.record.record_hash)
    verified, broken = verify_with_exceptions(one.record, facts, frozenset(granted))
    require(
        one.leaf.conversation_tag == verified.membership.tag,
        Rule.GATE_RECORD,
        "The archive leaf is filed under another conversation.",
    )
    return verified, tuple(granted[rule] for rule in sorted(broken, key=lambda rule: rule.id))


def _certificate(package: GateInput, case: Case, record: VerifiedRecord) -> EscrowCertificate:
    row = next(row for row in record.escrow_rows if row.firm == case.firm)
    return package.directory.certificate_of(row.key_id)


def step_6_take_bundle_key(case: Case) -> HpkePublic:
    """Return the case's key, which can be sealed to."""
    with refusing(Rule.BUNDLE_KEY, "Nothing can be sealed to the case's key."):
        HpkePublic.decode(case.hpke_public)
    return HpkePublic.decode(case.hpke_public)


def step_7_require_consent(before: BeforeCiphertext, sessions: Sequence[GateSession], consent: Consent) -> None:
    """Demand a person's yes to exactly this, or the policy's."""
    confirmed = consent.warrant_leaf == before.warrant_leaf and consent.record_hashes == hashes_of(sessions)
    sound = all(session.excepted == () for session in sessions)
    unattended = (
        classes_of(sessions) <= consent.unattended_classes
        and len(sessions) > 0
        and (sound or consent.unattended_exceptions)
    )
    require(confirmed or unattended, Rule.GATE_CONSENT, "Neither a person nor this agent's policy allowed the release.")


def step_7_require_first_release(before: BeforeCiphertext, sessions: Sequence[GateSession], agent: AgentMemory) -> None:
    """Refuse to release a session twice for one warrant."""
    hashes = [session.verified.record_hash for session in sessions]
    require(
        agent.released.get(before.warrant_leaf, frozenset()).isdisjoint(hashes) and len(set(hashes)) == len(hashes),
        Rule.GATE_ONCE,
        "A session was released for this warrant already; send that bundle again.",
    )


def hashes_of(sessions: Sequence[GateSession]) -> frozenset[bytes]:
    """Return the record hashes of sessions."""
    return frozenset(session.verified.record_hash for session in sessions)


def classes_of(sessions: Sequence[GateSession]) -> frozenset[str]:
    """Return the retention classes of sessions."""
    return frozenset(session.certificate.retention_class for session in sessions)
