"""Wycheproof's X25519 cases against the library whose X25519 is half of the hybrid leg."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from wycheproof_kit import cases, octets


def _shared(private: bytes, public: bytes) -> bytes | None:
    try:
        return X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:
        return None


def test_every_case(shared_dir: Path) -> None:
    for case in cases(shared_dir, "x25519"):
        # RFC 7748, section 6.1 allows to refuse an all-zero secret; the library does, and our trial seal relies on it.
        expected = None if "ZeroSharedSecret" in case["flags"] else octets(case, "shared")
        assert _shared(octets(case, "private"), octets(case, "public")) == expected, case["tcId"]
