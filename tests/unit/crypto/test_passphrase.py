from __future__ import annotations

import struct
import unicodedata

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from dkg_kit import seeded
from nacl import bindings as sodium

from tapeline.base.errors import CryptoFailure, MalformedInput
from tapeline.base.hashing import lp, tagged_hash
from tapeline.base.secret import Secret
from tapeline.crypto.passphrase import (
    DEFAULT_COST,
    Argon2Cost,
    WrongPassphrase,
    open_under_passphrase,
    passphrase_from_text,
    seal_under_passphrase,
)

SMALL = Argon2Cost(memory_kib=64, passes=1, lanes=1)
PASSPHRASE = passphrase_from_text("correct horse")
SEALED = seal_under_passphrase(Secret(b"share"), PASSPHRASE, "share", seeded("seal"), SMALL)


def test_a_secret_comes_back_under_its_passphrase_and_purpose() -> None:
    assert open_under_passphrase(SEALED, PASSPHRASE, "share") == Secret(b"share")
    empty = seal_under_passphrase(b"", PASSPHRASE, "share", seeded("empty"), SMALL)
    assert open_under_passphrase(empty, PASSPHRASE, "share") == Secret(b"")
    assert b"share" not in SEALED


def test_a_wrong_passphrase_has_its_own_error() -> None:
    with pytest.raises(WrongPassphrase):
        open_under_passphrase(SEALED, passphrase_from_text("correct hors"), "share")


def test_another_purpose_does_not_open() -> None:
    with pytest.raises(CryptoFailure) as failure:
        open_under_passphrase(SEALED, PASSPHRASE, "key-file")
    assert not isinstance(failure.value, WrongPassphrase)


@pytest.mark.parametrize("position", range(len(SEALED)))
def test_any_changed_byte_is_noticed(position: int) -> None:
    changed = bytearray(SEALED)
    changed[position] ^= 1
    if 8 <= position < 20:  # a cost so high that trying it would take long is refused elsewhere
        changed[position] = 0xFF
    with pytest.raises((CryptoFailure, MalformedInput)):
        open_under_passphrase(bytes(changed), PASSPHRASE, "share")


@pytest.mark.parametrize(
    "cost", [(1 << 31, 1, 1), (64, 17, 1), (64, 1, 17), (7, 1, 1), (64, 0, 1), (64, 1, 0), (64, 1, 16)]
)
def test_a_stored_cost_is_bounded(cost: tuple[int, int, int]) -> None:
    """A file must not make its reader spend gigabytes or hours."""
    with pytest.raises(MalformedInput):
        open_under_passphrase(SEALED[:8] + struct.pack("<III", *cost) + SEALED[20:], PASSPHRASE, "share")


@pytest.mark.parametrize("sealed", [b"", SEALED[:80], SEALED + bytes((1 << 20) + 1)])
def test_a_wrong_length_is_refused(sealed: bytes) -> None:
    with pytest.raises(MalformedInput):
        open_under_passphrase(sealed, PASSPHRASE, "share")


def test_too_much_is_not_sealed() -> None:
    with pytest.raises(MalformedInput):
        seal_under_passphrase(bytes((1 << 20) + 1), PASSPHRASE, "share", seeded("seal"), SMALL)


def test_the_default_cost_is_64_mib_and_3_passes() -> None:
    assert (DEFAULT_COST.memory_kib, DEFAULT_COST.passes) == (64 * 1024, 3)


def test_another_implementation_derives_the_same_key() -> None:
    """OpenSSL's Argon2id reaches the key commitment that stands in the blob, and its key opens the ciphertext."""
    stretched = Argon2id(salt=SEALED[20:36], length=32, iterations=1, lanes=1, memory_cost=64).derive(b"correct horse")
    split = tagged_hash("passphrase", stretched)
    assert split[32:] == SEALED[60:92]
    aad = SEALED[:92] + lp(b"share")
    opened = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(SEALED[92:], aad, SEALED[36:60], split[:32])
    assert opened == b"share"


def test_any_keyboard_gives_the_same_passphrase() -> None:
    assert passphrase_from_text(unicodedata.normalize("NFD", "Grüße")) == passphrase_from_text("Grüße")
    with pytest.raises(MalformedInput):
        passphrase_from_text("")
