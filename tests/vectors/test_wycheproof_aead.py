"""Wycheproof's AEAD cases: ChaCha20-Poly1305 of messages and slots, XChaCha20-Poly1305 of shares and key files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from nacl import bindings as sodium
from nacl import exceptions as nacl_exceptions
from wycheproof_kit import cases, octets

Aead = Callable[[bytes, bytes, bytes, bytes], bytes]


def _chacha_seal(key: bytes, nonce: bytes, message: bytes, aad: bytes) -> bytes:
    return ChaCha20Poly1305(key).encrypt(nonce, message, aad)


def _chacha_open(key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
    return ChaCha20Poly1305(key).decrypt(nonce, sealed, aad)


def _xchacha_seal(key: bytes, nonce: bytes, message: bytes, aad: bytes) -> bytes:
    return sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(message, aad, nonce, key)


def _xchacha_open(key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
    return sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, aad, nonce, key)


@pytest.mark.parametrize(
    ("name", "seal", "open_"),
    [
        ("chacha20_poly1305", _chacha_seal, _chacha_open),
        ("xchacha20_poly1305", _xchacha_seal, _xchacha_open),
    ],
)
def test_every_case(shared_dir: Path, name: str, seal: Aead, open_: Aead) -> None:
    for case in cases(shared_dir, name):
        key, nonce, aad = (octets(case, field) for field in ("key", "iv", "aad"))
        message, sealed = octets(case, "msg"), octets(case, "ct") + octets(case, "tag")
        if case["result"] == "valid":
            assert seal(key, nonce, message, aad) == sealed, case["tcId"]
            assert open_(key, nonce, sealed, aad) == message, case["tcId"]
        else:
            assert _refuses(open_, key, nonce, sealed, aad), case["tcId"]


def _refuses(open_: Aead, *arguments: Any) -> bool:
    try:
        open_(*arguments)
    except (InvalidTag, ValueError, nacl_exceptions.CryptoError):
        return True
    return False
