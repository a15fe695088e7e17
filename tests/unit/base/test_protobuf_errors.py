"""Protobuf's DecodeError is no ValueError: a clause that catches the one never sees the other, and a call dies."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from google.protobuf.message import DecodeError

from tapeline.base.errors import MalformedInput
from tapeline.base.rules import Refused
from tapeline.crypto.wire import decode
from tapeline.relay.services.warranted import parse_package
from tapeline.wire.v1.objects_pb2 import Ack

ROOT = Path(__file__).resolve().parents[3]
ROOMS = ("core", "client_sdk", "server", "escrow", "cli", "testing", "tools", "benchmarks")
DECODES = {"FromString", "ParseFromString", "MergeFromString"}
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py") if "_pb2" not in path.name)


def wrong_clauses(source: str) -> list[int]:
    """Lines of the clauses that catch ValueError around a decoding, which raises none."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Try) and any(_decodes(part) for part in node.body):
            found += [each.lineno for each in node.handlers if "ValueError" in ast.unparse(each.type or ast.Name(""))]
    return found


def _decodes(part: ast.stmt) -> bool:
    return any(isinstance(one, ast.Attribute) and one.attr in DECODES for one in ast.walk(part))


def test_the_search_finds_such_a_clause() -> None:
    assert not issubclass(DecodeError, ValueError)
    assert wrong_clauses("try:\n    x = Content.FromString(data)\nexcept (KeyError, ValueError):\n    pass\n") == [3]
    assert wrong_clauses("try:\n    x = Content.FromString(data)\nexcept DecodeError:\n    pass\n") == []


def test_no_clause_waits_for_a_value_error_of_protobuf() -> None:
    assert len(SOURCES) > 300
    found = [f"{path.relative_to(ROOT)}:{line}" for path in SOURCES for line in wrong_clauses(path.read_text())]
    assert found == []


def test_the_lenient_door_names_what_does_not_decode_and_bounds_what_does() -> None:
    assert decode(Ack, b"\x08\x05", what="thing").index == 5
    with pytest.raises(MalformedInput, match="thing"):
        decode(Ack, b"\xff\xff\xff", what="thing")
    with pytest.raises(Refused, match="out of bounds"):
        decode(Ack, Ack(index=2**63).SerializeToString(), what="thing")


def test_the_relay_tells_a_package_that_does_not_decode_from_a_fault_of_its_own() -> None:
    with pytest.raises(MalformedInput, match="warrant package"):
        parse_package(b"\xff\xff\xff")
