"""Addresses of services, `host:port`, read in one place for every command, client and service."""

from __future__ import annotations

import re
from typing import NamedTuple

from tapeline.base.errors import MalformedInput
from tapeline.base.text import printable

MAX_PORT = 65_535
_FORM = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.%]+)\]|(?P<host>[A-Za-z0-9._-]+)):(?P<port>[0-9]{1,5})")
_REMEDY = "Give it as host:port, such as 127.0.0.1:7001."
NOT_GRPC = "Failed parsing HTTP/2"
"""In the details of a failed gRPC call where something answers, but in another protocol."""


class Address(NamedTuple):
    """Where a service listens; an IPv6 host stands without its brackets."""

    host: str
    port: int


def parse_address(text: str) -> Address:
    """Return the parts of an address.

    Raises:
        MalformedInput: it is none.
    """
    if "://" in text:
        raise MalformedInput(f"The address {printable(text, limit=80)} is a URL, not host:port.", _REMEDY)
    found = _FORM.fullmatch(text)
    if found is None or not 0 < int(found["port"]) <= MAX_PORT:
        raise MalformedInput(f"The address is not of the form host:port: {printable(text, limit=80)}.", _REMEDY)
    return Address(found["v6"] or found["host"], int(found["port"]))


def silence_of(details: str | None) -> tuple[str, str]:
    """Return cause and remedy of a gRPC call that got no answer, told apart by gRPC's own words."""
    if NOT_GRPC in (details or ""):
        return (
            "Something answers at this address, but not by gRPC.",
            "Give the service's gRPC port; it has another one for HTTP.",
        )
    return "The service does not answer.", "Check its address, and that it runs."
