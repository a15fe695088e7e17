"""Wycheproof's HKDF cases: SHA-512 of the session root and messages, SHA-256 of HPKE."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from wycheproof_kit import cases, octets


@pytest.mark.parametrize(("name", "algorithm"), [("hkdf_sha256", SHA256()), ("hkdf_sha512", SHA512())])
def test_every_case(shared_dir: Path, name: str, algorithm: HashAlgorithm) -> None:
    for case in cases(shared_dir, name):
        salt, info = octets(case, "salt"), octets(case, "info")
        if case["result"] == "valid":
            derived = HKDF(algorithm, case["size"], salt, info).derive(octets(case, "ikm"))
            assert derived == octets(case, "okm"), case["tcId"]
        else:
            with pytest.raises(ValueError, match="Cannot derive"):
                HKDF(algorithm, case["size"], salt, info)
