"""Reads Wycheproof files in place and checks that none of their cases was left out."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def cases(shared_dir: Path, name: str) -> Iterator[dict[str, Any]]:
    """Yield each test of a file, joined with the plain fields of its group."""
    with gzip.open(shared_dir / f"vectors/wycheproof/{name}_test.json.gz") as stream:
        document = json.load(stream)
    seen = 0
    for group in document["testGroups"]:
        shared = {key: value for key, value in group.items() if key != "tests"}
        for test in group["tests"]:
            seen += 1
            yield shared | test
    assert seen == document["numberOfTests"]


def octets(case: dict[str, Any], field: str) -> bytes:
    """Return a hexadecimal field as bytes."""
    return bytes.fromhex(case[field])
