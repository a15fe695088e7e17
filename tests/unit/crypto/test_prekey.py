"""Prekeys: whose they are, that their owner holds the secret, that one can seal to them."""

from __future__ import annotations

import pickle

import pytest
from record_kit import T0, SeededRng, make_world

from tapeline.base.errors import MalformedInput
from tapeline.base.rules import Refused, Rule
from tapeline.base.times import DAY
from tapeline.crypto.group import Point, Scalar
from tapeline.crypto.hpke import seal
from tapeline.crypto.hpke_open import open_sealed
from tapeline.crypto.objects import seal_object
from tapeline.crypto.prekey import require_prekey_lifetime, verify_prekey
from tapeline.crypto.prekey_secret import PrekeySecret, _prove_possession, make_prekey
from tapeline.crypto.wire import encode
from tapeline.wire.v1.objects_pb2 import Prekey, SignedObject

WORLD = make_world({"acme": {"ann": 1, "ben": 1}}, seed="prekey")
ANN, BEN = WORLD.devices
RNG = SeededRng("prekeys")


def made() -> tuple[bytes, PrekeySecret]:
    return make_prekey(ANN.key, ANN.entry, 7, T0 + DAY, RNG)


def changed(*, prove: bool = True, **changes: object) -> bytes:
    """Return a prekey of Ann's device with other fields, proven and signed again as a modified client would."""
    obj, secret = made()
    prekey = Prekey.FromString(SignedObject.FromString(obj).body)
    for name, value in changes.items():
        setattr(prekey, name, value)
    if prove:
        prekey.possession = _prove_possession(prekey, secret.scalar, RNG)
    return seal_object(ANN.key, "prekey", encode(prekey))


def refusal(obj: bytes) -> Rule:
    with pytest.raises(Refused) as caught:
        verify_prekey(obj, ANN.entry)
    return caught.value.rule


def test_a_prekey_verifies_and_opens_what_is_sealed_to_it() -> None:
    obj, secret = made()
    prekey = verify_prekey(obj, ANN.entry)
    assert prekey.point == secret.scalar.base_mul()
    assert open_sealed(secret.hpke, b"info", seal(prekey.hpke, b"info", b"q")) == b"q"
    assert (prekey.prekey_id, prekey.device_entry) == (7, ANN.entry.entry_hash)


@pytest.mark.rule(Rule.PREKEY_POSSESSION)
def test_a_rogue_point_without_its_logarithm_is_refused() -> None:
    """P = aE + b · (another's P): its owner's row would vary with the others', and no one could tell."""
    a, b = Scalar.random(RNG), Scalar.random(RNG)
    escrow = WORLD.escrow["acme"].scalar.base_mul()
    rogue = escrow.mul(a) + BEN.prekey.point.mul(b)
    assert refusal(changed(point=rogue.encode())) is Rule.PREKEY_POSSESSION


@pytest.mark.rule(Rule.PREKEY_POSSESSION)
@pytest.mark.parametrize(
    "change",
    [{"prekey_id": 8}, {"not_after_ms": T0 + 2 * DAY}, {"hpke_public": BEN.prekey.hpke.encode()}],
    ids=["id", "expiry", "hpke key"],
)
def test_a_proof_for_other_fields_is_refused(change: dict[str, object]) -> None:
    assert refusal(changed(prove=False, **change)) is Rule.PREKEY_POSSESSION


@pytest.mark.rule(Rule.PREKEY_POSSESSION)
@pytest.mark.parametrize("proof", [bytes(64), b"\xff" * 64], ids=["zero", "not reduced"])
def test_a_proof_that_is_no_pair_of_scalars_is_refused(proof: bytes) -> None:
    assert refusal(changed(prove=False, possession=proof)) is Rule.PREKEY_POSSESSION


@pytest.mark.rule(Rule.WIRE_SIZE)
@pytest.mark.parametrize("length", [0, 63, 65])
def test_a_proof_of_another_length_is_refused(length: int) -> None:
    assert refusal(changed(prove=False, possession=bytes(length))) is Rule.WIRE_SIZE


@pytest.mark.rule(Rule.PREKEY_SEALABLE)
def test_an_x25519_half_of_small_order_is_refused() -> None:
    lattice = BEN.prekey.hpke.encode()[:1184]
    assert refusal(changed(hpke_public=lattice + bytes(32))) is Rule.PREKEY_SEALABLE


@pytest.mark.rule(Rule.PREKEY_OWNER)
@pytest.mark.parametrize(
    "change",
    [{"deployment": b"x" * 32}, {"firm": "bolt"}, {"user": "ben"}, {"device_entry": BEN.entry.entry_hash},
     {"device_key": BEN.key.public}],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_a_prekey_that_names_another_owner_is_refused(change: dict[str, object]) -> None:
    assert refusal(changed(**change)) is Rule.PREKEY_OWNER


@pytest.mark.rule(Rule.SIGNATURE)
def test_a_prekey_signed_by_another_device_is_refused() -> None:
    body = SignedObject.FromString(made()[0]).body
    assert refusal(seal_object(BEN.key, "prekey", body)) is Rule.SIGNATURE
    assert refusal(seal_object(ANN.key, "reservation", body)) is Rule.SIGNATURE


@pytest.mark.rule(Rule.GROUP_POINT)
@pytest.mark.parametrize(
    "point",
    [b"\x01" + bytes(31), bytes(32), (2**255 - 18).to_bytes(32, "little"), b"\xec" + b"\xff" * 30 + b"\x7f"],
    ids=["identity", "order 4", "not canonical", "order 2"],
)
def test_a_point_outside_the_group_is_refused(point: bytes) -> None:
    assert refusal(changed(point=point)) is Rule.GROUP_POINT


@pytest.mark.rule(Rule.PREKEY_LIFETIME)
def test_a_lifetime_over_30_days_or_past_is_refused() -> None:
    prekey = verify_prekey(made()[0], ANN.entry)
    require_prekey_lifetime(prekey, T0)
    require_prekey_lifetime(prekey, T0 + DAY - 30 * DAY)
    for leaf_time in (T0 + DAY, T0 + 2 * DAY, T0 + DAY - 30 * DAY - 1):
        with pytest.raises(Refused) as caught:
            require_prekey_lifetime(prekey, leaf_time)
        assert caught.value.rule is Rule.PREKEY_LIFETIME


def test_the_secret_is_stored_as_64_bytes_and_shown_nowhere() -> None:
    secret = made()[1]
    stored = secret.to_bytes()
    again = PrekeySecret.from_bytes(stored)
    assert len(stored) == 64
    assert again.scalar == secret.scalar
    assert again.hpke.public() == secret.hpke.public()
    assert stored.hex() not in repr(secret)
    assert repr(secret) == "<PrekeySecret, redacted>"
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(MalformedInput):
        PrekeySecret.from_bytes(stored[:-1])


def test_possession_nonces_differ_for_another_statement_even_where_the_generator_repeats() -> None:
    """Two challenges on one nonce would give the scalar away: z1 − z2 = (c1 − c2) p."""

    def stuck(count: int) -> bytes:
        return b"\x07" * count

    scalar = Scalar.random(RNG)
    proofs = [_prove_possession(Prekey(point=scalar.base_mul().encode(), prekey_id=n), scalar, stuck) for n in (1, 2)]
    nonces = [
        Scalar.decode(proof[32:]).base_mul() - scalar.base_mul().mul(Scalar.decode(proof[:32])) for proof in proofs
    ]
    assert nonces[0] != nonces[1]
    assert isinstance(nonces[0], Point)
