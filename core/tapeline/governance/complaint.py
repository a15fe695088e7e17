"""Complaints: a device signs that it met what it could not verify, or words of the relay that contradict.

A complaint of a record or message is testimony. One that carries the relay's own signed acknowledgements is proof,
since anybody can hold them against one another and against the log.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tapeline.base.hashing import HASH_BYTES
from tapeline.base.rules import Rule, require
from tapeline.crypto.device import parse_device_entry
from tapeline.crypto.ids import object_hash
from tapeline.crypto.limits import LEAF_BYTES, OBJECT_BYTES, SIGNATURE_BYTES
from tapeline.crypto.objects import open_object, seal_object
from tapeline.crypto.signing import SigningKey, verify_signature
from tapeline.crypto.wire import encode, parse
from tapeline.wire.v1 import objects_pb2 as wire

KIND = "complaint"
MAX_RULE = 16
MAX_ACKS = 2
COMPLAINT_BYTES = 12 * 1024
"""A complaint as a signed object, with two acknowledgements of the largest leaves."""
TEXT_BYTES = COMPLAINT_BYTES + OBJECT_BYTES + 64
_LENGTHS = frozenset({0, HASH_BYTES})


class Complainant(Protocol):
    """Who complains: a device entry's hash, key and deployment, as the directory or the entry itself says."""

    @property
    def entry_hash(self) -> bytes:
        """The entry's hash, 64 bytes."""

    @property
    def device_key(self) -> bytes:
        """Its Ed25519 key, 32 bytes."""

    @property
    def deployment(self) -> bytes:
        """Its deployment, 32 bytes."""


@dataclass(frozen=True, slots=True)
class _Claimed:
    """A device by its own entry, which nobody vouched for yet."""

    entry_hash: bytes
    device_key: bytes
    deployment: bytes


@dataclass(frozen=True, slots=True)
class VerifiedComplaint:
    """What a device signed: which record, which message (empty where the record failed), which rule, when.

    `acks` are the relay's acknowledgements that it is about, at most 2; their signatures are not checked yet.
    """

    complaint_hash: bytes
    device_entry: bytes
    record_hash: bytes
    message_hash: bytes
    rule: str
    time_ms: int
    acks: tuple[wire.Ack, ...]


def sign_complaint(key: SigningKey, complaint: wire.Complaint) -> bytes:
    """Return the signed object's bytes."""
    return seal_object(key, KIND, encode(complaint))


def verify_complaint(data: bytes, by: Complainant) -> VerifiedComplaint:
    """Return the complaint, signed by that device.

    Raises:
        Refused: WIR-1 to WIR-3, SIGNATURE.
    """
    signed, body = open_object(data, wire.Complaint, what="complaint", limit=COMPLAINT_BYTES)
    require(_fits(body), Rule.WIRE_SIZE, "A complaint's field has a wrong length.")
    verify_signature(by.device_key, KIND, signed.body, signed.signature, "The device did not complain.")
    require(
        (body.deployment, body.device_entry) == (by.deployment, by.entry_hash),
        Rule.SIGNATURE,
        "The complaint names another device than its signer.",
    )
    return VerifiedComplaint(
        complaint_hash=object_hash(KIND, signed.body),
        device_entry=body.device_entry,
        record_hash=body.record_hash,
        message_hash=body.message_hash,
        rule=body.rule,
        time_ms=body.time_ms,
        acks=tuple(body.acks),
    )


def _fits(body: wire.Complaint) -> bool:
    """Tell whether a complaint names something, and each field has its length."""
    return (
        len(body.record_hash) in _LENGTHS
        and len(body.message_hash) in _LENGTHS
        and (len(body.record_hash) > 0 or len(body.acks) > 0)
        and len(body.acks) <= MAX_ACKS
        and all(len(ack.leaf) <= LEAF_BYTES and len(ack.signature) == SIGNATURE_BYTES for ack in body.acks)
        and 0 < len(body.rule) <= MAX_RULE
        and body.rule.isascii()
        and body.rule.isprintable()
        and body.time_ms < 2**63
    )


def complaint_text(complaint: bytes, device: bytes) -> bytes:
    """Return what the audit log's board keeps: the complaint with its device's entry, both SignedObject bytes."""
    parts = (wire.SignedObject.FromString(complaint), wire.SignedObject.FromString(device))
    return encode(wire.ComplaintText(complaint=parts[0], device=parts[1]))


def read_complaint_text(text: bytes) -> VerifiedComplaint:
    """Return a complaint with a true signature of the device entry that comes along.

    Whether that entry is in the directory only the archive tells.

    Raises:
        Refused: WIR-1 to WIR-3, SIGNATURE.
    """
    parts = parse(wire.ComplaintText, text, limit=TEXT_BYTES, what="a complaint with its device")
    device = parse_device_entry(encode(parts.device))
    by = _Claimed(device.entry_hash, device.entry.device_key, device.entry.deployment)
    return verify_complaint(encode(parts.complaint), by)
