"""DSSE envelopes (secure-systems-lab/dsse, protocol v1.0.2): what is signed is type and bytes, never a re-encoding."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from tapeline.base.ed25519 import SIGNATURE_BYTES
from tapeline.base.errors import MalformedInput
from tapeline.base.hashing import tagged_hash
from tapeline.base.rules import Rule, require
from tapeline.crypto.signing import SigningKey, framed_signature_holds
from tapeline.governance.jsonform import MAX_JSON_BYTES, Fields, Json, decode_json, encode_json
from tapeline.transparency.encoding import decode_base64, encode_base64

MAX_SIGNATURES = 64
KEY_ID_BYTES = 16

Signer = tuple[str, SigningKey]
"""A key id (as `key_id` makes it) and its key."""


@dataclass(frozen=True, slots=True)
class DsseSignature:
    """One signature of an envelope; the key id is a hint and proves nothing."""

    key_id: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """A parsed, unverified statement.

    Attributes:
        kind: such as "case".
        payload: the decoded JSON object.
        payload_bytes: the exact bytes that are hashed and signed.
        statement_hash: H("statement/" + kind, payload bytes), 64 bytes.
        signatures: none of them verified.
        raw: the envelope as received, signatures and all.
    """

    kind: str
    payload: dict[str, Json]
    payload_bytes: bytes
    statement_hash: bytes
    signatures: tuple[DsseSignature, ...]
    raw: bytes = b""

    def signed_by(self, public: bytes) -> bool:
        """Tell whether a signature by this Ed25519 key (32 bytes) is there and verifies."""
        message = pae(payload_type(self.kind), self.payload_bytes)
        wanted = key_id(public)
        return any(
            signature.key_id == wanted and framed_signature_holds(public, message, signature.value)
            for signature in self.signatures
        )

    def signers(self, publics: Collection[bytes]) -> frozenset[bytes]:
        """Return those of the keys that signed."""
        return frozenset(public for public in publics if self.signed_by(public))

    def require_signature(self, public: bytes, cause: str) -> None:
        """Refuse under GOV-1 a statement that this key did not sign."""
        require(self.signed_by(public), Rule.DSSE_SIGNATURE, cause)


def key_id(public: bytes) -> str:
    """Return the key id of an Ed25519 public key: hex of the first 16 bytes of H("key", public)."""
    return tagged_hash("key", public)[:KEY_ID_BYTES].hex()


def signer(key: SigningKey) -> Signer:
    """Return the key with its id, as `sign_statement` takes it."""
    return key_id(key.public), key


def payload_type(kind: str) -> str:
    """Return the media type of a kind of statement."""
    return f"application/vnd.tapeline.{kind}.v1+json"


def statement_hash(kind: str, payload_bytes: bytes) -> bytes:
    """Return H("statement/" + kind, payload bytes), 64 bytes: the object hash of a statement."""
    return tagged_hash("statement/" + kind, payload_bytes)


def pae(media_type: str, body: bytes) -> bytes:
    """Return DSSE's pre-authentication encoding: "DSSEv1" and the two lengths in decimal, parted by spaces."""
    kind = media_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body)


def sign_statement(kind: str, payload: Mapping[str, Json], signers: Sequence[Signer]) -> bytes:
    """Return the envelope (JSON bytes) of a payload with the signatures of `signers`."""
    body = encode_json(dict(payload))
    return _format(kind, body, [_sign(kind, body, one) for one in signers])


def add_signature(envelope: bytes, one: Signer) -> bytes:
    """Return the envelope with one more signature, or the same where that key signed already."""
    parsed = parse_envelope(envelope, kind_of(envelope))
    if parsed.signed_by(one[1].public):
        return envelope
    added = _sign(parsed.kind, parsed.payload_bytes, one)
    return _format(parsed.kind, parsed.payload_bytes, [*parsed.signatures, added])


def attach_signature(envelope: bytes, public: bytes, value: bytes) -> bytes:
    """Return the envelope with a signature that was made elsewhere (64 bytes); nothing is verified."""
    parsed = parse_envelope(envelope, kind_of(envelope))
    added = DsseSignature(key_id(public), value)
    return _format(parsed.kind, parsed.payload_bytes, [*parsed.signatures, added])


def parse_envelope(data: bytes, kind: str) -> Envelope:
    """Parse an envelope of the wanted kind strictly; nothing in it is verified.

    Raises:
        Refused: DSSE_SYNTAX.
    """
    fields = Fields(decode_json(data), "A DSSE envelope")
    fields.choice("payloadType", [payload_type(kind)])
    body = decode_base64(fields.text("payload", limit=MAX_JSON_BYTES), Rule.DSSE_SYNTAX, "A payload is not base64.")
    signatures = fields.objects("signatures", _read_signature, limit=MAX_SIGNATURES)
    fields.finish()
    payload = decode_json(body)
    require(isinstance(payload, dict), Rule.DSSE_SYNTAX, "A statement's payload is not a JSON object.")
    return Envelope(kind, cast(dict[str, Json], payload), body, statement_hash(kind, body), signatures, data)


def kind_of(data: bytes) -> str:
    """Return the kind that an envelope claims, to choose how to parse it.

    Raises:
        Refused: DSSE_SYNTAX.
        MalformedInput: the media type is not one of Tapeline's.
    """
    outer = decode_json(data)
    media_type = outer.get("payloadType") if isinstance(outer, dict) else None
    prefix, suffix = "application/vnd.tapeline.", ".v1+json"
    if not isinstance(media_type, str) or not (media_type.startswith(prefix) and media_type.endswith(suffix)):
        raise MalformedInput("The statement is of no kind of Tapeline's, version 1.", "Update this software.")
    return media_type.removeprefix(prefix).removesuffix(suffix)


def _sign(kind: str, body: bytes, one: Signer) -> DsseSignature:
    identifier, key = one
    return DsseSignature(identifier, key.sign_framed(pae(payload_type(kind), body)))


def _format(kind: str, body: bytes, signatures: Sequence[DsseSignature]) -> bytes:
    rows: list[Json] = [{"keyid": one.key_id, "sig": encode_base64(one.value)} for one in signatures]
    return encode_json({"payload": encode_base64(body), "payloadType": payload_type(kind), "signatures": rows})


def _read_signature(fields: Fields) -> DsseSignature:
    identifier = fields.hex("keyid", KEY_ID_BYTES).hex()
    value = decode_base64(fields.text("sig", limit=128), Rule.DSSE_SYNTAX, "A signature is not base64.")
    require(len(value) == SIGNATURE_BYTES, Rule.DSSE_SYNTAX, "A signature is not 64 bytes.")
    return DsseSignature(identifier, value)
