"""Devices and prekeys: who may enter which, and what makes two of them collide."""

from __future__ import annotations

import pytest
from gov_kit import (
    T0,
    Archive,
    Member,
    hpke,
    key,
    make_certificate,
    make_roster,
    sign,
    sign_certificate,
    sign_roster,
    successor,
)

from tapeline.base.errors import NotFound
from tapeline.base.rules import Refused, Rule
from tapeline.base.times import DAY
from tapeline.crypto.device import issue_device_entry
from tapeline.crypto.prekey_secret import PrekeySecret, make_prekey
from tapeline.governance.revocation import Revocation
from tapeline.wire.v1 import objects_pb2 as pb

DEVICE, PREKEY, REVOCATION = pb.LEAF_TYPE_DEVICE, pb.LEAF_TYPE_PREKEY, pb.LEAF_TYPE_REVOCATION
OFFICERS = ("acme/olga", "acme/omar")


@pytest.fixture
def archive() -> Archive:
    return Archive("acme", "bolt")


def refused(rule: Rule, archive: Archive, leaf_type: int, obj: bytes) -> None:
    with pytest.raises(Refused) as refusal:
        archive.state.check(leaf_type, obj, leaf_time_ms=archive.now_ms)
    assert refusal.value.rule is rule


def revoke(archive: Archive, kind: str, target: str, *signers: str) -> int:
    return archive.publish(REVOCATION, sign(Revocation(kind, target, "", "lost", T0), *(signers or OFFICERS)))


def test_an_enrolled_device_is_found(archive: Archive) -> None:
    ann = archive.enrol("ann")
    fact = archive.state.device(ann.device.entry_hash)
    assert (fact.device, fact.leaf_index, len(fact.prekeys), fact.revoked_index) == (ann.device, 2, 1, None)
    assert archive.state.devices_of("acme", "ann") == (fact,)
    assert archive.state.devices_by_key(ann.key.public) == [ann.device]
    assert archive.state.user_salt("acme", "ann") == ann.device.user_salt
    assert archive.state.find_user("ann") == [("acme", "ann")]
    assert archive.state.find_user("nobody") == []
    with pytest.raises(NotFound):
        archive.state.user_salt("acme", "nobody")
    with pytest.raises(NotFound):
        archive.state.device(bytes(64))


def test_a_device_of_the_user_may_enter_the_next(archive: Archive) -> None:
    ann = archive.enrol("ann")
    entry = archive.entry("ann", number=2, issuer=ann.device.entry_hash)
    archive.publish(DEVICE, issue_device_entry(ann.key, entry))
    assert len(archive.state.devices_of("acme", "ann")) == 2


@pytest.mark.rule(Rule.DEVICE_ISSUER)
def test_nobody_else_may(archive: Archive) -> None:
    ann = archive.enrol("ann")
    for issuer, signer in (
        (key("mallory").public, key("mallory")),
        (key("bolt/enid").public, key("bolt/enid")),
        (key("acme/olga").public, key("acme/olga")),
        (bytes(64), ann.key),
        (key("acme/enid").public, key("mallory")),
    ):
        refused(Rule.DEVICE_ISSUER, archive, DEVICE, issue_device_entry(signer, archive.entry("eve", issuer=issuer)))
    stranger = archive.entry("eve", firm="core")
    refused(Rule.DEVICE_ISSUER, archive, DEVICE, issue_device_entry(key("acme/enid"), stranger))


@pytest.mark.rule(Rule.DEVICE_ISSUER)
def test_what_is_revoked_issues_nothing(archive: Archive) -> None:
    ann = archive.enrol("ann")
    revoke(archive, "device", ann.device.entry_hash.hex())
    second = issue_device_entry(ann.key, archive.entry("ann", number=2, issuer=ann.device.entry_hash))
    refused(Rule.DEVICE_ISSUER, archive, DEVICE, second)
    first = issue_device_entry(key("acme/enid"), archive.entry("eve"))
    archive.state.check(DEVICE, first, leaf_time_ms=T0)
    revoke(archive, "person", "enid")
    refused(Rule.DEVICE_ISSUER, archive, DEVICE, first)


@pytest.mark.rule(Rule.DEVICE_ISSUER)
def test_an_enrollers_key_may_be_revoked_alone(archive: Archive) -> None:
    revoke(archive, "key", key("acme/enid").public.hex())
    refused(Rule.DEVICE_ISSUER, archive, DEVICE, issue_device_entry(key("acme/enid"), archive.entry("eve")))


@pytest.mark.rule(Rule.DEVICE_TENANT)
def test_an_entry_is_of_its_issuers_tenant(archive: Archive) -> None:
    ann = archive.enrol("ann")
    by_ann = {"issuer": ann.device.entry_hash, "number": 2}
    for entry, signer in (
        (archive.entry("ben", **by_ann), ann.key),
        (archive.entry("ann", **by_ann, user_salt=bytes(32)), ann.key),
        (archive.entry("eve", deployment=b"e" * 32), key("acme/enid")),
        (archive.entry("ann", number=2, user_salt=bytes(32)), key("acme/enid")),
        (archive.entry("eve", device_key=ann.key.public), key("acme/enid")),
        (archive.entry("ann"), key("acme/enid")),
    ):
        refused(Rule.DEVICE_TENANT, archive, DEVICE, issue_device_entry(signer, entry))


@pytest.mark.rule(Rule.DEVICE_EXPIRED)
def test_an_expired_device_issues_nothing_and_publishes_nothing(archive: Archive) -> None:
    archive.publish(DEVICE, issue_device_entry(key("acme/enid"), archive.entry("ann", not_after_ms=T0 + DAY)))
    ann = Member(key("acme/ann/1"), archive.state.devices_of("acme", "ann")[0].device)
    by_ann = {"issuer": ann.device.entry_hash, "number": 2}
    within = issue_device_entry(ann.key, archive.entry("ann", **by_ann, not_after_ms=T0 + DAY))
    archive.state.check(DEVICE, within, leaf_time_ms=T0 + DAY - 1)
    lasting = issue_device_entry(ann.key, archive.entry("ann", **by_ann, not_after_ms=T0 + DAY + 1))
    refused(Rule.DEVICE_EXPIRED, archive, DEVICE, lasting)
    archive.now_ms = T0 + DAY
    refused(Rule.DEVICE_EXPIRED, archive, DEVICE, within)
    refused(Rule.DEVICE_EXPIRED, archive, PREKEY, archive.prekey(ann))


@pytest.mark.rule(Rule.PREKEY_OWNER)
def test_a_prekey_is_of_a_known_and_unrevoked_device(archive: Archive) -> None:
    ann, other = archive.enrol("ann"), Archive("acme").enrol("ann", number=7)
    refused(Rule.PREKEY_OWNER, archive, PREKEY, archive.prekey(Member(other.key, other.device)))
    renewed = archive.prekey(ann)
    archive.state.check(PREKEY, renewed, leaf_time_ms=T0)
    revoke(archive, "device", ann.device.entry_hash.hex())
    refused(Rule.PREKEY_OWNER, archive, PREKEY, renewed)


@pytest.mark.rule(Rule.PREKEY_LIFETIME)
def test_a_prekey_lasts_thirty_days_from_its_leaf(archive: Archive) -> None:
    ann = archive.enrol("ann")
    archive.state.check(PREKEY, archive.prekey(ann, not_after_ms=T0 + 30 * DAY), leaf_time_ms=T0)
    for not_after_ms in (T0, T0 + 30 * DAY + 1):
        refused(Rule.PREKEY_LIFETIME, archive, PREKEY, archive.prekey(ann, not_after_ms=not_after_ms))


def prekey_of(member: Member, secret: PrekeySecret, number: int) -> bytes:
    """A prekey with given secrets: the generator hands them out in the order in which they are drawn."""
    # 64 bytes reduce to the scalar itself where the upper half is zero.
    drawn = iter([secret.scalar.to_bytes() + bytes(32), secret.hpke_seed.reveal(), bytes(32)])
    return make_prekey(member.key, member.device, number, T0 + 20 * DAY, lambda count: next(drawn))[0]


@pytest.mark.rule(Rule.PREKEY_DISTINCT)
def test_no_two_prekeys_share_a_half_or_a_number(archive: Archive) -> None:
    ann, ben = archive.enrol("ann"), archive.enrol("ben")
    fresh = archive.prekey_secret()
    archive.state.check(PREKEY, prekey_of(ben, fresh, 2), leaf_time_ms=T0)
    taken = ann.prekeys[0]
    for secret in (
        taken,
        PrekeySecret(taken.scalar, fresh.hpke_seed),
        PrekeySecret(fresh.scalar, taken.hpke_seed),
    ):
        refused(Rule.PREKEY_DISTINCT, archive, PREKEY, prekey_of(ben, secret, 2))
    refused(Rule.PREKEY_DISTINCT, archive, PREKEY, prekey_of(ben, fresh, 1))


@pytest.mark.rule(Rule.PREKEY_DISTINCT)
def test_no_prekey_is_an_escrow_or_vault_key(archive: Archive) -> None:
    ann = archive.enrol("ann")
    certificate = archive.certify()
    for secret in (
        PrekeySecret(archive.escrow_scalar(certificate), archive.prekey_secret().hpke_seed),
        PrekeySecret(archive.prekey_secret().scalar, archive.vault_seed(certificate)),
    ):
        refused(Rule.PREKEY_DISTINCT, archive, PREKEY, prekey_of(ann, secret, 2))


@pytest.mark.rule(Rule.ESCROW_CERTIFICATE)
def test_no_escrow_or_vault_key_is_a_prekey_or_doubled(archive: Archive) -> None:
    roster, ann = archive.rosters["acme"], archive.enrol("ann")
    certificate = make_certificate(roster)
    archive.publish(
        PREKEY, prekey_of(ann, PrekeySecret(archive.escrow_scalar(certificate), archive.prekey_secret().hpke_seed), 2)
    )
    refused(Rule.ESCROW_CERTIFICATE, archive, pb.LEAF_TYPE_CERTIFICATE, sign_certificate(certificate))
    second = make_certificate(roster, epoch=2)
    archive.publish(pb.LEAF_TYPE_CERTIFICATE, sign_certificate(second))
    refused(Rule.ESCROW_CERTIFICATE, archive, pb.LEAF_TYPE_CERTIFICATE, sign_certificate(second))
    # An older epoch would leave it unclear which key is current.
    refused(
        Rule.ESCROW_CERTIFICATE, archive, pb.LEAF_TYPE_CERTIFICATE,
        sign_certificate(make_certificate(roster, epoch=1, active_from_ms=T0)),
    )  # fmt: skip
    assert hpke("acme/2/five-years/v").public().encode() == second.v_public


@pytest.mark.rule(Rule.ESCROW_CERTIFICATE)
def test_epochs_of_a_class_only_grow(archive: Archive) -> None:
    """A fresh key of an older epoch would leave it unclear which one is current."""
    roster = archive.rosters["acme"]
    archive.publish(pb.LEAF_TYPE_CERTIFICATE, sign_certificate(make_certificate(roster, epoch=2)))
    refused(
        Rule.ESCROW_CERTIFICATE, archive, pb.LEAF_TYPE_CERTIFICATE, sign_certificate(make_certificate(roster, epoch=1))
    )
    archive.publish(pb.LEAF_TYPE_CERTIFICATE, sign_certificate(make_certificate(roster, 1, "ten-years")))


@pytest.mark.rule(Rule.ESCROW_CERTIFICATE)
def test_a_certificate_is_by_the_newest_roster_of_a_known_firm(archive: Archive) -> None:
    certificate = make_certificate(archive.rosters["acme"])
    archive.publish(pb.LEAF_TYPE_ROSTER, sign_roster(successor(archive.rosters["acme"])))
    refused(Rule.ESCROW_CERTIFICATE, archive, pb.LEAF_TYPE_CERTIFICATE, sign_certificate(certificate))
    alone = Archive("bolt")
    refused(Rule.ESCROW_CERTIFICATE, alone, pb.LEAF_TYPE_CERTIFICATE, sign_certificate(certificate))


@pytest.mark.rule(Rule.ESCROW_CERTIFICATE)
@pytest.mark.parametrize("name", ["carl", "olga"])
@pytest.mark.parametrize("kind", ["person", "key"])
def test_no_revoked_custodian_or_officer_certifies_a_key(archive: Archive, name: str, kind: str) -> None:
    """The roster lists both until its next version."""
    certificate = sign_certificate(make_certificate(archive.rosters["acme"]))
    assert archive.state.check(pb.LEAF_TYPE_CERTIFICATE, certificate, leaf_time_ms=T0)
    revoke(archive, kind, name if kind == "person" else key(f"acme/{name}").public.hex())
    refused(Rule.ESCROW_CERTIFICATE, archive, pb.LEAF_TYPE_CERTIFICATE, certificate)


@pytest.mark.rule(Rule.DSSE_SIGNATURE)
def test_a_revocation_counts_for_the_firm_whose_people_signed(archive: Archive) -> None:
    ann = archive.enrol("ann")
    target = ann.device.entry_hash.hex()
    refused(Rule.DSSE_SIGNATURE, archive, REVOCATION, sign(Revocation("device", target, "", "", T0), "acme/olga"))
    revoke(archive, "device", target, "bolt/olga", "bolt/omar")
    assert archive.state.device(ann.device.entry_hash).revoked_index is None
    index = revoke(archive, "device", target)
    assert archive.state.device(ann.device.entry_hash).revoked_index == index


def test_prekeys_supersede_one_another_in_the_view_of_a_note(archive: Archive) -> None:
    ann = archive.enrol("ann")
    archive.now_ms = T0 + DAY
    second = archive.renew(ann)
    newest = archive.state.device(ann.device.entry_hash).prekeys
    assert [(one.superseded_ms, one.prekey.prekey_id) for one in newest] == [(T0 + DAY, 1), (None, 2)]
    below = archive.state.devices_of("acme", "ann", below=second)[0].prekeys
    assert [(one.superseded_ms, one.prekey.prekey_id) for one in below] == [(None, 1)]
    assert archive.state.devices_of("acme", "ann", below=2) == ()


@pytest.mark.rule(Rule.ROSTER_CHAIN)
def test_rosters_are_of_pinned_firms_and_one_deployment(archive: Archive) -> None:
    refused(Rule.ROSTER_CHAIN, archive, pb.LEAF_TYPE_ROSTER, sign_roster(make_roster("core")))
    later = successor(archive.rosters["acme"])
    refused(Rule.ROSTER_CHAIN, archive, pb.LEAF_TYPE_ROSTER, sign_roster(later, "olga"))
    foreign = make_roster("bolt", deployment=b"e" * 32)
    with pytest.raises(Refused) as refusal:
        Archive("acme", "bolt", roster=foreign)
    assert refusal.value.rule is Rule.ROSTER_CHAIN
