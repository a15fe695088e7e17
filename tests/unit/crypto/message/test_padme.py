"""Padding."""

from __future__ import annotations

import pytest

from tapeline.base.rules import Refused, Rule
from tapeline.crypto.limits import MESSAGE_BODY
from tapeline.crypto.message.padme import is_padded_length, pad, padme, unpad


def test_lengths_are_those_of_the_paper() -> None:
    """Nikitin et al., section 4: of L = 9, E = 3 and S = 2, so the last bit is zeroed; of 1 to 4 nothing is."""
    assert [padme(n) for n in (1, 2, 3, 4, 8, 9, 10, 17, 33)] == [1, 2, 3, 4, 8, 10, 10, 18, 36]


def test_the_cost_is_at_most_12_percent_and_padding_again_changes_nothing() -> None:
    for length in range(1, 70_000):
        padded = padme(length)
        assert length <= padded <= length * 1.12
        assert padme(padded) == padded


@pytest.mark.parametrize("length", [0, 1, 5, 6, 100, 65_536])
def test_contents_come_back(length: int) -> None:
    body = pad(b"x" * length)
    assert unpad(body) == b"x" * length
    assert is_padded_length(len(body))


def test_neighbouring_lengths_look_alike() -> None:
    assert {len(pad(b"x" * n)) for n in range(1_053, 1_085)} == {1_088}


@pytest.mark.rule(Rule.WIRE_SIZE)
def test_a_content_over_its_limit_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        pad(bytes(MESSAGE_BODY + 1))
    assert caught.value.rule is Rule.WIRE_SIZE


BODY = pad(b"nine bytes")  # 14 bytes framed, 14 padded


@pytest.mark.rule(Rule.MSG_PADDING)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0\0\0",
        pad(b"x" * 29)[:-1],
        pad(b"x" * 29) + b"\0",
        pad(b"x" * 29)[:-1] + b"\1",
        BODY + bytes(2),
        (2**32 - 1).to_bytes(4, "little") + bytes(10),
        (11).to_bytes(4, "little") + bytes(10),
        (1).to_bytes(4, "little") + bytes(10),
    ],
    ids=["empty", "no length", "cut", "longer", "not zeros", "padded twice", "huge", "length past the end", "slack"],
)
def test_any_other_padding_is_refused(body: bytes) -> None:
    with pytest.raises(Refused) as caught:
        unpad(body)
    assert caught.value.rule is Rule.MSG_PADDING


def test_lengths_of_no_content_are_told() -> None:
    assert not any(is_padded_length(length) for length in (-16, 0, 3, 9, 11, 33, 67_585, 69_632))
