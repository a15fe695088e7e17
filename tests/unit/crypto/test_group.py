from __future__ import annotations

import copy
import pickle

import pytest
from dkg_kit import seeded
from nacl import bindings as sodium

from tapeline.base.errors import CryptoFailure
from tapeline.base.rules import Refused, Rule
from tapeline.crypto.group import B_HAT, ORDER, B, Point, Scalar, sum_points, sum_scalars

P_FIELD = 2**255 - 19
IDENTITY = (1).to_bytes(32, "little")
ORDER_2 = (P_FIELD - 1).to_bytes(32, "little")
ORDER_4 = bytes(32)
ORDER_8 = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
BAD_POINTS = {
    "short": bytes(31),
    "long": B.encode() + b"\0",
    "identity": IDENTITY,
    "identity with sign": bytes([1, *bytes(30), 0x80]),
    "non-canonical identity": (P_FIELD + 1).to_bytes(32, "little"),
    "order 2": ORDER_2,
    "order 4": ORDER_4,
    "order 8": ORDER_8,
    "torsion beside a good point": sodium.crypto_core_ed25519_add(B.encode(), ORDER_2),
    "not on the curve": (2).to_bytes(32, "little"),
    "all ones": b"\xff" * 32,
}
BAD_SCALARS = {
    "zero": bytes(32),
    "order": ORDER.to_bytes(32, "little"),
    "twice the order": (2 * ORDER).to_bytes(32, "little"),
    "order + 1": (ORDER + 1).to_bytes(32, "little"),
    "bit 255": bytes([1, *bytes(30), 0x80]),
    "short": b"\1" * 31,
    "long": b"\1" + bytes(32),
}


@pytest.mark.rule(Rule.GROUP_POINT)
@pytest.mark.parametrize("encoded", BAD_POINTS.values(), ids=BAD_POINTS.keys())
def test_a_bad_point_is_refused(encoded: bytes) -> None:
    with pytest.raises(Refused) as refusal:
        Point.decode(encoded)
    assert refusal.value.rule is Rule.GROUP_POINT


@pytest.mark.rule(Rule.GROUP_SCALAR)
@pytest.mark.parametrize("encoded", BAD_SCALARS.values(), ids=BAD_SCALARS.keys())
def test_a_bad_scalar_is_refused(encoded: bytes) -> None:
    with pytest.raises(Refused) as refusal:
        Scalar.decode(encoded)
    assert refusal.value.rule is Rule.GROUP_SCALAR


def test_the_least_and_the_greatest_scalar_pass() -> None:
    for value in (1, ORDER - 1):
        assert Scalar.decode(value.to_bytes(32, "little")).to_bytes() == value.to_bytes(32, "little")


def test_the_second_generator_is_the_published_one() -> None:
    assert B_HAT.encode().hex() == "da136ea686c8deda1009d81c61740346fdfc49cfe483293ce764100276892b36"


def test_scalars_compute_modulo_the_order() -> None:
    rng = seeded("scalars")
    for _ in range(20):
        a, b = Scalar.random(rng), Scalar.random(rng)
        x, y = (int.from_bytes(s.to_bytes(), "little") for s in (a, b))
        for result, expected in ((a + b, x + y), (a - b, x - y), (a * b, x * y), (a.negate(), -x)):
            assert int.from_bytes(result.to_bytes(), "little") == expected % ORDER
        assert a * a.inverse() == Scalar.from_int(1)
        assert (a + b).base_mul() == a.base_mul() + b.base_mul()
        assert B.mul(a) == a.base_mul()


def test_a_sum_that_is_the_identity_is_refused() -> None:
    with pytest.raises(CryptoFailure):
        B - B
    with pytest.raises(CryptoFailure):
        sum_points([B, Scalar.from_int(-1).base_mul()])


def test_partial_sums_may_vanish_since_colluders_can_make_them() -> None:
    one, minus, two = (Scalar.from_int(value) for value in (1, -1, 2))
    assert sum_scalars([one, minus, two]) == two
    assert sum_points([one.base_mul(), minus.base_mul(), two.base_mul()]) == two.base_mul()
    with pytest.raises(Refused):
        sum_scalars([one, minus])


def test_a_point_shows_no_byte_of_itself_since_a_sessions_secret_is_one() -> None:
    assert repr(B) == repr(B_HAT) == f"{B}"


def test_a_scalar_shows_nothing_of_itself() -> None:
    scalar = Scalar.from_int(0xABCDEF)
    assert "efcdab" not in repr(scalar)
    assert "redacted" in f"{scalar}"
    for leak in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            leak(scalar)
    with pytest.raises(TypeError):
        hash(scalar)
