from __future__ import annotations

import pytest

from tapeline.crypto.cocktail.schnorr import sign, signature_holds
from tapeline.crypto.group import ORDER, Scalar
from tapeline.crypto.signing import framed_signature_holds

SECRET = Scalar.from_int(123_456_789)
PUBLIC = SECRET.base_mul()
SIGNATURE = sign(SECRET, b"message")


def test_it_holds_for_key_and_message_and_is_deterministic() -> None:
    assert signature_holds(PUBLIC, b"message", SIGNATURE)
    assert sign(SECRET, b"message") == SIGNATURE
    assert not signature_holds(PUBLIC, b"messagE", SIGNATURE)
    assert not signature_holds(PUBLIC + PUBLIC, b"message", SIGNATURE)


def test_no_eddsa_verifier_accepts_it() -> None:
    assert not framed_signature_holds(PUBLIC.encode(), b"message", SIGNATURE)


def _malleated() -> bytes:
    response = int.from_bytes(SIGNATURE[32:], "little") + ORDER
    return SIGNATURE[:32] + response.to_bytes(32, "little")


@pytest.mark.parametrize(
    "signature",
    [b"", SIGNATURE[:-1], SIGNATURE + b"\0", _malleated(), bytes([1, *bytes(31)]) + SIGNATURE[32:], SIGNATURE[:32] * 2],
    ids=["empty", "short", "long", "z + order", "R identity", "z not reduced"],
)
def test_a_loose_signature_is_refused(signature: bytes) -> None:
    assert not signature_holds(PUBLIC, b"message", signature)
