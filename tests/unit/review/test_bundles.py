"""What the workspace combines: only logged bundles for this case, and partials whose proofs hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from agent_kit import CASE_KEY, HOLDERS, Holder, post_release, replica_of
from gov_kit import Matter, hpke, key

from tapeline.agent.bundle import VAULT, bundle_info, open_bundle, seal_bundle
from tapeline.base.rules import Refused, Rule
from tapeline.base.secret import Secret
from tapeline.base.times import HOUR
from tapeline.crypto.record.verify import verify_record
from tapeline.crypto.vault_open import open_vault_slot
from tapeline.governance.dsse import signer
from tapeline.governance.gate_input import GateSession
from tapeline.governance.release import Release, VaultRelease, bundle_hash
from tapeline.review.bundles import Collected, Target, collect, open_released
from tapeline.review.combining import combine_all
from tapeline.transparency import merkle
from tapeline.wire.v1 import escrow_pb2 as wire


@pytest.fixture
def matter() -> Matter:
    return Matter()


def target(matter: Matter) -> Target:
    leaf = merkle.leaf_hash(matter.audit.log.entries[matter.warrant_index])
    return Target(matter.case.statement_hash, CASE_KEY, leaf)


def released(matter: Matter, name: str, folder: Path) -> wire.Bundle:
    made = Holder(matter, name, folder).release()
    return post_release(matter, "release", made.release, made.sealed_bundle)


def sessions(matter: Matter) -> list[GateSession]:
    gate = matter.input()
    certificate = matter.archive.certificates["acme"]
    facts = [
        matter.archive.state.facts_of(one.record, leaf_index=one.index, leaf_time_ms=one.leaf.relay_time_ms)
        for one in gate.records
    ]
    return [
        GateSession(verify_record(one.record, fact), one.record, certificate)
        for one, fact in zip(gate.records, facts, strict=True)
    ]


def secrets_of(matter: Matter) -> dict[bytes, Secret]:
    """q of every session, as the vault's release gives it."""
    certificate = matter.archive.certificates["acme"]
    private = hpke("acme/1/five-years/v")
    return {
        one.verified.record_hash: open_vault_slot(
            private, certificate.v_key_id, one.verified.reservation_hash, one.record.vault_slots[0], one.verified.cq
        )
        for one in sessions(matter)
    }


def tampered(matter: Matter, name: str, folder: Path, change: object) -> wire.Bundle:
    """A custodian's bundle whose content was changed before it was sealed and signed."""
    made = Holder(matter, name, folder).release()
    leaf = target(matter).warrant_leaf
    info = bundle_info(matter.case.statement_hash, leaf, name, 1)
    bundle = open_bundle(CASE_KEY, info, made.sealed_bundle, wire.PartialBundle, culprit=name)
    change(bundle)  # type: ignore[operator]
    sealed = seal_bundle(CASE_KEY.public(), info, bundle)
    statement = replace(Release.parse(made.release), bundle_hash=bundle_hash(sealed))
    return post_release(matter, "release", statement.sign([signer(key(f"acme/{name}"))]), sealed)


def test_a_quorum_and_the_vault_open_every_session(matter: Matter, tmp_path: Path) -> None:
    bundles = [released(matter, name, tmp_path) for name in HOLDERS[:2]]
    collected = collect(bundles, replica_of(matter), target(matter), matter.now_ms)
    assert collected.problems == ()
    with_q = replace(collected, secrets=secrets_of(matter))
    combined = combine_all(sessions(matter), with_q, "acme", target(matter).warrant_leaf)
    roots = {one.session.verified.record_hash: one.root for one in combined.opened}
    assert roots == {created.record_hash: created.root for created, _ in matter.sessions}
    assert combined.sealed == ()


def test_below_the_threshold_or_without_the_vault_everything_stays_sealed(matter: Matter, tmp_path: Path) -> None:
    one = collect([released(matter, "carl", tmp_path)], replica_of(matter), target(matter), matter.now_ms)
    leaf = target(matter).warrant_leaf
    assert combine_all(sessions(matter), replace(one, secrets=secrets_of(matter)), "acme", leaf).opened == ()
    two = [
        *one.partials,
        *collect([released(matter, "cleo", tmp_path)], replica_of(matter), target(matter), matter.now_ms).partials,
    ]
    without_q = Collected(tuple(two), {}, ())
    assert len(combine_all(sessions(matter), without_q, "acme", leaf).sealed) == 2


@pytest.mark.rule(Rule.PARTIAL_PROOF)
def test_a_bad_partial_names_its_custodian_and_the_others_open(matter: Matter, tmp_path: Path) -> None:
    def spoil(bundle: wire.PartialBundle) -> None:
        whole = bytearray(bundle.partials[0].partial)
        whole[36:68] = bundle.partials[1].partial[36:68]  # another session's challenge
        bundle.partials[0].partial = bytes(whole)

    bad = tampered(matter, "carl", tmp_path, spoil)
    good = [released(matter, name, tmp_path) for name in ("cleo", "cyra")]
    collected = collect([bad, *good], replica_of(matter), target(matter), matter.now_ms)
    combined = combine_all(
        sessions(matter), replace(collected, secrets=secrets_of(matter)), "acme", target(matter).warrant_leaf
    )
    assert [(one.who, one.rule) for one in combined.problems] == [("carl", Rule.PARTIAL_PROOF.id)]
    assert len(combined.opened) == 2


@pytest.mark.rule(Rule.PARTIAL_CONTEXT)
def test_a_partial_under_another_certificate_names_its_custodian(matter: Matter, tmp_path: Path) -> None:
    def spoil(bundle: wire.PartialBundle) -> None:
        for one in bundle.partials:
            one.certificate = bytes(64)

    bad = tampered(matter, "carl", tmp_path, spoil)
    collected = collect([bad], replica_of(matter), target(matter), matter.now_ms)
    combined = combine_all(sessions(matter), collected, "acme", target(matter).warrant_leaf)
    assert {(one.who, one.rule) for one in combined.problems} == {("carl", Rule.PARTIAL_CONTEXT.id)}


@pytest.mark.rule(Rule.PARTIAL_CONTEXT)
def test_a_bundle_holds_what_its_release_says(matter: Matter, tmp_path: Path) -> None:
    bad = tampered(matter, "carl", tmp_path, lambda bundle: bundle.partials.pop())
    with pytest.raises(Refused) as refused:
        open_released(bad, replica_of(matter), target(matter))
    assert (refused.value.rule, refused.value.culprit) == (Rule.PARTIAL_CONTEXT, "carl")


@pytest.mark.rule(Rule.RELEASE_BINDING)
def test_a_bundle_whose_release_is_not_logged_is_left_out(matter: Matter, tmp_path: Path) -> None:
    made = Holder(matter, "carl", tmp_path).release()
    unlogged = wire.Bundle(release=made.release, sealed_bundle=made.sealed_bundle, index=2)
    with pytest.raises(Refused) as refused:
        open_released(unlogged, replica_of(matter), target(matter))
    assert (refused.value.rule, refused.value.culprit) == (Rule.RELEASE_BINDING, "carl")


@pytest.mark.rule(Rule.RELEASE_BINDING)
def test_a_release_of_another_bundle_or_case_is_left_out(matter: Matter, tmp_path: Path) -> None:
    bundle = released(matter, "carl", tmp_path)
    swapped = wire.Bundle(release=bundle.release, sealed_bundle=bundle.sealed_bundle + b"x", index=bundle.index)
    other_case = replace(target(matter), case_hash=bytes(64))
    for changed, wanted in ((swapped, target(matter)), (bundle, other_case)):
        with pytest.raises(Refused) as refused:
            open_released(changed, replica_of(matter), wanted)
        assert refused.value.rule is Rule.RELEASE_BINDING


@pytest.mark.rule(Rule.BUNDLE_KEY)
def test_a_bundle_sealed_to_another_key_names_its_custodian(matter: Matter, tmp_path: Path) -> None:
    made = Holder(matter, "carl", tmp_path).release()
    leaf = target(matter).warrant_leaf
    info = bundle_info(matter.case.statement_hash, leaf, "carl", 1)
    bundle = open_bundle(CASE_KEY, info, made.sealed_bundle, wire.PartialBundle, culprit="carl")
    sealed = seal_bundle(hpke("somebody else").public(), info, bundle)
    statement = replace(Release.parse(made.release), bundle_hash=bundle_hash(sealed))
    logged = post_release(matter, "release", statement.sign([signer(key("acme/carl"))]), sealed)
    with pytest.raises(Refused) as refused:
        open_released(logged, replica_of(matter), target(matter))
    assert (refused.value.rule, refused.value.culprit) == (Rule.BUNDLE_KEY, "carl")


@pytest.mark.rule(Rule.DSSE_SIGNATURE)
def test_a_release_in_anothers_name_is_left_out(matter: Matter, tmp_path: Path) -> None:
    made = Holder(matter, "carl", tmp_path).release()
    forged = replace(Release.parse(made.release), custodian="cleo").sign([signer(key("acme/carl"))])
    logged = post_release(matter, "release", forged, made.sealed_bundle)
    with pytest.raises(Refused) as refused:
        open_released(logged, replica_of(matter), target(matter))
    assert refused.value.rule is Rule.DSSE_SIGNATURE


def test_the_vaults_bundle_gives_q(matter: Matter) -> None:
    q = secrets_of(matter)
    leaf = target(matter).warrant_leaf
    bundle = wire.VaultBundle(
        warrant_leaf=leaf, sessions=[wire.SessionQ(record_hash=name, q=one.reveal()) for name, one in q.items()]
    )
    sealed = seal_bundle(CASE_KEY.public(), bundle_info(matter.case.statement_hash, leaf, VAULT, 0), bundle)
    statement = VaultRelease(leaf, matter.case.statement_hash, 0, tuple(sorted(q)), bundle_hash(sealed))
    logged = post_release(matter, "vault-release", statement.sign([signer(key("acme/vault"))]), sealed)
    assert collect([logged], replica_of(matter), target(matter), matter.now_ms).secrets == q


@pytest.mark.rule(Rule.GATE_CHECKPOINT)
def test_a_stale_audit_log_opens_nothing(matter: Matter) -> None:
    with pytest.raises(Refused) as refused:
        collect([], replica_of(matter), target(matter), matter.now_ms + HOUR)
    assert refused.value.rule is Rule.GATE_CHECKPOINT
