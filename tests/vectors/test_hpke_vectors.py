"""HPKE vectors of the `cryptography_vectors` package for our suite: X-Wing, HKDF-SHA256, ChaCha20-Poly1305."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cryptography_vectors
import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from tapeline.base.secret import Secret
from tapeline.crypto.hpke import ENCAPSULATION_BYTES, SEAL_OVERHEAD, HpkePublic, seal
from tapeline.crypto.hpke_open import HpkePrivate, open_sealed

# draft-ietf-hpke-pq: MLKEM768-X25519 (X-Wing) is KEM 0x647a; HKDF-SHA256 is 1; ChaCha20-Poly1305 is 3.
OUR_SUITE = (0x647A, 1, 3)


def _vectors() -> list[dict[str, Any]]:
    path = Path(cryptography_vectors.__file__).parent / "HPKE/hpke-pq-test-vectors.json"
    vectors: list[dict[str, Any]] = json.loads(path.read_text())
    return vectors


def _of_x_wing() -> list[dict[str, Any]]:
    return [vector for vector in _vectors() if vector["kem_id"] == OUR_SUITE[0]]


def _exact() -> dict[str, Any]:
    (vector,) = (v for v in _vectors() if (v["kem_id"], v["kdf_id"], v["aead_id"]) == OUR_SUITE and v["mode"] == 0)
    return vector


@pytest.mark.parametrize("vector", _of_x_wing(), ids=lambda vector: f"kdf-{vector['kdf_id']}")
def test_our_seed_expansion_gives_the_published_public_key(vector: dict[str, Any]) -> None:
    private = HpkePrivate.from_seed(Secret(bytes.fromhex(vector["skRm"])))
    assert private.public().encode().hex() == vector["pkRm"]
    assert HpkePublic.decode(bytes.fromhex(vector["pkRm"])) == private.public()


def test_there_are_vectors_of_the_kem_under_two_kdfs() -> None:
    assert {vector["kdf_id"] for vector in _of_x_wing()} == {1, 17}


def test_opening_reaches_the_published_context_key() -> None:
    """From the published encapsulation and `info` on, our opening must reach the published context key.

    The published ciphertexts have an AAD, which the library's one-shot form lacks; so the plaintext is sealed again
    under the published key and nonce, after these have reproduced the published ciphertext.
    """
    vector = _exact()
    private = HpkePrivate.from_seed(Secret(bytes.fromhex(vector["skRm"])))
    sealed = bytes.fromhex(vector["enc"]) + _sealed_without_aad(vector, b"plain")
    assert len(bytes.fromhex(vector["enc"])) == ENCAPSULATION_BYTES
    assert open_sealed(private, bytes.fromhex(vector["info"]), sealed) == b"plain"


def _sealed_without_aad(vector: dict[str, Any], plaintext: bytes) -> bytes:
    key, nonce = bytes.fromhex(vector["key"]), bytes.fromhex(vector["base_nonce"])
    published = vector["encryptions"][0]
    assert published["nonce"] == vector["base_nonce"]
    whole = ChaCha20Poly1305(key).encrypt(nonce, bytes.fromhex(published["pt"]), bytes.fromhex(published["aad"]))
    assert whole.hex() == published["ct"]
    return ChaCha20Poly1305(key).encrypt(nonce, plaintext, b"")


def test_what_we_seal_opens_with_the_published_key() -> None:
    vector = _exact()
    public = HpkePublic.decode(bytes.fromhex(vector["pkRm"]))
    sealed = seal(public, b"info", b"q" * 32)
    assert len(sealed) == SEAL_OVERHEAD + 32
    private = HpkePrivate.from_seed(Secret(bytes.fromhex(vector["skRm"])))
    assert open_sealed(private, b"info", sealed) == b"q" * 32
