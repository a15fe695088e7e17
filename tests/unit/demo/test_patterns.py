"""The search finds every needle in every spelling at every alignment, and nothing else."""

from __future__ import annotations

import base64
import secrets
from pathlib import Path

import pytest

from tapeline.demo import memory
from tapeline.demo.memory import search_folder
from tapeline.demo.patterns import Needle, PatternTable

SECRET = bytes(range(100, 132))
TEXT = b"a sent text of some length"


def spelled(value: bytes) -> dict[str, bytes]:
    text = value if value == TEXT else value.hex().encode()
    return {
        "raw": value,
        "hex": value.hex().encode(),
        "HEX": value.hex().upper().encode(),
        "base64": base64.b64encode(value),
        "base64 in a longer one": base64.b64encode(b"x" + value + b"y"),
        "base64 in another": base64.b64encode(b"xy" + value + b"z"),
        "UTF-16LE": text.decode().encode("utf-16-le"),
        "UTF-16BE": text.decode().encode("utf-16-be"),
    }


@pytest.mark.parametrize("value", [SECRET, TEXT, SECRET[:16]], ids=["secret", "text", "shortest"])
def test_every_spelling_is_found_at_every_alignment(value: bytes) -> None:
    table = PatternTable([Needle("it", value)])
    for form, data in spelled(value).items():
        for shift in range(8):
            haystack = secrets.token_bytes(512 + shift) + data + secrets.token_bytes(77)
            hits = table.search(haystack, "here")
            assert [hit.name for hit in hits] == ["it"], (form, shift)
            assert hits[0].place == "here"


def test_urlsafe_base64_is_found() -> None:
    value = b"\xfb\xff\xfe" * 8
    assert PatternTable([Needle("it", value)]).search(bytes(5) + base64.urlsafe_b64encode(value), "x")


def test_all_but_one_byte_is_no_hit() -> None:
    table = PatternTable([Needle("it", SECRET)])
    for index in range(len(SECRET)):
        changed = bytearray(SECRET)
        changed[index] ^= 1
        assert table.search(bytes(64) + bytes(changed) + bytes(64), "x") == []


def test_many_needles_are_told_apart() -> None:
    values = [secrets.token_bytes(32) for _ in range(500)]
    table = PatternTable(Needle(str(number), value) for number, value in enumerate(values))
    haystack = secrets.token_bytes(1000) + values[7] + b"!" + values[481].hex().encode() + secrets.token_bytes(99)
    assert [(hit.name, hit.spelling) for hit in table.search(haystack, "x")] == [("7", "raw"), ("481", "hex")]


def test_short_needles_are_left_out() -> None:
    table = PatternTable([Needle("short", b"fifteen bytes!!"), Needle("long", b"sixteen bytes!!!")])
    assert [needle.name for needle in table.needles] == ["long"]


def test_a_needle_shows_no_value() -> None:
    assert SECRET.hex() not in repr(Needle("it", SECRET))
    assert repr(SECRET) not in repr(Needle("it", SECRET))


def test_files_are_searched_over_the_edges_of_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "CHUNK", 4096)
    table = PatternTable([Needle("it", SECRET)])
    for shift in range(4096 - 40, 4096 + 8, 3):
        (tmp_path / "db").write_bytes(secrets.token_bytes(shift) + SECRET + secrets.token_bytes(5000))
        hits, total = search_folder(table, tmp_path, "someone")
        assert {hit.place for hit in hits} == {"file db of someone"}, shift
        assert total >= shift + 5032
