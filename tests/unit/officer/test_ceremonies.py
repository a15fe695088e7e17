"""The list of ceremonies says what each is for and waits for; an epoch with a key is opened no second time."""

from __future__ import annotations

import pytest
from gov_kit import (
    CLASS,
    DEPLOYMENT,
    T0,
    hpke,
    key,
    make_certificate,
    make_roster,
    sign_certificate,
    sign_roster,
    successor,
)

from tapeline.agent.audit import AuditEntry, AuditReplica
from tapeline.agent.ceremony import JOIN, OPEN_KIND, ceremony_id, sign_message
from tapeline.agent.vault_key import attest_vault_key
from tapeline.base.errors import StateError
from tapeline.base.times import DAY
from tapeline.crypto.wire import encode
from tapeline.officer.ceremonies import ceremony_status, require_next_epoch
from tapeline.officer.ceremony import CeremonyPlan
from tapeline.wire.v1 import escrow_pb2 as wire
from tapeline.wire.v1.objects_pb2 import SignedObject

ROSTER = make_roster()
NAMES = ("carl", "cleo", "cyra")
V = hpke(f"acme/1/{CLASS}/v").public()


def replica(*certificates: bytes) -> AuditReplica:
    made = AuditReplica(ROSTER.statement_hash)
    made.chain.add(sign_roster(ROSTER), T0)
    made.entries = [AuditEntry(i, b"", "escrow-key", bytes(64), T0, b"", one) for i, one in enumerate(certificates)]
    return made


def opened() -> wire.CeremonyState:
    attestation = attest_vault_key(key("acme/vault"), DEPLOYMENT, 1, CLASS, V)
    body = encode(
        wire.CeremonyParameters(
            deployment=DEPLOYMENT, firm="acme", roster=ROSTER.statement_hash, epoch=1, retention_class=CLASS,
            threshold=2, custodians=NAMES, attempt=1, v_public=V.encode(),
            v_attestation=SignedObject.FromString(attestation), active_from_ms=T0, not_after_ms=T0 + DAY,
        )
    )  # fmt: skip
    return wire.CeremonyState(parameters=body, officer="olga", signature=key("acme/olga").sign(OPEN_KIND, body))


def test_who_is_missing_is_named() -> None:
    state = opened()
    told = ceremony_status(state, replica())
    assert (told.retention_class, told.epoch, told.roster_version) == (CLASS, 1, 1)
    assert told.state == "join: waits for carl, cleo, cyra"
    joined = sign_message(key("acme/carl"), ceremony_id(state.parameters), JOIN, "carl", b"x")
    state.messages.append(wire.CeremonyMessage(round=JOIN, custodian="carl", message=SignedObject.FromString(joined)))
    assert ceremony_status(state, replica()).state == "join: waits for cleo, cyra"


def test_a_certified_one_and_a_useless_one_are_told_apart() -> None:
    certificate = sign_certificate(make_certificate(ROSTER))
    assert ceremony_status(opened(), replica(certificate)).state == "certified"
    other = sign_certificate(make_certificate(ROSTER, epoch=2))
    assert ceremony_status(opened(), replica(other)).state == "void: the epoch has its key"


def test_one_that_a_newer_roster_overtook_is_void() -> None:
    audit = replica()
    audit.chain.add(sign_roster(successor(ROSTER)), T0)
    assert ceremony_status(opened(), audit).state == "void: version 2 of the roster came since"


def test_one_that_no_officer_opened_is_told() -> None:
    state = opened()
    state.officer = "rita"
    assert ceremony_status(state, replica()).state.startswith("refused: ")


def test_an_epoch_with_a_key_is_refused_with_the_command_that_is_meant() -> None:
    audit = replica(sign_certificate(make_certificate(ROSTER)))
    plan = CeremonyPlan(1, CLASS, 2, NAMES, T0, T0 + DAY)
    with pytest.raises(StateError, match="has its key of epoch 1 already") as error:
        require_next_epoch(audit, plan)
    assert error.value.remedy.endswith("tapeline officer ceremony open --epoch 2.")
    require_next_epoch(audit, CeremonyPlan(2, CLASS, 2, NAMES, T0, T0 + DAY))
    require_next_epoch(audit, CeremonyPlan(1, "ten-years", 2, NAMES, T0, T0 + DAY))
