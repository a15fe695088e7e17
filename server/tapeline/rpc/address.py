"""Ports without TLS belong on loopback."""

from __future__ import annotations

import ipaddress

from tapeline.base.address import parse_address
from tapeline.base.errors import StateError


def require_loopback(host: str) -> str:
    """Return `host` where it is a loopback address.

    Raises:
        StateError: it is not; without TLS, tokens and metadata would travel in the clear.
    """
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise StateError(
            "This version speaks without TLS, so only on loopback addresses.",
            "Use 127.0.0.1, or put a TLS proxy on the same machine before it.",
        )
    return host


def loopback_target(address: str) -> str:
    """Return an address to call, `host:port`, where it is one and on loopback.

    Raises:
        MalformedInput: another form.
        StateError: no loopback address.
    """
    require_loopback(parse_address(address).host)
    return address
