"""Possession, equality of logarithms, partials and their combination (protocol, sections 3, 8 and 10)."""

from __future__ import annotations

from typing import Any

from . import demand
from .edwards import IDENTITY, ORDER, B, Point, from_uniform, hash_to_scalar, point, scalar
from .hashing import H, u32, u64


def equality_holds(tag: str, y: Point, g: Point, d: Point, binding: list[bytes], proof: bytes) -> bool:
    c, z = scalar(proof[:32]), scalar(proof[32:])
    over_b, over_g = z * B - c * y, z * g - c * d
    if IDENTITY in (over_b, over_g):
        return False
    points = (B, y, g, d, over_b, over_g)
    return hash_to_scalar(tag, *(one.encode() for one in points), *binding) == c


def possession_statement(prekey: dict[str, Any]) -> bytes:
    return H(
        "possession-statement", prekey["deployment"], prekey["firm"].encode(), prekey["user"].encode(),
        prekey["device_entry"], prekey["device_key"], u64(prekey["prekey_id"]), prekey["point"],
        prekey["hpke_public"], u64(prekey["not_after_ms"]),
    )  # fmt: skip


def possession_commitment(prekey: dict[str, Any]) -> Point:
    c, z = (int.from_bytes(half, "little") for half in (prekey["possession"][:32], prekey["possession"][32:]))
    demand(0 < c < ORDER and 0 < z < ORDER, "PRE-1")
    return z * B - c * point(prekey["point"])


def verify_possession(prekey: dict[str, Any]) -> None:
    commitment = possession_commitment(prekey)
    challenge = hash_to_scalar("possession", B.encode(), possession_statement(prekey), commitment.encode())
    demand(commitment != IDENTITY and challenge == int.from_bytes(prekey["possession"][:32], "little"), "PRE-1")


def verify_partial(
    partial: bytes, shares: list[bytes], c0: bytes, certificate: bytes, record_hash: bytes, warrant_leaf: bytes
) -> tuple[int, Point]:
    """The custodian's index and D."""
    demand(len(partial) == 100, "malformed")
    index, d = int.from_bytes(partial[:4], "little"), point(partial[4:36])
    binding = [u32(index), certificate, record_hash, warrant_leaf]
    demand(
        1 <= index <= len(shares)
        and equality_holds("partial", point(shares[index - 1]), point(c0), d, binding, partial[36:]),
        "PAR-1",
    )
    return index, d


def combine(c_e: bytes, partials: list[tuple[int, Point]], threshold: int) -> bytes:
    """M = C_e − rE, with rE by Lagrange interpolation at 0."""
    points = dict(partials)
    demand(len(points) == len(partials) >= threshold, "PAR-3")
    total = IDENTITY
    for j, d in points.items():
        weight = 1
        for other in points:
            if other != j:
                weight = weight * other * pow(other - j, -1, ORDER) % ORDER
        total = total + weight * d
    m = point(c_e) - total
    demand(m != IDENTITY, "OPN-1")
    return m.encode()


def activation_c0(transcript_hash: bytes, custodian: str, nonce: bytes) -> Point:
    return from_uniform(H("activate", transcript_hash, custodian.encode(), nonce)[:32])


def verify_activation(answer: bytes, share: bytes, transcript_hash: bytes, custodian: str, nonce: bytes) -> None:
    binding = [transcript_hash, custodian.encode(), nonce]
    c0 = activation_c0(transcript_hash, custodian, nonce)
    demand(equality_holds("activation", point(share), c0, point(answer[:32]), binding, answer[32:]), "DKG-8")
