from __future__ import annotations

import json
from pathlib import Path

import pytest

from tapeline.base.errors import MalformedInput
from tapeline.base.hashing import tagged_hash
from tapeline.crypto.words import fingerprint_words, parse_words, word_list, words_match

KEY = bytes(range(32))
WORDS = fingerprint_words("person", KEY)


def test_published_words_carry_their_bits(shared_dir: Path) -> None:
    """BIP-39's twelve words are 128 bits of entropy and 4 of checksum: the list and its order are the published."""
    published = json.loads((shared_dir / "vectors/bip39-english.json").read_text())
    twelve = [(entropy, words) for entropy, words, *_ in published if len(words.split()) == 12]
    assert len(twelve) >= 8
    for entropy, words in twelve:
        assert parse_words(words) >> 4 == int(entropy, 16)


def test_four_letters_tell_the_words_apart() -> None:
    assert len({word[:4] for word in word_list()}) == len(word_list()) == 2048


def test_twelve_words_carry_the_first_132_bits() -> None:
    assert len(WORDS) == 12
    expected = int.from_bytes(tagged_hash("fingerprint", b"person", KEY), "big") >> (512 - 132)
    assert parse_words(" ".join(WORDS)) == expected


def test_words_match_however_they_are_written() -> None:
    for text in (" ".join(WORDS), "-".join(WORDS).upper(), "  ".join(word[:4] for word in WORDS), "\n".join(WORDS)):
        assert words_match(text, "person", KEY)


def test_words_of_another_key_or_kind_do_not_match() -> None:
    assert not words_match(" ".join(WORDS), "roster", KEY)
    assert not words_match(" ".join(WORDS), "person", KEY[::-1])
    swapped = [WORDS[1], WORDS[0], *WORDS[2:]]
    assert not words_match(" ".join(swapped), "person", KEY)


@pytest.mark.parametrize(
    "text",
    ["", " ".join(WORDS[:11]), " ".join([*WORDS, "zoo"]), " ".join([*WORDS[:11], "tapeline"]), "zoo " * 200],
)
def test_what_is_no_fingerprint_is_refused(text: str) -> None:
    with pytest.raises(MalformedInput):
        parse_words(text)


@pytest.mark.parametrize("word", ["zo", "abandonx", "aban don"])
def test_a_word_is_whole_or_its_first_letters(word: str) -> None:
    with pytest.raises(MalformedInput):
        parse_words(" ".join([*WORDS[:11], word]))
