"""statements.json: JSON in its one spelling, DSSE, login, enrolment codes, fingerprints."""

from __future__ import annotations

from own_vectors.form import Document, Stream, Value
from own_vectors.story import ORIGIN, T0, Story
from tapeline.base.times import MINUTE
from tapeline.crypto.enrolment import EnrolmentCode, format_enrolment, log_key_hash, sign_possession
from tapeline.crypto.login import RELAY, sign_login
from tapeline.crypto.words import fingerprint_words
from tapeline.governance.dsse import key_id, pae, payload_type, sign_statement, signer, statement_hash
from tapeline.governance.jsonform import Json, encode_json
from tapeline.wire.v1.common_pb2 import Challenge

PAYLOADS: dict[str, dict[str, Json]] = {
    "empty": {},
    "sorted by code point": {"b": 1, "a": 2, "B": 3, "ä": 4, "ab": 5},
    "escapes": {"text": '"\\/\b\t\n\f\r\x01\x1f\x7fλ\u2028😀'},
    "numbers and flags": {"n": [0, -1, 2**63 - 1, -(2**63) + 1], "yes": True, "no": False},
    "nested": {"a": {"b": [{"c": []}]}},
}
BAD_JSON = {
    "white space": '{"a": 1}',
    "keys not sorted": '{"b":1,"a":2}',
    "a key twice": '{"a":1,"a":1}',
    "a needless escape": '{"a":"\\u03bb"}',
    "an escaped slash": '{"a":"\\/"}',
    "a control character as \\u000a": '{"a":"\\u000a"}',
    "null": '{"a":null}',
    "a fraction": '{"a":1.0}',
    "an exponent": '{"a":1e3}',
    "minus zero": '{"a":-0}',
    "a number of 2^63": '{"a":9223372036854775808}',
    "a lone surrogate": '{"a":"\\ud800"}',
    "eight lists": '{"a":' + "[" * 8 + "]" * 8 + "}",
    "bytes after the end": '{"a":1}\n',
    "a list": "[]",
}


def document(story: Story) -> Document:
    """Return the file."""
    key = story.firms["acme"].enroller
    return {
        "description": "Statements in DSSE, a login, an enrolment code, fingerprints (protocol, sections 9, 10).",
        "public": key.public.hex(),
        "key_id": key_id(key.public),
        "cases": [_statement(story, name, payload) for name, payload in PAYLOADS.items()],
        "refused": [
            *_bad_json(),
            *_bad_envelopes(story),
        ],
        "login": _login(story),
        "enrolment": _enrolment(story),
        "fingerprints": _fingerprints(story),
    }


def _statement(story: Story, name: str, payload: dict[str, Json]) -> Value:
    body, kind = encode_json(payload), "example"
    return {
        "name": name,
        "kind": kind,
        "payload": body.decode(),
        "pae": pae(payload_type(kind), body).hex(),
        "statement_hash": statement_hash(kind, body).hex(),
        "envelope": sign_statement(kind, payload, [signer(story.firms["acme"].enroller)]).decode(),
    }


def _bad_json() -> list[Value]:
    return [{"name": f"JSON: {name}", "rule": "GOV-2", "json": text} for name, text in BAD_JSON.items()]


def _bad_envelopes(story: Story) -> list[Value]:
    key, other = story.firms["acme"].enroller, story.firms["bolt"].enroller
    good = sign_statement("example", {"a": 1}, [signer(key)])
    by_other = sign_statement("example", {"a": 1}, [(key_id(key.public), other)])
    under_other = sign_statement("example", {"a": 1}, [(key_id(other.public), key)])
    rows = {
        "signed by another key under this key's id": ("GOV-1", by_other),
        "signed, but under another key's id": ("GOV-1", under_other),
        "of another kind": ("GOV-1", good.replace(b"tapeline.example", b"tapeline.sample_")),
        "with white space": ("GOV-2", good.replace(b":[", b": [")),
        "with a field more": ("GOV-2", good[:-1] + b',"x":1}'),
    }  # fmt: skip
    return [
        {
            "name": f"envelope: {name}",
            "rule": rule,
            "kind": "sample_" if "kind" in name else "example",
            "envelope": one.decode(),
        }
        for name, (rule, one) in rows.items()
    ]


def _login(story: Story) -> Value:
    challenge = Challenge(nonce=Stream("login")(32), origin=ORIGIN, expires_ms=T0 + MINUTE)
    login = sign_login(story.ann.key, challenge, origin=ORIGIN, audience=RELAY)
    return {
        "origin": ORIGIN, "audience": RELAY, "expires_ms": challenge.expires_ms, "nonce": challenge.nonce.hex(),
        "key": story.ann.key.public.hex(), "login": login.hex(),
    }  # fmt: skip


def _enrolment(story: Story) -> Value:
    rng, vkey = Stream("enrolment"), story.log.key.encode()
    code = EnrolmentCode(rng(16).hex(), rng(64), log_key_hash(vkey))
    return {
        "code": code.code, "roster": code.roster.hex(), "vkey": vkey, "log_key_hash": code.log_key.hex(),
        "text": format_enrolment(code), "device_key": story.ann.key.public.hex(),
        "possession": sign_possession(story.ann.key, code.code).hex(),
    }  # fmt: skip


def _fingerprints(story: Story) -> list[Value]:
    person = story.ann.key.public + story.ann.prekey.hpke.encode()
    rows = (("person", person), ("escrow-key", story.firms["bolt"].ceremony.escrow_key))
    return [{"kind": kind, "key": key.hex(), "words": list(fingerprint_words(kind, key))} for kind, key in rows]
