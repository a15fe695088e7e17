"""Addresses typed by people: what is none says so, and nothing leaves the machine without TLS."""

from __future__ import annotations

import pytest

from tapeline.base.errors import MalformedInput, StateError
from tapeline.rpc.address import loopback_target


@pytest.mark.parametrize("address", ["127.0.0.1:7003", "[::1]:7003", "localhost:1"])
def test_host_and_port_on_loopback_are_taken(address: str) -> None:
    assert loopback_target(address) == address


@pytest.mark.parametrize("address", ["nonsense", "", ":7003", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "a\x1b:b"])
def test_what_is_no_address_is_called_that(address: str) -> None:
    with pytest.raises(MalformedInput, match="host:port") as refused:
        loopback_target(address)
    assert "\x1b" not in str(refused.value)


def test_another_machine_is_refused() -> None:
    with pytest.raises(StateError, match="TLS"):
        loopback_target("192.0.2.1:7003")
