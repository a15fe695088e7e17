"""The envelope of small signed objects: body and signature, each object hashed as H(kind, body)."""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.message import Message

from tapeline.crypto.limits import OBJECT_BYTES, SIGNATURE_BYTES
from tapeline.crypto.signing import SigningKey
from tapeline.crypto.wire import encode, fixed, parse
from tapeline.wire.v1.objects_pb2 import SignedObject

B = TypeVar("B", bound=Message)


def seal_object(key: SigningKey, kind: str, body: bytes) -> bytes:
    """Return the SignedObject bytes of `body`, signed as `kind`."""
    return encode(SignedObject(body=body, signature=key.sign(kind, body)))


def open_object(obj: bytes, cls: type[B], *, what: str, limit: int = OBJECT_BYTES) -> tuple[SignedObject, B]:
    """Return envelope and body, strictly parsed; the signature has its length and nothing more is checked."""
    signed = parse(SignedObject, obj, limit=limit, what=what)
    fixed(signed.signature, SIGNATURE_BYTES, f"signature of a {what}")
    return signed, parse(cls, signed.body, limit=limit, what=what)
