"""Addresses typed by people: one form, and what is none says so."""

from __future__ import annotations

import pytest

from tapeline.base.address import parse_address, silence_of
from tapeline.base.errors import MalformedInput


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("127.0.0.1:7001", ("127.0.0.1", 7001)),
        ("[::1]:7001", ("::1", 7001)),
        ("relay.bank.example:65535", ("relay.bank.example", 65535)),
    ],
)
def test_host_and_port_are_told_apart(text: str, parts: tuple[str, int]) -> None:
    assert parse_address(text) == parts


@pytest.mark.parametrize("text", ["nonsense", "", ":1", "a:", "a:0", "a:65536", "a:1:2", "a b:1", "a:1\n", "::1:7001"])
def test_what_is_no_address_is_called_that(text: str) -> None:
    with pytest.raises(MalformedInput, match="host:port") as refused:
        parse_address(text)
    assert "127.0.0.1:7001" in refused.value.remedy


def test_a_url_is_named_and_nothing_of_it_comes_alive() -> None:
    with pytest.raises(MalformedInput, match="is a URL") as refused:
        parse_address("http://127.0.0.1:7002/\x1b[2J")
    assert "\x1b" not in str(refused.value)


def test_silence_and_another_protocol_are_told_apart() -> None:
    assert "not by gRPC" in silence_of("UNAVAILABLE: Failed parsing HTTP/2 (Expected SETTINGS frame)")[0]
    assert "does not answer" in silence_of("Connection refused")[0]
    assert "does not answer" in silence_of(None)[0]
