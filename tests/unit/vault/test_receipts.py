"""Receipts: given for a true slot of a known device, and otherwise one refusal that tells nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from gov_kit import T0, Archive, hpke, make_certificate, sign_certificate
from vault_kit import VaultUnderTest, make_vault, receipt_request, reserve

from tapeline.base.errors import PermissionRefused
from tapeline.base.rules import Refused, Rule
from tapeline.base.times import DAY, MINUTE
from tapeline.crypto.device import issue_device_entry
from tapeline.crypto.hpke import seal
from tapeline.crypto.objects import seal_object
from tapeline.crypto.receipt import vault_slot_hash, verify_receipt
from tapeline.crypto.reservation import vault_slot_info
from tapeline.crypto.wire import encode
from tapeline.vault.receipts import PER_MINUTE
from tapeline.wire.v1 import escrow_pb2 as wire
from tapeline.wire.v1.objects_pb2 import Reservation, SignedObject

Change = Callable[[wire.ReceiptRequest], None]


class Scene:
    """An archive, a device in it, a vault, and a clock that all share."""

    def __init__(self, folder: Path) -> None:
        self.archive = Archive()
        self.certificate = self.archive.certify()
        self.ann, self.ben = self.archive.enrol("ann"), self.archive.enrol("ben")
        self.now_ms = T0 + MINUTE
        self.vault: VaultUnderTest = make_vault(self.archive, folder, lambda: self.now_ms)
        self.pending = reserve(self.archive, self.ann, self.certificate)

    def request(self) -> wire.ReceiptRequest:
        return receipt_request(self.archive, self.ann, self.pending)

    def refusal(self, request: wire.ReceiptRequest) -> Exception:
        """What the vault itself found, which only its own process sees."""
        with pytest.raises(Exception) as inner:
            self.vault.receipts._give(encode(request))
        with pytest.raises(PermissionRefused, match="gives no receipt"):
            self.vault.receipts.give(encode(request))
        return inner.value


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_a_receipt_names_reservation_key_cq_and_slot(scene: Scene) -> None:
    answer = wire.ReceiptResponse.FromString(scene.vault.receipts.give(encode(scene.request())))
    slot_hash = verify_receipt(
        encode(answer.receipt),
        scene.vault.keys.roster.public,
        reservation_hash=scene.pending.reservation_hash,
        v_key_id=scene.certificate.v_key_id,
        cq=scene.pending.cq,
    )
    assert slot_hash == vault_slot_hash(scene.pending.slots[0])


@pytest.mark.rule(Rule.VAULT_SLOT)
def test_a_slot_without_the_q_behind_cq_gets_none(scene: Scene) -> None:
    request = scene.request()
    info = vault_slot_info(scene.pending.reservation_hash, scene.certificate.v_key_id)
    request.slot = seal(scene.certificate.vault_public, info, bytes(32))
    found = scene.refusal(request)
    assert isinstance(found, Refused)
    assert found.rule is Rule.VAULT_SLOT


@pytest.mark.rule(Rule.RESERVATION_EXPIRED)
def test_an_expired_or_overlong_reservation_gets_none(scene: Scene) -> None:
    for expires_ms in (scene.now_ms, scene.now_ms + 8 * DAY):
        scene.pending = reserve(scene.archive, scene.ann, scene.certificate, expires_ms=expires_ms)
        found = scene.refusal(scene.request())
        assert isinstance(found, Refused)
        assert found.rule is Rule.RESERVATION_EXPIRED


@pytest.mark.rule(Rule.SIGNATURE)
def test_another_devices_reservation_gets_none(scene: Scene) -> None:
    body = scene.request().reservation.body
    request = scene.request()
    request.reservation.signature = scene.ben.key.sign("reservation", body)
    found = scene.refusal(request)
    assert isinstance(found, Refused)
    assert found.rule is Rule.SIGNATURE


@pytest.mark.rule(Rule.DEVICE_ISSUER)
def test_a_device_that_no_enroller_signed_gets_none(scene: Scene) -> None:
    ghost = scene.archive.entry("ann", issuer=scene.ben.key.public)
    request = scene.request()
    request.devices[0].object.CopyFrom(SignedObject.FromString(issue_device_entry(scene.ben.key, ghost)))
    found = scene.refusal(request)
    assert isinstance(found, Refused)
    assert found.rule is Rule.DEVICE_ISSUER


@pytest.mark.rule(Rule.LOG_INCLUSION)
def test_a_device_that_is_not_in_the_archive_gets_none(scene: Scene) -> None:
    request = scene.request()
    request.devices[0].index += 1
    found = scene.refusal(request)
    assert isinstance(found, Refused)
    assert found.rule is Rule.LOG_INCLUSION


@pytest.mark.rule(Rule.LEAF_TAG)
def test_a_leaf_of_another_device_gets_none(scene: Scene) -> None:
    mine, other = scene.request(), receipt_request(scene.archive, scene.ben, scene.pending)
    mine.devices[0].leaf, mine.devices[0].index = other.devices[0].leaf, other.devices[0].index
    del mine.devices[0].proof[:]
    mine.devices[0].proof.extend(other.devices[0].proof)
    found = scene.refusal(mine)
    assert isinstance(found, Refused)
    assert found.rule is Rule.LEAF_TAG


@pytest.mark.rule(Rule.NOTE_QUORUM)
def test_an_archive_note_without_its_witnesses_gets_none(scene: Scene) -> None:
    request = scene.request()
    request.note = scene.archive.log.note(scene.archive.now_ms, by=("in1",))
    found = scene.refusal(request)
    assert isinstance(found, Refused)
    assert found.rule is Rule.NOTE_QUORUM


@pytest.mark.rule(Rule.DEVICE_EXPIRED)
def test_an_expired_device_gets_none(scene: Scene) -> None:
    scene.now_ms = T0 + 366 * DAY
    scene.pending = reserve(scene.archive, scene.ann, scene.certificate, expires_ms=scene.now_ms + DAY)
    found = scene.refusal(scene.request())
    assert isinstance(found, Refused)
    assert found.rule is Rule.DEVICE_EXPIRED


@pytest.mark.rule(Rule.RESERVATION_BINDING)
def test_a_reservation_for_other_firms_gets_none(scene: Scene) -> None:
    request = scene.request()
    changed = Reservation.FromString(request.reservation.body)
    del changed.firms[:]
    changed.firms.append("other")
    signed = seal_object(scene.ann.key, "reservation", encode(changed))
    request.reservation.CopyFrom(SignedObject.FromString(signed))
    found = scene.refusal(request)
    assert isinstance(found, Refused)
    assert found.rule is Rule.RESERVATION_BINDING


def _garble(request: wire.ReceiptRequest) -> None:
    request.cq = bytes(64)


def _drop_devices(request: wire.ReceiptRequest) -> None:
    del request.devices[:]


def _foreign_key(request: wire.ReceiptRequest) -> None:
    request.v_key_id = bytes(64)


@pytest.mark.parametrize("change", [_garble, _drop_devices, _foreign_key])
def test_every_failure_looks_the_same(scene: Scene, change: Change) -> None:
    request = scene.request()
    change(request)
    answers = set()
    for opaque in (encode(request), b"", b"\xff" * 40, encode(scene.request()) + b"\x00"):
        with pytest.raises(PermissionRefused) as refused:
            scene.vault.receipts.give(opaque)
        answers.add((type(refused.value), refused.value.cause, refused.value.remedy, refused.value.retryable))
    assert len(answers) == 1


def test_a_device_that_asks_too_often_gets_the_same_refusal(scene: Scene) -> None:
    for _ in range(PER_MINUTE):
        scene.vault.receipts.give(encode(scene.request()))
    with pytest.raises(PermissionRefused, match="gives no receipt"):
        scene.vault.receipts.give(encode(scene.request()))
    scene.now_ms += MINUTE
    assert scene.vault.receipts.give(encode(scene.request()))


def test_the_keyring_survives_a_restart_and_knows_only_certified_keys(scene: Scene, tmp_path: Path) -> None:
    again = make_vault(scene.archive, tmp_path, lambda: scene.now_ms)
    assert again.keyring.by_id(scene.certificate.v_key_id).public() == scene.certificate.vault_public
    fresh = again.keyring.make(2, "five-years")
    assert again.keyring.make(2, "five-years").public() == fresh.public()
    assert fresh.public() != hpke("acme/1/five-years/v").public()


@pytest.mark.rule(Rule.ESCROW_CERTIFICATE)
def test_a_certificate_that_a_custodian_did_not_sign_is_not_learnt(scene: Scene) -> None:
    roster = scene.archive.rosters["acme"]
    unsigned = sign_certificate(make_certificate(roster, epoch=2), "carl", "cleo", "olga", "omar")
    with pytest.raises(Refused) as refused:
        scene.vault.keyring.learn([], [unsigned])
    assert refused.value.rule is Rule.ESCROW_CERTIFICATE


def test_a_request_over_its_size_is_refused_like_any_other(scene: Scene) -> None:
    with pytest.raises(PermissionRefused, match="gives no receipt"):
        scene.vault.receipts.give(bytes(1_000_000))
