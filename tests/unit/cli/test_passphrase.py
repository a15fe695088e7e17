"""Passphrases come by descriptor or file, bounded and checked, and never from a file that others read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tapeline.base.errors import MalformedInput, StateError
from tapeline.cli.passphrase import MAX_BYTES, read_passphrase


def piped(data: bytes) -> int:
    reader, writer = os.pipe()
    os.write(writer, data)
    os.close(writer)
    return reader


@pytest.mark.parametrize("data", [b"open sesame", b"open sesame\n", b"open sesame\r\n", b"open sesame\nnext line"])
def test_a_descriptor_gives_its_first_line(data: bytes) -> None:
    assert read_passphrase(piped(data)).reveal() == b"open sesame"


def test_two_readers_of_one_descriptor_get_a_line_each() -> None:
    fd = piped(b"first\nsecond\n")
    assert [read_passphrase(fd).reveal(), read_passphrase(fd).reveal()] == [b"first", b"second"]


@pytest.mark.parametrize("data", [b"", b"\n", b"x" * (MAX_BYTES + 1), b"\xff\xfe\n"])
def test_an_empty_long_or_undecodable_passphrase_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedInput):
        read_passphrase(piped(data))


def test_a_closed_descriptor_is_named() -> None:
    fd = piped(b"x")
    os.close(fd)
    with pytest.raises(MalformedInput, match="cannot be read"):
        read_passphrase(fd)


def test_a_file_is_read_only_where_nobody_else_can(tmp_path: Path) -> None:
    path = tmp_path / "pass"
    path.write_bytes(b"open sesame\n")
    path.chmod(0o600)
    assert read_passphrase(file=path).reveal() == b"open sesame"
    path.chmod(0o640)
    with pytest.raises(StateError, match="others"):
        read_passphrase(file=path)


def test_both_ways_at_once_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MalformedInput, match="Both"):
        read_passphrase(0, tmp_path / "pass")


def test_without_a_terminal_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        with pytest.raises(StateError, match="terminal"):
            read_passphrase()
