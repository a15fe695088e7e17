"""DSSE envelopes: what is signed, and that there is one way to write each."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from gov_kit import key, make_case, sign
from nacl.signing import VerifyKey

from tapeline.base.errors import MalformedInput
from tapeline.base.rules import Refused, Rule
from tapeline.governance.case import Case
from tapeline.governance.dsse import add_signature, key_id, kind_of, pae, parse_envelope, payload_type, signer
from tapeline.governance.jsonform import MAX_DEPTH, MAX_JSON_BYTES, decode_json, encode_json
from tapeline.transparency.encoding import encode_base64


def envelope() -> bytes:
    return sign(make_case(), "rita")


def test_pae_is_the_published_example() -> None:
    # DSSE protocol.md, "Test vectors": application type and body of the specification's own example.
    expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert pae("http://example.com/HelloWorld", b"hello world") == expected


def test_signature_is_raw_ed25519_over_the_pae() -> None:
    parsed = parse_envelope(envelope(), "case")
    message = pae(payload_type("case"), parsed.payload_bytes)
    assert VerifyKey(key("rita").public).verify(message, parsed.signatures[0].value) == message
    assert parsed.signers([key("rita").public, key("abel").public]) == {key("rita").public}


def test_signature_counts_for_its_kind_only() -> None:
    other = envelope().replace(b"tapeline.case.v1", b"tapeline.hold.v1")
    assert kind_of(other) == "hold"
    assert not parse_envelope(other, "hold").signed_by(key("rita").public)


def test_key_id_is_a_hint_that_proves_nothing() -> None:
    renamed = envelope().replace(key_id(key("rita").public).encode(), key_id(key("abel").public).encode())
    assert not parse_envelope(renamed, "case").signed_by(key("abel").public)
    assert not parse_envelope(renamed, "case").signed_by(key("rita").public)


def test_signatures_are_added_without_changing_the_statement() -> None:
    both = add_signature(envelope(), signer(key("abel")))
    parsed = parse_envelope(both, "case")
    assert parsed.signed_by(key("rita").public)
    assert parsed.signed_by(key("abel").public)
    assert parsed.statement_hash == parse_envelope(envelope(), "case").statement_hash == make_case().statement_hash
    assert add_signature(both, signer(key("abel"))) == both


@pytest.mark.rule(Rule.DSSE_SIGNATURE)
def test_missing_signature_is_refused() -> None:
    with pytest.raises(Refused) as refusal:
        parse_envelope(envelope(), "case").require_signature(key("abel").public, "not signed")
    assert refusal.value.rule is Rule.DSSE_SIGNATURE


def _payload(text: bytes) -> bytes:
    return encode_json({"payload": encode_base64(text), "payloadType": payload_type("case"), "signatures": []})


PLAIN = make_case().payload()


@pytest.mark.rule(Rule.DSSE_SYNTAX)
@pytest.mark.parametrize(
    "payload",
    [
        b'{"a":1,"a":2}',
        b'{"a": 1}',
        b'{"a":1.0}',
        b'{"a":1e2}',
        b'{"a":NaN}',
        b'{"a":null}',
        b'{"a":-0}',
        b'{"a":01}',
        b'{"b":1,"a":1}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\ud800"}',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":"\xff"}',
        b"[1]",
        b"7",
        b"",
        b'{"a":9223372036854775808}',
        b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH,
        b"[" * 100_000,
        b'{"a":' + b"9" * 10_000 + b"}",
    ],
)
def test_other_spellings_of_json_are_refused(payload: bytes) -> None:
    with pytest.raises(Refused) as refusal:
        parse_envelope(_payload(payload), "case")
    assert refusal.value.rule is Rule.DSSE_SYNTAX


@pytest.mark.rule(Rule.DSSE_SYNTAX)
@pytest.mark.parametrize(
    "change",
    [
        {"extra": 1},
        {"matter": 7},
        {"matter": "a\x07b"},
        {"matter": "‮evil"},
        {"matter": "x" * 257},
        {"expires_ms": True},
        {"expires_ms": -1},
        {"expires_ms": "1"},
        {"hpke_public": "AB" * 1216},
        {"hpke_public": "ab" * 1215},
        {"conversations": ["ab"]},
        {"conversations": [7]},
        {"conversations": {}},
        {"subjects": [{"firm": "acme"}]},
        {"subjects": [{"firm": "acme", "user": "ann", "more": 1}]},
        {"subjects": [{"firm": " acme", "user": "ann"}]},
        {"subjects": ["ann"]},
        {"subjects": [{"firm": "acme", "user": "a"}] * 1025},
        {"window": []},
        {"requester": ""},
        {"requester": "ü" * 33},
    ],
)
def test_fields_of_another_form_are_refused(change: dict[str, object]) -> None:
    text = json.dumps({**PLAIN, **change}, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    with pytest.raises(Refused) as refusal:
        Case.parse(_payload(text))
    assert refusal.value.rule is Rule.DSSE_SYNTAX


@pytest.mark.rule(Rule.DSSE_SYNTAX)
@pytest.mark.parametrize("name", sorted(PLAIN))
def test_every_field_is_demanded(name: str) -> None:
    text = encode_json({field: value for field, value in PLAIN.items() if field != name})
    with pytest.raises(Refused) as refusal:
        Case.parse(_payload(text))
    assert refusal.value.rule is Rule.DSSE_SYNTAX


@pytest.mark.rule(Rule.DSSE_SYNTAX)
@pytest.mark.parametrize(
    "change",
    [
        {"payload": "not base64!"},
        {"payload": "e30"},
        {"payload": 7},
        {"payloadType": "application/json"},
        {"signatures": [{"keyid": "00" * 16, "sig": "AA=="}]},
        {"signatures": [{"keyid": "00" * 15, "sig": encode_base64(bytes(64))}]},
        {"signatures": [{"sig": encode_base64(bytes(64))}]},
        {"signatures": [{"keyid": "00" * 16, "sig": encode_base64(bytes(64))}] * 65},
        {"more": 1},
    ],
)
def test_other_envelopes_are_refused(change: dict[str, object]) -> None:
    outer = {**json.loads(envelope()), **change}
    with pytest.raises(Refused) as refusal:
        parse_envelope(json.dumps(outer, sort_keys=True, separators=(",", ":")).encode(), "case")
    assert refusal.value.rule is Rule.DSSE_SYNTAX


@pytest.mark.rule(Rule.DSSE_SYNTAX)
def test_oversized_statement_is_refused() -> None:
    with pytest.raises(Refused) as refusal:
        decode_json(b'"' + b"a" * MAX_JSON_BYTES + b'"')
    assert refusal.value.rule is Rule.DSSE_SYNTAX


@pytest.mark.rule(Rule.DSSE_SYNTAX)
def test_a_kind_is_parsed_as_itself_only() -> None:
    with pytest.raises(Refused) as refusal:
        Case.parse(replace(parse_envelope(envelope(), "case"), kind="hold"))
    assert refusal.value.rule is Rule.DSSE_SYNTAX


def test_unknown_media_type_has_its_own_error() -> None:
    with pytest.raises(MalformedInput):
        kind_of(encode_json({"payloadType": "application/json"}))
