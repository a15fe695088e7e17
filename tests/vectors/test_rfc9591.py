"""RFC 9591, appendix E.1: shares, Lagrange coefficients and group key of FROST(Ed25519, SHA-512)."""

from __future__ import annotations

import json
from hashlib import sha512
from pathlib import Path
from typing import Any

import pytest

from tapeline.crypto.group import Point, Scalar
from tapeline.crypto.shamir import evaluate, evaluate_in_exponent, interpolate, interpolate_points, lagrange_at_zero


@pytest.fixture(scope="module")
def vector(shared_dir: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((shared_dir / "vectors/rfc9591-frost-ed25519-sha512.json").read_text())
    return document


def _scalar(text: str) -> Scalar:
    return Scalar.decode(bytes.fromhex(text))


def _coefficients(vector: dict[str, Any]) -> list[Scalar]:
    inputs = vector["inputs"]
    return [_scalar(text) for text in [inputs["group_secret_key"], *inputs["share_polynomial_coefficients"]]]


def _shares(vector: dict[str, Any]) -> dict[int, Scalar]:
    return {e["identifier"]: _scalar(e["participant_share"]) for e in vector["inputs"]["participant_shares"]}


def test_shares(vector: dict[str, Any]) -> None:
    coefficients = _coefficients(vector)
    commitments = [a.base_mul() for a in coefficients]
    assert commitments[0].encode().hex() == vector["inputs"]["group_public_key"]
    for index, share in _shares(vector).items():
        assert evaluate(coefficients, index) == share
        assert evaluate_in_exponent(commitments, index) == share.base_mul()


def test_interpolation_by_the_vector_s_participants(vector: dict[str, Any]) -> None:
    wanted = vector["inputs"]["participant_list"]
    shares = {index: share for index, share in _shares(vector).items() if index in wanted}
    assert interpolate(shares) == _coefficients(vector)[0]
    points = {index: share.base_mul() for index, share in shares.items()}
    assert interpolate_points(points) == Point.decode(bytes.fromhex(vector["inputs"]["group_public_key"]))


def test_signature_shares_add_up_under_our_lagrange_coefficients(vector: dict[str, Any]) -> None:
    """RFC 9591, section 5.3: z_i = d_i + ρ_i e_i + c λ_i s_i, with every value but λ_i published."""
    signature = bytes.fromhex(vector["final_output"]["sig"])
    message = bytes.fromhex(vector["inputs"]["message"])
    group_key = bytes.fromhex(vector["inputs"]["group_public_key"])
    challenge = Scalar.wide(sha512(signature[:32] + group_key + message).digest())
    nonces = {entry["identifier"]: entry for entry in vector["round_one_outputs"]["outputs"]}
    wanted = vector["inputs"]["participant_list"]
    for entry in vector["round_two_outputs"]["outputs"]:
        index = entry["identifier"]
        one = nonces[index]
        weight = challenge * lagrange_at_zero(index, wanted) * _shares(vector)[index]
        blinded = _scalar(one["hiding_nonce"]) + _scalar(one["binding_nonce"]) * _scalar(one["binding_factor"])
        assert (blinded + weight).to_bytes().hex() == entry["sig_share"]
