"""What people type as a hash or an id."""

from __future__ import annotations

import pytest

from tapeline.base.errors import MalformedInput
from tapeline.cli.parties import unhex


@pytest.mark.parametrize("text", ["63119d02", "ab" * 63, "ab" * 65, "", "no hex"])
def test_a_hash_that_is_cut_short_is_told_as_such(text: str) -> None:
    with pytest.raises(MalformedInput, match="case's hash is not"):
        unhex(text, "case's hash")


def test_a_whole_hash_is_taken() -> None:
    assert unhex("ab" * 64, "case's hash") == b"\xab" * 64
    assert unhex("ab" * 32, "warrant's hash") == b"\xab" * 32
