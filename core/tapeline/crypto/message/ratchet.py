"""The symmetric ratchet of a session and the keys of one message; never importable by the relay (protocol, Messages).

CK_0     = session root
MK_i     = HMAC-SHA512(CK_i, 0x01)
CK_(i+1) = HMAC-SHA512(CK_i, 0x02)
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Self

from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from tapeline.base.errors import MalformedInput
from tapeline.base.secret import Secret
from tapeline.crypto.limits import COMMITMENT_BYTES

CHAIN_KEY_BYTES = 64
_INDEX_BYTES = 4
_MESSAGE_STEP = b"\x01"
_CHAIN_STEP = b"\x02"


@dataclass(frozen=True)
class MessageKeys:
    """What one MK_i expands to; the commitment goes into the clear header and binds MK_i."""

    key: Secret
    nonce: bytes
    commitment: bytes

    @classmethod
    def expand(cls, message_key: Secret) -> Self:
        """Return HKDF-Expand-SHA512 of MK_i under three infos: key 32, nonce 12, commitment 32 bytes."""
        return cls(
            key=Secret(_expand(message_key, b"key", 32)),
            nonce=_expand(message_key, b"nonce", 12),
            commitment=_expand(message_key, b"commitment", COMMITMENT_BYTES),
        )


class Ratchet:
    """CK_i of one session; each step gives MK_i and forgets CK_i."""

    def __init__(self, root: Secret, index: int = 0) -> None:
        if len(root) != CHAIN_KEY_BYTES:
            raise MalformedInput("A chain key is not 64 bytes.")
        self.index = index
        self._chain_key = Secret(root.reveal())

    def step(self) -> Secret:
        """Return MK_i and move on to i + 1; MK_i cannot be had again."""
        current = self._chain_key
        message_key = Secret(_hmac(current, _MESSAGE_STEP))
        self._chain_key = Secret(_hmac(current, _CHAIN_STEP))
        self.index += 1
        current.wipe()
        return message_key

    def to_state(self) -> Secret:
        """Return index ‖ CK_i, for an encrypted store: what came before cannot be had from it."""
        return Secret(self.index.to_bytes(_INDEX_BYTES, "little") + self._chain_key.reveal())

    @classmethod
    def from_state(cls, state: Secret) -> Self:
        """Return the ratchet as it was stored."""
        encoded = state.reveal()
        return cls(Secret(encoded[_INDEX_BYTES:]), int.from_bytes(encoded[:_INDEX_BYTES], "little"))


def message_key_at(root: Secret, index: int) -> Secret:
    """Return MK_i from the session root, as a reviewer needs it for an export."""
    ratchet = Ratchet(root)
    for _ in range(index):
        ratchet.step()
    return ratchet.step()


def _hmac(key: Secret, data: bytes) -> bytes:
    return hmac.digest(key.reveal(), data, "sha512")


def _expand(message_key: Secret, name: bytes, length: int) -> bytes:
    return HKDFExpand(SHA512(), length=length, info=b"tapeline/v1/message/" + name).derive(message_key.reveal())
