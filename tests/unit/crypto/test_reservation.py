"""Reservations, vault slots and receipts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from record_kit import T0, make_world

from tapeline.base.rules import Refused, Rule
from tapeline.base.times import DAY
from tapeline.crypto.hpke import seal
from tapeline.crypto.limits import FIRMS, RESERVATION_MS, SLOT_BYTES
from tapeline.crypto.objects import seal_object
from tapeline.crypto.receipt import require_vault_slot, sign_receipt, vault_slot_hash, verify_receipt
from tapeline.crypto.reservation import hybrid_commitment, vault_slot_info, verify_reservation
from tapeline.crypto.vault_open import open_vault_slot
from tapeline.crypto.wire import encode
from tapeline.wire.v1.objects_pb2 import Reservation, SignedObject

WORLD = make_world(seed="reservation")
PENDING = WORLD.reserve()
SENDER = WORLD.sender
VAULT = WORLD.escrow["acme"]
OTHER = WORLD.escrow["bolt"]


def altered(change: Callable[[Reservation], None]) -> bytes:
    """Return the reservation with a change, signed again by its device."""
    body = Reservation.FromString(SignedObject.FromString(PENDING.reservation).body)
    change(body)
    return seal_object(SENDER.key, "reservation", encode(body))


def refusal(act: Callable[[], object]) -> Rule:
    with pytest.raises(Refused) as caught:
        act()
    return caught.value.rule


def test_a_reservation_verifies_and_each_vault_finds_q() -> None:
    verified = verify_reservation(PENDING.reservation, SENDER.entry, T0)
    assert verified.reservation_hash == PENDING.reservation_hash
    assert (verified.firms, verified.session_id) == (("acme", "bolt"), PENDING.session_id)
    assert PENDING.cq == hybrid_commitment(PENDING.q, PENDING.reservation_hash)
    for firm, slot in zip(PENDING.firms, PENDING.slots, strict=True):
        vault = WORLD.escrow[firm]
        assert len(slot) == SLOT_BYTES
        assert open_vault_slot(vault.vault, vault.v_key_id, PENDING.reservation_hash, slot, PENDING.cq) == PENDING.q


def test_targets_are_sorted_by_firm() -> None:
    world = make_world({"bolt": {"x": 1}, "acme": {"y": 1}})
    assert world.reserve().firms == ("acme", "bolt")


def test_q_is_not_shown() -> None:
    assert PENDING.q.reveal().hex() not in repr(PENDING)
    assert str(PENDING.q.reveal()) not in repr(PENDING)


@pytest.mark.rule(Rule.RESERVATION_BINDING)
@pytest.mark.parametrize(
    ("field", "value"),
    [("suite", 0), ("suite", 2), ("deployment", bytes(32)), ("sender_device", bytes(64)),
     ("firms", ["bolt", "acme"]), ("firms", ["acme", "acme", "bolt"])],
)  # fmt: skip
def test_a_reservation_of_another_suite_tenant_or_device_is_refused(field: str, value: object) -> None:
    def change(body: Reservation) -> None:
        if field == "firms":
            del body.firms[:]
            body.firms.extend(value)  # type: ignore[arg-type]
        else:
            setattr(body, field, value)

    assert refusal(lambda: verify_reservation(altered(change), SENDER.entry, T0)) is Rule.RESERVATION_BINDING


@pytest.mark.rule(Rule.SIGNATURE)
def test_a_reservation_signed_by_another_device_is_refused() -> None:
    body = SignedObject.FromString(PENDING.reservation).body
    obj = seal_object(WORLD.others[0].key, "reservation", body)
    assert refusal(lambda: verify_reservation(obj, SENDER.entry, T0)) is Rule.SIGNATURE


@pytest.mark.rule(Rule.RESERVATION_EXPIRED)
@pytest.mark.parametrize("at_ms", [PENDING.expires_ms, PENDING.expires_ms + 1, PENDING.expires_ms - RESERVATION_MS - 1])
def test_a_reservation_expired_or_too_long_is_refused(at_ms: int) -> None:
    verify_reservation(PENDING.reservation, SENDER.entry, PENDING.expires_ms - 1)
    verify_reservation(PENDING.reservation, SENDER.entry, PENDING.expires_ms - RESERVATION_MS)
    assert refusal(lambda: verify_reservation(PENDING.reservation, SENDER.entry, at_ms)) is Rule.RESERVATION_EXPIRED


@pytest.mark.rule(Rule.WIRE_SIZE)
def test_a_session_id_of_another_length_and_too_many_firms_are_refused() -> None:
    def short(body: Reservation) -> None:
        body.session_id = bytes(31)

    def crowded(body: Reservation) -> None:
        body.firms.extend([f"z{number:03}" for number in range(FIRMS)])

    for obj in (altered(short), altered(crowded)):
        with pytest.raises(Refused) as caught:
            verify_reservation(obj, SENDER.entry, T0)
        assert caught.value.rule is Rule.WIRE_SIZE


def test_seven_days_is_the_longest_reservation() -> None:
    longest = WORLD.reserve(T0 + 7 * DAY)
    assert verify_reservation(longest.reservation, SENDER.entry, T0).expires_ms == T0 + 7 * DAY


# --- the vault's side ---


@pytest.mark.rule(Rule.VAULT_SLOT)
def test_a_slot_that_holds_another_q_gets_no_receipt() -> None:
    info = vault_slot_info(PENDING.reservation_hash, VAULT.v_key_id)
    for content in (bytes(32), PENDING.q.reveal() + b"\0", b""):
        slot = seal(VAULT.vault.public(), info, content)
        opened = lambda slot=slot: open_vault_slot(  # noqa: E731
            VAULT.vault, VAULT.v_key_id, PENDING.reservation_hash, slot, PENDING.cq
        )
        assert refusal(opened) is Rule.VAULT_SLOT


@pytest.mark.rule(Rule.VAULT_SLOT)
@pytest.mark.parametrize("what", ["other vault", "other V key id", "other reservation", "altered", "cut", "other cq"])
def test_a_slot_out_of_place_gets_the_same_answer(what: str) -> None:
    private = OTHER.vault if what == "other vault" else VAULT.vault
    v_key_id = OTHER.v_key_id if what == "other V key id" else VAULT.v_key_id
    reservation = bytes(64) if what == "other reservation" else PENDING.reservation_hash
    cq = bytes(64) if what == "other cq" else PENDING.cq
    slot = PENDING.slots[0]
    slot = slot[:-1] + bytes([slot[-1] ^ 1]) if what == "altered" else slot[:-1] if what == "cut" else slot
    with pytest.raises(Refused) as caught:
        open_vault_slot(private, v_key_id, reservation, slot, cq)
    assert caught.value.rule is Rule.VAULT_SLOT
    assert caught.value.cause == "The vault slot does not hold the q that cq commits to. [VLT-1]"
    assert caught.value.__cause__ is None


# --- receipts ---

HASH = vault_slot_hash(PENDING.slots[0])


def receipt(**changes: bytes) -> bytes:
    fields = {"reservation_hash": PENDING.reservation_hash, "v_key_id": VAULT.v_key_id, "cq": PENDING.cq}
    fields |= changes
    return sign_receipt(VAULT.signer, fields["reservation_hash"], fields["v_key_id"], fields["cq"], HASH)


def check(obj: bytes, public: bytes = VAULT.signer.public) -> bytes:
    return verify_receipt(
        obj, public, reservation_hash=PENDING.reservation_hash, v_key_id=VAULT.v_key_id, cq=PENDING.cq
    )


def test_a_receipt_verifies_and_names_its_slot() -> None:
    assert check(receipt()) == HASH
    require_vault_slot(PENDING.slots[0], HASH)


@pytest.mark.rule(Rule.RECEIPT_BINDING)
@pytest.mark.parametrize("field", ["reservation_hash", "v_key_id", "cq"])
def test_a_receipt_for_something_else_is_refused(field: str) -> None:
    assert refusal(lambda: check(receipt(**{field: bytes(64)}))) is Rule.RECEIPT_BINDING


@pytest.mark.rule(Rule.RECEIPT_SIGNATURE)
def test_a_receipt_by_another_key_or_of_another_kind_is_refused() -> None:
    assert refusal(lambda: check(receipt(), OTHER.signer.public)) is Rule.RECEIPT_SIGNATURE
    other_kind = seal_object(VAULT.signer, "reservation", SignedObject.FromString(receipt()).body)
    assert refusal(lambda: check(other_kind)) is Rule.RECEIPT_SIGNATURE


@pytest.mark.rule(Rule.VAULT_SLOT_HASH)
def test_another_slot_than_the_receipts_is_refused() -> None:
    assert refusal(lambda: require_vault_slot(PENDING.slots[1], HASH)) is Rule.VAULT_SLOT_HASH
