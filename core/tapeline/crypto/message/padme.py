"""Padmé: lengths leak at most O(log log n) bits, at a cost of at most 12 % (Nikitin et al., PETS 2019, section 4)."""

from __future__ import annotations

from tapeline.base.rules import Rule, require
from tapeline.crypto.limits import MESSAGE_BODY
from tapeline.crypto.wire import at_most

PREFIX_BYTES = 4


def padme(length: int) -> int:
    """Return the padded length: `length` rounded up so that only the leading bits of a float remain.

    >>> [padme(n) for n in (1, 9, 100, 1000, 65540)]
    [1, 10, 104, 1024, 67584]
    """
    if length < 2:
        return length
    exponent = length.bit_length() - 1
    mask = (1 << (exponent - exponent.bit_length())) - 1
    return (length + mask) & ~mask


def pad(content: bytes) -> bytes:
    """Return length (4 bytes, little-endian) ‖ content ‖ zeros, of a Padmé length."""
    at_most(len(content), MESSAGE_BODY, "bytes in a message")
    framed = len(content).to_bytes(PREFIX_BYTES, "little") + content
    return framed + bytes(padme(len(framed)) - len(framed))


def unpad(body: bytes) -> bytes:
    """Return the content, or refuse under MSG-7 any other padding than `pad` makes: one content, one body."""
    length = int.from_bytes(body[:PREFIX_BYTES], "little")
    end = PREFIX_BYTES + length
    require(
        PREFIX_BYTES <= end <= len(body) == padme(end) and length <= MESSAGE_BODY and not any(body[end:]),
        Rule.MSG_PADDING,
        "The message's padding is not the one of its length.",
    )
    return body[PREFIX_BYTES:end]


def is_padded_length(length: int) -> bool:
    """Tell whether some content pads to this length; judged on the ciphertext, without opening it."""
    return PREFIX_BYTES <= length == padme(length) <= padme(PREFIX_BYTES + MESSAGE_BODY)
