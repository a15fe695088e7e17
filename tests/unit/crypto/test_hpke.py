from __future__ import annotations

import copy
import pickle

import pytest
from dkg_kit import seeded

from tapeline.base.errors import CryptoFailure, MalformedInput
from tapeline.base.rules import Refused, Rule
from tapeline.base.secret import Secret
from tapeline.crypto.hpke import ENCAPSULATION_BYTES, MLKEM_PUBLIC_BYTES, HpkePublic, seal, sealed_length
from tapeline.crypto.hpke_open import HpkePrivate, open_sealed

PRIVATE = HpkePrivate.generate(seeded("hpke"))
PUBLIC = PRIVATE.public()
ENCODED = PUBLIC.encode()
SEALED = seal(PUBLIC, b"info", b"q" * 32)
UNSEALABLE = {
    "all-zero X25519 half": ENCODED[:MLKEM_PUBLIC_BYTES] + bytes(32),
    "X25519 half of order 1": ENCODED[:MLKEM_PUBLIC_BYTES] + (1).to_bytes(32, "little"),
    "ML-KEM coefficients not below q": b"\xff" * MLKEM_PUBLIC_BYTES + ENCODED[MLKEM_PUBLIC_BYTES:],
    "short": ENCODED[:-1],
    "long": ENCODED + b"\0",
    "empty": b"",
}


@pytest.mark.rule(Rule.PREKEY_SEALABLE)
@pytest.mark.parametrize("encoded", UNSEALABLE.values(), ids=UNSEALABLE.keys())
def test_a_key_that_no_one_can_seal_to_is_refused(encoded: bytes) -> None:
    with pytest.raises(Refused) as refusal:
        HpkePublic.decode(encoded)
    assert refusal.value.rule is Rule.PREKEY_SEALABLE


def test_one_non_canonical_coefficient_is_enough() -> None:
    one = bytes([0xFF, ENCODED[1] | 0x0F]) + ENCODED[2:]  # the first 12 bits: 4095 ≥ q = 3329
    with pytest.raises(Refused):
        HpkePublic.decode(one)


def test_a_slot_opens_to_its_plaintext() -> None:
    assert len(SEALED) == sealed_length(32) == ENCAPSULATION_BYTES + 16 + 32
    assert open_sealed(PRIVATE, b"info", SEALED) == b"q" * 32
    assert open_sealed(HpkePrivate.from_seed(PRIVATE.seed), b"info", SEALED) == b"q" * 32


def test_two_seals_of_one_plaintext_differ() -> None:
    assert seal(PUBLIC, b"info", b"q" * 32) != SEALED


@pytest.mark.parametrize("position", [0, 1087, 1088, 1119, 1120, -17, -1])
def test_any_changed_part_fails_alike(position: int) -> None:
    changed = bytearray(SEALED)
    changed[position] ^= 1
    _fails(PRIVATE, b"info", bytes(changed))


def test_another_info_key_or_length_fails_alike() -> None:
    _fails(PRIVATE, b"other", SEALED)
    _fails(HpkePrivate.generate(seeded("another")), b"info", SEALED)
    _fails(PRIVATE, b"info", SEALED[:1135])
    _fails(PRIVATE, b"info", SEALED[:1088] + bytes(32) + SEALED[1120:])  # X25519 share of small order


def _fails(private: HpkePrivate, info: bytes, sealed: bytes) -> None:
    with pytest.raises(CryptoFailure) as failure:
        open_sealed(private, info, sealed)
    assert failure.value.cause == "A sealed slot does not open with this key."
    assert failure.value.__cause__ is None


def test_a_seed_has_one_length() -> None:
    with pytest.raises(MalformedInput):
        HpkePrivate.from_seed(Secret(bytes(31)))


def test_a_private_key_shows_nothing_of_itself() -> None:
    assert PRIVATE.seed.reveal().hex() not in repr(PRIVATE)
    for leak in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            leak(PRIVATE)
