"""Complaints: a device met a record or message that it could not verify, and signs that it did."""

from __future__ import annotations

from dataclasses import dataclass

from tapeline.base.hashing import HASH_BYTES
from tapeline.base.rules import Rule, require
from tapeline.crypto.device import VerifiedDevice
from tapeline.crypto.ids import object_hash
from tapeline.crypto.limits import OBJECT_BYTES
from tapeline.crypto.signing import SigningKey, verify_signature
from tapeline.crypto.wire import encode, parse
from tapeline.wire.v1 import objects_pb2 as wire

MAX_RULE = 16


@dataclass(frozen=True, slots=True)
class VerifiedComplaint:
    """Testimony of a device: which record, which message (empty where the record failed), which rule, when."""

    complaint_hash: bytes
    device_entry: bytes
    record_hash: bytes
    message_hash: bytes
    rule: str
    time_ms: int


def sign_complaint(key: SigningKey, complaint: wire.Complaint) -> bytes:
    """Return the signed object's bytes."""
    body = encode(complaint)
    return encode(wire.SignedObject(body=body, signature=key.sign("complaint", body)))


def verify_complaint(data: bytes, device: VerifiedDevice) -> VerifiedComplaint:
    """Return the complaint, signed by that device.

    Raises:
        Refused: WIR-1 to WIR-3, SIGNATURE.
    """
    signed = parse(wire.SignedObject, data, limit=OBJECT_BYTES, what="a complaint")
    body = parse(wire.Complaint, signed.body, limit=OBJECT_BYTES, what="a complaint's body")
    require(
        len(body.record_hash) == HASH_BYTES
        and len(body.message_hash) in {0, HASH_BYTES}
        and len(body.rule) <= MAX_RULE
        and body.rule.isascii(),
        Rule.WIRE_SIZE,
        "A complaint's field has a wrong length.",
    )
    verify_signature(device.device_key, "complaint", signed.body, signed.signature, "The device did not complain.")
    require(
        (body.deployment, body.device_entry) == (device.deployment, device.entry_hash),
        Rule.SIGNATURE,
        "The complaint names another device than its signer.",
    )
    return VerifiedComplaint(
        complaint_hash=object_hash("complaint", signed.body),
        device_entry=body.device_entry,
        record_hash=body.record_hash,
        message_hash=body.message_hash,
        rule=body.rule,
        time_ms=body.time_ms,
    )
