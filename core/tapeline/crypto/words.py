"""Fingerprints as words, to be compared over the telephone.

Twelve words of the BIP-39 list carry the first 132 bits of H("fingerprint", kind, key). To find another key with the
words of a given one takes about 2^132 trials; to make two keys of one's own with the same words, about 2^66, which
gains nothing, since a person compares against the key of somebody else.
"""

from __future__ import annotations

import hmac
import re
from functools import cache

from mnemonic import Mnemonic

from tapeline.base.errors import MalformedInput
from tapeline.base.hashing import tagged_hash

WORDS = 12
_BITS_PER_WORD = 11
_UNIQUE_PREFIX = 4
_MAX_TEXT = 256


@cache
def word_list() -> tuple[str, ...]:
    """Return the 2048 English words of BIP-39, whose first four letters are unique."""
    return tuple(Mnemonic("english").wordlist)


def fingerprint_words(kind: str, key: bytes) -> tuple[str, ...]:
    """Return the twelve words of a public key; `kind` keeps keys of different uses apart."""
    value = _fingerprint(kind, key)
    shifts = range((WORDS - 1) * _BITS_PER_WORD, -1, -_BITS_PER_WORD)
    return tuple(word_list()[(value >> shift) & (2**_BITS_PER_WORD - 1)] for shift in shifts)


def words_match(text: str, kind: str, key: bytes) -> bool:
    """Tell whether a person's words are those of the key; raises `MalformedInput` for words of no fingerprint."""
    size = (WORDS * _BITS_PER_WORD + 7) // 8
    return hmac.compare_digest(parse_words(text).to_bytes(size, "big"), _fingerprint(kind, key).to_bytes(size, "big"))


def parse_words(text: str) -> int:
    """Return the 132-bit number of twelve words; case, spacing and hyphens are free, four letters of a word enough."""
    words = re.split(r"[\s\-]+", text[: _MAX_TEXT + 1].strip().casefold())
    if len(text) > _MAX_TEXT or len(words) != WORDS:
        raise MalformedInput(f"A fingerprint is {WORDS} words.", "Read all words aloud again.")
    value = 0
    for position, word in enumerate(words, 1):
        number = _by_prefix().get(word[:_UNIQUE_PREFIX])
        if number is None or not word_list()[number].startswith(word):
            raise MalformedInput(f"Word {position} of the fingerprint is not in the list.", "Check its spelling.")
        value = value << _BITS_PER_WORD | number
    return value


@cache
def _by_prefix() -> dict[str, int]:
    return {word[:_UNIQUE_PREFIX]: number for number, word in enumerate(word_list())}


def _fingerprint(kind: str, key: bytes) -> int:
    digest = tagged_hash("fingerprint", kind.encode("utf-8"), key)
    return int.from_bytes(digest, "big") >> (len(digest) * 8 - WORDS * _BITS_PER_WORD)
