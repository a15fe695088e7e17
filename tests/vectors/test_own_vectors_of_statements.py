"""Tapeline's own vectors of statements, login, enrolment and fingerprints; and what holds of all files."""

from __future__ import annotations

import ast
import base64
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import second_implementation as second
from second_implementation import edwards, hashing, statements, wire
from vectors_kit import FOLDER, cases, load, refusal, un

from tapeline.crypto.enrolment import format_enrolment, log_key_hash, parse_enrolment, verify_possession
from tapeline.crypto.login import verify_login
from tapeline.crypto.words import fingerprint_words, word_list
from tapeline.governance.dsse import pae, parse_envelope, payload_type, statement_hash
from tapeline.governance.jsonform import encode_json

STATEMENTS = load("statements")
PROJECT = FOLDER.parents[3]


@pytest.mark.parametrize("case", cases("statements"))
def test_statements(case: dict[str, Any]) -> None:
    payload, public = case["payload"].encode(), un(STATEMENTS["public"])
    parsed = parse_envelope(case["envelope"].encode(), case["kind"])
    assert parsed.signed_by(public)
    assert (parsed.payload_bytes, encode_json(parsed.payload)) == (payload, payload)
    assert pae(payload_type(case["kind"]), payload) == statements.pae(case["kind"], payload) == un(case["pae"])
    hashes = statement_hash(case["kind"], payload), statements.statement_hash(case["kind"], payload)
    assert {parsed.statement_hash, *hashes} == {un(case["statement_hash"])}
    assert statements.verify_statement(case["envelope"].encode(), case["kind"], public) == payload
    assert statements.key_id(public) == STATEMENTS["key_id"] == parsed.signatures[0].key_id


@pytest.mark.parametrize("case", cases("statements", "refused", json=True))
def test_json_that_is_refused(case: dict[str, Any]) -> None:
    payload = base64.b64encode(case["json"].encode()).decode()
    envelope = {"payload": payload, "payloadType": payload_type("example"), "signatures": []}
    assert refusal(parse_envelope, encode_json(envelope), "example") == case["rule"]  # type: ignore[arg-type]
    with pytest.raises(second.Refusal, match=case["rule"]):
        second.demand(isinstance(statements.read(case["json"].encode()), dict), "GOV-2")


@pytest.mark.parametrize("case", cases("statements", "refused", envelope=True))
def test_envelopes_that_are_refused(case: dict[str, Any]) -> None:
    public, envelope = un(STATEMENTS["public"]), case["envelope"].encode()

    def judge() -> None:
        parse_envelope(envelope, case["kind"]).require_signature(public, "Not signed.")

    assert refusal(judge) == case["rule"]
    with pytest.raises(second.Refusal, match=case["rule"]):
        statements.verify_statement(envelope, case["kind"], public)


def test_login() -> None:
    case = STATEMENTS["login"]
    login = verify_login(un(case["login"]), origin=case["origin"], audience=case["audience"], now_ms=0)
    assert (login.key, login.nonce, login.expires_ms) == (un(case["key"]), un(case["nonce"]), case["expires_ms"])
    signed, body = wire.opened("LoginBody", un(case["login"]))
    assert edwards.signed_as(un(case["key"]), "login", signed["body"], signed["signature"])
    assert [body[name] for name in ("origin", "audience", "expires_ms")] == [
        case["origin"],
        "relay",
        case["expires_ms"],
    ]


def test_enrolment_code() -> None:
    case = STATEMENTS["enrolment"]
    parsed = parse_enrolment(case["text"])
    assert (parsed.code, parsed.roster, parsed.log_key) == (case["code"], un(case["roster"]), un(case["log_key_hash"]))
    assert log_key_hash(case["vkey"]) == hashing.H("log-key", case["vkey"].encode()) == parsed.log_key
    assert format_enrolment(parsed) == case["text"]
    assert statements.enrolment_code(un(case["code"]), un(case["roster"]), case["vkey"]) == case["text"]
    key, possession = un(case["device_key"]), un(case["possession"])
    verify_possession(key, case["code"], possession)
    assert edwards.signed_as(key, "enrol", hashing.H("enrol", case["code"].encode(), key), possession)


@pytest.mark.parametrize("case", STATEMENTS["fingerprints"], ids=lambda case: case["kind"])
def test_fingerprints(case: dict[str, Any]) -> None:
    key = un(case["key"])
    assert list(fingerprint_words(case["kind"], key)) == case["words"]
    assert [word_list()[number] for number in statements.fingerprint(case["kind"], key)] == case["words"]


# --- all files ---


def test_the_generator_writes_exactly_these_files() -> None:
    """A change of the protocol shows here first; so does randomness that slipped in."""
    tool = [sys.executable, str(PROJECT / "tools/make_vectors.py"), "--check"]
    checked = subprocess.run(tool, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_files_stay_small_and_described() -> None:
    files = sorted(FOLDER.glob("*.json"))
    assert sum(path.stat().st_size for path in files) <= 204_800  # 200 KiB
    assert all(load(path.stem)["description"] for path in files)


def test_the_second_implementation_shares_no_code_with_the_first() -> None:
    paths = list(Path(second.__file__).parent.glob("*.py"))
    assert len(paths) > 5
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.startswith("tapeline")], path
