"""Message keys, padding, hashes, opening (protocol, sections 5 and 10)."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from . import demand
from .edwards import signed_as
from .hashing import H
from .wire import parse


@dataclass(frozen=True)
class MessageKeys:
    key: bytes
    nonce: bytes
    commitment: bytes


def chain(root: bytes, index: int) -> tuple[bytes, bytes]:
    """CK_i and MK_i."""
    current = root
    for _ in range(index):
        current = hmac.digest(current, b"\x02", "sha512")
    return current, hmac.digest(current, b"\x01", "sha512")


def expand(message_key: bytes) -> MessageKeys:
    def part(name: bytes, length: int) -> bytes:
        return hmac.digest(message_key, b"tapeline/v1/message/" + name + b"\x01", "sha512")[:length]

    return MessageKeys(part(b"key", 32), part(b"nonce", 12), part(b"commitment", 32))


def padme(length: int) -> int:
    e = length.bit_length() - 1
    step = 1 << (e - e.bit_length())  # ⌊log₂ e⌋ + 1 is the bit length of e
    return -(-length // step) * step


def padded(content: bytes) -> bytes:
    framed = len(content).to_bytes(4, "little") + content
    return framed.ljust(padme(len(framed)), b"\x00")


def message_hash(header: bytes, ciphertext: bytes) -> bytes:
    return H("msg", header, hashlib.sha512(ciphertext).digest())


def verify(message: bytes, sender: bytes, record_hash: bytes, index: int, previous: bytes) -> bytes:
    """Return the message hash of the next message of a session."""
    fields = parse("Message", message)
    header = parse("MessageHeader", fields["header"])
    length = len(fields["ciphertext"]) - 16
    demand(4 <= length == padme(length) <= padme(4 + 65536), "MSG-7")
    demand(header["record_hash"] == record_hash, "MSG-1")
    demand(header["index"] == index < 256, "MSG-2")
    demand(header["previous"] == previous, "MSG-3")
    found = message_hash(fields["header"], fields["ciphertext"])
    demand(signed_as(sender, "msg", found, fields["signature"]), "MSG-5")
    return found


def open_message(message: bytes, message_key: bytes) -> bytes:
    """The content that MK_i opens."""
    fields, keys = parse("Message", message), expand(message_key)
    demand(parse("MessageHeader", fields["header"])["commitment"] == keys.commitment, "MSG-6")
    try:
        body = ChaCha20Poly1305(keys.key).decrypt(keys.nonce, fields["ciphertext"], fields["header"])
    except InvalidTag:
        body = None
    demand(body is not None, "MSG-8")
    assert body is not None
    content = body[4 : 4 + int.from_bytes(body[:4], "little")]
    demand(padded(content) == body and len(content) <= 65536, "MSG-7")
    return content
