"""What surrounds COCKTAIL-DKG, and accusations (protocol, sections 7 and 10)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as open_xchacha
from nacl.exceptions import CryptoError

from . import demand
from .edwards import IDENTITY, ORDER, B, Point, point
from .hashing import H, listed, lp, u64
from .proofs import equality_holds

SUITE = b"COCKTAIL(Ed25519, SHA-512)"


@dataclass(frozen=True)
class Parameters:
    deployment: bytes
    firm: str
    roster: bytes
    epoch: int
    retention_class: str
    t: int
    n: int
    attempt: int

    def parts(self) -> list[bytes]:
        return [
            self.deployment.hex().encode(), self.firm.encode(), self.roster, u64(self.epoch),
            self.retention_class.encode(), u64(self.t), u64(self.n), u64(self.attempt),
        ]  # fmt: skip


def session_id(parameters: Parameters, nonces: list[bytes]) -> bytes:
    return H("ceremony", *parameters.parts(), listed(nonces))


def announcement(parameters: Parameters, index: int, host_key: bytes, nonce: bytes) -> bytes:
    return listed([listed(parameters.parts()), u64(index), host_key, nonce])


def context_of(session: bytes, host_keys: list[bytes]) -> bytes:
    """COCKTAIL's recommended construction: big-endian lengths, little-endian count."""
    fields = b"".join(len(field).to_bytes(8, "big") + field for field in (session, SUITE))
    counted = len(host_keys).to_bytes(4, "little") + b"".join(host_keys)
    return hashlib.sha512(b"COCKTAIL-DKG-CONTEXT" + fields + counted).digest()


def round1_body(context: bytes, index: int, message: bytes) -> bytes:
    return lp(context) + u64(index) + lp(message)


def extension(parameters: Parameters, signed_messages: list[bytes]) -> bytes:
    return H("ext", parameters.roster, listed(parameters.parts()), listed(signed_messages))


@dataclass(frozen=True)
class Round1:
    commitments: list[Point]
    possession: bytes
    ephemeral: bytes
    ciphertexts: list[bytes]


def read_round1(message: bytes, t: int, n: int) -> Round1:
    commitments = [point(message[32 * k : 32 * k + 32]) for k in range(t)]
    at = 32 * t + 96
    possession, ephemeral, ciphertexts = message[32 * t : at - 32], message[at - 32 : at], []
    for _ in range(n):
        length = int.from_bytes(message[at : at + 8], "big")
        ciphertexts.append(message[at + 8 : at + 8 + length])
        at += 8 + length
    demand(at == len(message), "DKG-1")
    return Round1(commitments, possession, ephemeral, ciphertexts)


def transcript(context: bytes, host_keys: list[bytes], messages: list[Round1], ext: bytes) -> bytes:
    """COCKTAIL's T."""
    t, n = len(messages[0].commitments), len(messages)
    return b"".join([
        lp(SUITE), lp(context), n.to_bytes(4, "little"), t.to_bytes(4, "little"), *host_keys,
        *(one.encode() for message in messages for one in message.commitments),
        *(message.possession for message in messages), *(message.ephemeral for message in messages), lp(ext),
    ])  # fmt: skip


def in_exponent(commitments: list[Point], index: int) -> Point:
    total = IDENTITY
    for k, commitment in enumerate(commitments):
        total = total + pow(index, k, ORDER) * commitment
    return total


def keys_of(messages: list[Round1]) -> tuple[bytes, list[bytes]]:
    """E and Y_1 … Y_n."""
    summed = [IDENTITY] * len(messages[0].commitments)
    for message in messages:
        summed = [total + one for total, one in zip(summed, message.commitments, strict=True)]
    return summed[0].encode(), [in_exponent(summed, index).encode() for index in range(1, len(messages) + 1)]


def escrow_key_id(e: bytes, transcript_hash: bytes) -> bytes:
    return H("escrow-key", e, transcript_hash)


def vault_key_id(v: bytes, key_id: bytes) -> bytes:
    return H("vault-key", v, key_id)


def is_guilty(accusation: bytes, context: bytes, host_keys: list[bytes], message: bytes, t: int) -> bool:
    """Whether the accused's round-1 message holds a false share for the accuser."""
    demand(len(accusation) == 200, "malformed")
    accuser, accused = (int.from_bytes(accusation[at : at + 4], "little") for at in (0, 4))
    dealt = read_round1(message, t, len(host_keys))
    own, dealer = host_keys[accuser - 1], host_keys[accused - 1]
    first, second = accusation[8:40], accusation[40:72]
    binding = [context, message]
    rightly = equality_holds(
        "accuse/ephemeral", point(own), point(dealt.ephemeral), point(first), binding, accusation[72:136]
    ) and equality_holds("accuse/static", point(own), point(dealer), point(second), binding, accusation[136:])
    if not rightly:
        return False
    keys = dealt.ephemeral + dealer + own + len(context).to_bytes(8, "little") + context
    h6 = hashlib.sha512(b"COCKTAIL-DKG-Ed25519-SHA512-H6" + first + second + keys).digest()
    try:
        share = open_xchacha(dealt.ciphertexts[accuser - 1], None, h6[32:56], h6[:32])[:32]
    except CryptoError:
        return True
    value = int.from_bytes(share, "little")
    return not (0 < value < ORDER and value * B == in_exponent(dealt.commitments, accuser))
