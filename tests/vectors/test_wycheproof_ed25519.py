"""Wycheproof's Ed25519 cases against the one verifier we use."""

from __future__ import annotations

from pathlib import Path

from wycheproof_kit import cases, octets

from tapeline.crypto.signing import framed_signature_holds


def test_every_case_is_judged_as_published(shared_dir: Path) -> None:
    wrong = [
        case["tcId"]
        for case in cases(shared_dir, "ed25519")
        if framed_signature_holds(bytes.fromhex(case["publicKey"]["pk"]), octets(case, "msg"), octets(case, "sig"))
        != (case["result"] == "valid")
    ]
    assert wrong == []
