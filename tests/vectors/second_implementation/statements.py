"""Statements, notes, bundles' info, enrolment codes, fingerprints (protocol, sections 6, 9 and 10)."""

from __future__ import annotations

import base64
import json

from . import demand
from .edwards import ed25519_verifies
from .hashing import H, u64

SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def spell(value: object, left: int = 8) -> str:
    """The one spelling of a JSON value, or GOV-2 for what has none."""
    demand(left > 0, "GOV-2")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        demand(abs(value) < 2**63, "GOV-2")
        return str(value)
    if isinstance(value, str):
        demand(not any(0xD800 <= ord(char) <= 0xDFFF for char in value), "GOV-2")
        return '"' + "".join(SHORT.get(c, f"\\u{ord(c):04x}" if c < " " else c) for c in value) + '"'
    if isinstance(value, list):
        return "[" + ",".join(spell(item, left - 1) for item in value) + "]"
    demand(isinstance(value, dict), "GOV-2")
    assert isinstance(value, dict)
    return "{" + ",".join(f"{spell(key)}:{spell(value[key], left - 1)}" for key in sorted(value)) + "}"


def read(data: bytes) -> object:
    try:
        value = json.loads(data.decode("utf-8"))
    except ValueError:
        value = None
    demand(spell(value).encode() == data, "GOV-2")
    return value


def pae(kind: str, payload: bytes) -> bytes:
    media_type = f"application/vnd.tapeline.{kind}.v1+json".encode()
    return b" ".join([b"DSSEv1", str(len(media_type)).encode(), media_type, str(len(payload)).encode(), payload])


def statement_hash(kind: str, payload: bytes) -> bytes:
    return H("statement/" + kind, payload)


def key_id(public: bytes) -> str:
    return H("key", public)[:16].hex()


def verify_statement(envelope: bytes, kind: str, public: bytes) -> bytes:
    """The payload of an envelope that the key signed."""
    fields = read(envelope)
    shape = {"payload", "payloadType", "signatures"}
    demand(isinstance(fields, dict) and set(fields) == shape, "GOV-2")
    assert isinstance(fields, dict)
    demand(fields["payloadType"] == f"application/vnd.tapeline.{kind}.v1+json", "GOV-2")
    payload = base64.b64decode(fields["payload"], validate=True)
    read(payload)
    signed = any(
        one["keyid"] == key_id(public) and ed25519_verifies(public, pae(kind, payload), base64.b64decode(one["sig"]))
        for one in fields["signatures"]
    )
    demand(signed, "GOV-1")
    return payload


def cosigned_time(note: bytes, witnesses: list[tuple[str, bytes]]) -> int:
    """τ in milliseconds: the lower median of the witnesses' cosignature times."""
    text, _, lines = note.rpartition(b"\n\n")
    text, times = text + b"\n", []
    for line in lines.decode().splitlines():
        _, name, encoded = line.split(" ")
        value = base64.b64decode(encoded)[4:]
        for known, public in witnesses:
            if known == name and len(value) == 72:
                time = int.from_bytes(value[:8], "big")
                message = b"cosignature/v1\ntime %d\n" % time + text
                demand(ed25519_verifies(public, message, value[8:]), "LOG-2")
                times.append(time)
    return sorted(times)[(len(times) - 1) // 2] * 1000


def bundle_info(case: bytes, warrant_leaf: bytes, who: str, epoch: int) -> bytes:
    return H("bundle", case, warrant_leaf, who.encode(), u64(epoch))


def enrolment_code(code: bytes, roster: bytes, vkey: str) -> str:
    body = b"\x01" + code + roster + H("log-key", vkey.encode())
    whole = body + H("enrolment-check", body)[:4]
    return "tapeline-enrol:" + base64.urlsafe_b64encode(whole).decode().rstrip("=")


def fingerprint(kind: str, key: bytes) -> list[int]:
    """Twelve numbers of 11 bits."""
    bits = int.from_bytes(H("fingerprint", kind.encode(), key), "big") >> 512 - 132
    return [bits >> 11 * (11 - k) & 2047 for k in range(12)]
