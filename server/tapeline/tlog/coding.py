"""Compressing an answer for those who ask for it (RFC 9110, sections 8.4 and 12.5.3)."""

from __future__ import annotations

import gzip

LEAST_BYTES = 512
"""Below it, the header of gzip costs what compression saves."""
_LEVEL = 6
_GZIP = frozenset({"gzip", "x-gzip"})


def takes_gzip(accepted: str) -> bool:
    """Tell whether an Accept-Encoding header allows gzip: by name, else by `*`; a quality of 0 forbids."""
    named: dict[str, bool] = {}
    for part in accepted.lower().split(","):
        coding, *parameters = (each.strip() for each in part.split(";"))
        named[coding] = not any(_is_zero(parameter) for parameter in parameters)
    told = [allowed for coding, allowed in named.items() if coding in _GZIP]
    return any(told) if told else named.get("*", False)


def compressed(data: bytes) -> bytes | None:
    """Return `data` in gzip, the same bytes every time; None where that would not be shorter, as with hashes."""
    if len(data) < LEAST_BYTES:
        return None
    made = gzip.compress(data, _LEVEL, mtime=0)
    return made if len(made) < len(data) else None


def _is_zero(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    return name.strip() == "q" and value.strip().strip("0") in {"", "."}
