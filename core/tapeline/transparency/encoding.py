"""Strict text encodings that every C2SP format shares: one spelling for each value."""

from __future__ import annotations

import base64

from tapeline.base.rules import Rule, require

MAX_SIZE = 2**63 - 1
"""Largest tree size or index: what every implementation's signed 64-bit integer holds."""
MAX_TIMESTAMP = 253_402_300_799
"""Latest time of a cosignature, unix seconds: the end of the year 9999. Its milliseconds fit everywhere too."""


def encode_base64(data: bytes) -> str:
    """Return the standard base64 of RFC 4648, section 4."""
    return base64.b64encode(data).decode("ascii")


def decode_base64(text: str, rule: Rule, cause: str) -> bytes:
    """Decode standard base64, refusing under `rule` what re-encoding does not reproduce."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        data = b""
    # Stray bits in the last character decode silently, so that one signature would have several spellings.
    require(data != b"" and encode_base64(data) == text, rule, cause)
    return data


def decode_decimal(text: str, rule: Rule, cause: str) -> int:
    """Decode an ASCII decimal without sign or leading zeros, at most `MAX_SIZE`."""
    # `int` also takes "+1", "1_0", " 1" and other scripts' digits; tlog-checkpoint, Note text, takes none of them.
    canonical = 0 < len(text) <= 19 and text.isascii() and text.isdigit() and (text == "0" or text[0] != "0")
    require(canonical and int(text) <= MAX_SIZE, rule, cause)
    return int(text)
