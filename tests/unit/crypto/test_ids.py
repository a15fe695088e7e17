"""Names and identifiers."""

from __future__ import annotations

import pytest

from tapeline.base.errors import MalformedInput
from tapeline.base.hashing import tagged_hash
from tapeline.crypto.ids import check_name, conversation_id, object_hash, tag, user_id


def test_identifiers_are_the_documented_hashes() -> None:
    assert object_hash("device", b"body") == tagged_hash("device", b"body")
    assert user_id(b"d", "acme", "zoë") == tagged_hash("user", b"d", b"acme", "zoë".encode())
    assert conversation_id(b"g") == tagged_hash("conversation", b"g")
    assert tag(b"salt", b"id") == tagged_hash("tag", b"salt", b"id")[:16]


@pytest.mark.parametrize("name", ["a", "Zoë Nuñez", "x" * 64, "é" * 32, "o'neil (NY)"])
def test_plain_names_pass(name: str) -> None:
    assert check_name(name, "user") == name


@pytest.mark.parametrize(
    "name",
    ["", " a", "a ", "x" * 65, "é" * 33, "a\nb", "a\x1b[2J", "a\u202eb", "a\u200db", "a\u2028b", "\ud800"],
)
def test_empty_long_and_deceptive_names_are_refused(name: str) -> None:
    with pytest.raises(MalformedInput):
        check_name(name, "user")
