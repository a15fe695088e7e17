"""edwards25519 with integers: points, scalars, from_uniform, Ed25519 (protocol, sections 1 and 10)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from . import demand
from .hashing import H

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)
A = 486662


@dataclass(frozen=True)
class Point:
    """Extended coordinates X : Y : Z : T, never compared as such."""

    x: int
    y: int
    z: int
    t: int

    def __add__(self, other: Point) -> Point:
        a = (self.y - self.x) * (other.y - other.x) % P
        b = (self.y + self.x) * (other.y + other.x) % P
        c = 2 * D * self.t * other.t % P
        d = 2 * self.z * other.z % P
        e, f, g, h = b - a, d - c, d + c, b + a
        return Point(e * f % P, g * h % P, f * g % P, e * h % P)

    def __neg__(self) -> Point:
        return Point(-self.x % P, self.y, self.z, -self.t % P)

    def __sub__(self, other: Point) -> Point:
        return self + -other

    def __rmul__(self, scalar: int) -> Point:
        result, power = IDENTITY, self
        while scalar:
            if scalar & 1:
                result = result + power
            power, scalar = power + power, scalar >> 1
        return result

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Point) and self.encode() == other.encode()

    def __hash__(self) -> int:
        return hash(self.encode())

    def encode(self) -> bytes:
        inverse = pow(self.z, -1, P)
        x, y = self.x * inverse % P, self.y * inverse % P
        return (y | (x & 1) << 255).to_bytes(32, "little")


IDENTITY = Point(0, 1, 1, 0)


def from_y(y: int, sign: int) -> Point | None:
    """RFC 8032, section 5.1.3, for an affine y."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * SQRT_M1 % P
    if x * x % P != square or (x == 0 and sign):
        return None
    x = x if x & 1 == sign else -x % P
    return Point(x, y, 1, x * y % P)


def any_point(encoded: bytes) -> Point | None:
    """A canonical point of the curve, torsion and identity included."""
    value = int.from_bytes(encoded, "little")
    y, sign = value & (2**255 - 1), value >> 255
    return from_y(y, sign) if len(encoded) == 32 and y < P else None


def point(encoded: bytes) -> Point:
    found = any_point(encoded)
    demand(found is not None and found != IDENTITY and ORDER * found == IDENTITY, "GRP-1")
    assert found is not None
    return found


def scalar(encoded: bytes) -> int:
    value = int.from_bytes(encoded, "little")
    demand(len(encoded) == 32 and 0 < value < ORDER, "GRP-2")
    return value


def hash_to_scalar(tag: str, *parts: bytes) -> int:
    return int.from_bytes(H(tag, *parts), "little") % ORDER


def scalar_bytes(value: int) -> bytes:
    return (value % ORDER).to_bytes(32, "little")


def from_uniform(uniform: bytes) -> Point:
    value = int.from_bytes(uniform, "little")
    r, sign = value & (2**255 - 1), value >> 255
    x = -A * pow(1 + 2 * r * r, -1, P) % P
    if pow(x**3 + A * x * x + x, (P - 1) // 2, P) == P - 1:
        x = (-x - A) % P
    found = from_y((x - 1) * pow(x + 1, -1, P) % P, sign)
    assert found is not None
    return 8 * found


G = from_y(4 * pow(5, -1, P) % P, 0)
assert G is not None
B = G
G_HAT = from_uniform(H("generator2")[:32])


def ed25519_verifies(public: bytes, message: bytes, signature: bytes) -> bool:
    """As section 10 demands it: strict key, S < ℓ, R of no small order, no cofactor."""
    key, commitment = any_point(public), any_point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or key is None or commitment is None or s >= ORDER:
        return False
    if key == IDENTITY or ORDER * key != IDENTITY or 8 * commitment == IDENTITY:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    return (s * B - k * key).encode() == signature[:32]


def signed_as(public: bytes, kind: str, body: bytes, signature: bytes) -> bool:
    return ed25519_verifies(public, H("sig/" + kind, body), signature)
