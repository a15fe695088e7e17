"""RFC 9180 base mode with X-Wing, the key schedule by hand (protocol, section 10, "HPKE")."""

from __future__ import annotations

import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

SUITE_ID = b"HPKE" + bytes.fromhex("647a00010003")


def open_sealed(seed: bytes, info: bytes, sealed: bytes) -> bytes | None:
    """The plaintext, or None where it does not open with the key of this 32-byte seed."""
    shared = _decapsulate(seed, sealed[:1120])
    if shared is None:
        return None
    context = b"\x00" + _extract(b"", b"psk_id_hash", b"") + _extract(b"", b"info_hash", info)
    secret = _extract(shared, b"secret", b"")
    key, nonce = _expand(secret, b"key", context, 32), _expand(secret, b"base_nonce", context, 12)
    try:
        return ChaCha20Poly1305(key).decrypt(nonce, sealed[1120:], b"")
    except InvalidTag:
        return None


def public_key(seed: bytes) -> bytes:
    lattice, curve = _halves(seed)
    return lattice.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()


def _halves(seed: bytes) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    expanded = hashlib.shake_256(seed).digest(96)
    return MLKEM768PrivateKey.from_seed_bytes(expanded[:64]), X25519PrivateKey.from_private_bytes(expanded[64:])


def _decapsulate(seed: bytes, encapsulation: bytes) -> bytes | None:
    lattice, curve = _halves(seed)
    share = encapsulation[1088:]
    try:
        from_lattice = lattice.decapsulate(encapsulation[:1088])
        from_curve = curve.exchange(X25519PublicKey.from_public_bytes(share))
    except ValueError:
        return None
    own = curve.public_key().public_bytes_raw()
    return hashlib.sha3_256(from_lattice + from_curve + share + own + bytes.fromhex("5c2e2f2f5e5c")).digest()


def _extract(salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + SUITE_ID + label + ikm, "sha256")


def _expand(secret: bytes, label: bytes, info: bytes, length: int) -> bytes:
    labelled = length.to_bytes(2, "big") + b"HPKE-v1" + SUITE_ID + label + info
    return hmac.digest(secret, labelled + b"\x01", "sha256")[:length]
