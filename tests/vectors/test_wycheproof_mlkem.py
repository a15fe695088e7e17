"""Wycheproof's ML-KEM-768 cases against the library whose ML-KEM is half of the hybrid leg."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from wycheproof_kit import cases, octets


def test_every_case(shared_dir: Path) -> None:
    for case in cases(shared_dir, "mlkem_768"):
        if case["result"] == "valid":
            private = MLKEM768PrivateKey.from_seed_bytes(octets(case, "seed"))
            assert private.public_key().public_bytes_raw() == octets(case, "ek"), case["tcId"]
            assert private.decapsulate(octets(case, "c")) == octets(case, "K"), case["tcId"]
        else:
            with pytest.raises(ValueError, match=r"ML-KEM-768|seed"):
                MLKEM768PrivateKey.from_seed_bytes(octets(case, "seed")).decapsulate(octets(case, "c"))
