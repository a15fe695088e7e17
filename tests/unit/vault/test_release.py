"""The vault's release: the whole gate again, q of the manifest's sessions and of no other, once."""

from __future__ import annotations

from pathlib import Path

import pytest
from agent_kit import CASE_KEY
from gov_kit import Matter, sign
from vault_kit import VaultUnderTest, make_vault, pages_of

from tapeline.agent.bundle import NO_EPOCH, VAULT, bundle_info, open_bundle
from tapeline.agent.gate_memory import load_memory
from tapeline.base.errors import MalformedInput, StateError
from tapeline.base.rules import Refused, Rule
from tapeline.base.secret import Secret
from tapeline.crypto.record.verify import verify_record
from tapeline.crypto.reservation import hybrid_commitment
from tapeline.crypto.wire import encode
from tapeline.governance.release import require_bound, verify_vault_release
from tapeline.governance.revocation import Revocation
from tapeline.transparency import merkle
from tapeline.wire.v1 import escrow_pb2 as wire
from tapeline.wire.v1.relay_pb2 import SyncPage


@pytest.fixture
def matter() -> Matter:
    return Matter()


@pytest.fixture
def vault(matter: Matter, tmp_path: Path) -> VaultUnderTest:
    return make_vault(matter.archive, tmp_path, lambda: matter.now_ms)


def request(matter: Matter, package: wire.WarrantPackage | None = None) -> wire.VaultReleaseRequest:
    return wire.VaultReleaseRequest(
        warrant_package=encode(package or matter.package()), archive_pages=pages_of(matter.archive)
    )


def refused(rule: Rule, vault: VaultUnderTest, asked: wire.VaultReleaseRequest) -> None:
    with pytest.raises(Refused) as refusal:
        vault.releaser.release(asked)
    assert refusal.value.rule is rule
    assert load_memory(vault.keys.store).released == {}


def test_q_of_every_session_leaves_sealed_to_the_case(matter: Matter, vault: VaultUnderTest) -> None:
    answer = vault.releaser.release(request(matter))
    leaf = merkle.leaf_hash(matter.audit.log.entries[matter.warrant_index])
    release = verify_vault_release(answer.release, matter.roster)
    require_bound(release, answer.sealed_bundle, warrant_leaf=leaf, case=matter.case.statement_hash)
    info = bundle_info(matter.case.statement_hash, leaf, VAULT, NO_EPOCH)
    bundle = open_bundle(CASE_KEY, info, answer.sealed_bundle, wire.VaultBundle, culprit=VAULT)
    given = {one.record_hash: one.q for one in bundle.sessions}
    for one in matter.input().records:
        facts = matter.archive.state.facts_of(one.record, leaf_index=one.index, leaf_time_ms=one.leaf.relay_time_ms)
        reservation_hash = verify_record(one.record, facts).reservation_hash
        q = Secret(given[one.record.record_hash])
        assert hybrid_commitment(q, reservation_hash) == one.record.header.cq


def test_the_same_bytes_come_again(matter: Matter, vault: VaultUnderTest, tmp_path: Path) -> None:
    first = vault.releaser.release(request(matter))
    again = make_vault(matter.archive, tmp_path, lambda: matter.now_ms).releaser.release(request(matter))
    assert again == first


@pytest.mark.rule(Rule.GATE_REVOKED)
def test_a_revoked_case_gets_nothing(matter: Matter, vault: VaultUnderTest) -> None:
    revocation = Revocation("case", matter.case.statement_hash.hex(), "rita", "filed in error", matter.now_ms)
    matter.revoke(sign(revocation, "acme/rita"))
    refused(Rule.GATE_REVOKED, vault, request(matter))


@pytest.mark.rule(Rule.APPROVAL_QUORUM)
def test_too_few_approvals_get_nothing(matter: Matter, vault: VaultUnderTest) -> None:
    matter.file(approvers=("abel",))
    refused(Rule.APPROVAL_QUORUM, vault, request(matter))


@pytest.mark.rule(Rule.GATE_DELAY)
def test_a_warrant_that_is_not_public_long_enough_gets_nothing(matter: Matter, vault: VaultUnderTest) -> None:
    matter.older_notes = []
    refused(Rule.GATE_DELAY, vault, request(matter))


@pytest.mark.rule(Rule.REC_INCLUSION)
def test_a_directory_that_is_not_the_archives_gets_nothing(matter: Matter, vault: VaultUnderTest) -> None:
    asked = request(matter)
    forged = SyncPage.FromString(asked.archive_pages[0])
    forged.items[2].proof[0] = bytes(32)
    asked.archive_pages[0] = encode(forged)
    refused(Rule.REC_INCLUSION, vault, asked)


def test_a_package_must_hold_the_whole_manifest(matter: Matter, vault: VaultUnderTest) -> None:
    package = matter.package(records=matter.records()[:1])
    with pytest.raises(StateError, match="lacks a session"):
        vault.releaser.release(request(matter, package))


@pytest.mark.rule(Rule.GATE_ONCE)
def test_a_session_is_released_once_for_a_warrant(matter: Matter, vault: VaultUnderTest) -> None:
    vault.releaser.release(request(matter))
    store = vault.keys.store
    store.put(dict.fromkeys(store.names("release/")))
    with pytest.raises(Refused) as refusal:
        vault.releaser.release(request(matter))
    assert refusal.value.rule is Rule.GATE_ONCE


def test_pages_that_do_not_decode_are_told(matter: Matter, vault: VaultUnderTest) -> None:
    asked = wire.VaultReleaseRequest(warrant_package=encode(matter.package()), archive_pages=[b"\xff"])
    with pytest.raises(MalformedInput, match="page"):
        vault.releaser.release(asked)
