"""Strict proto3 by hand (protocol, section 10, "Wire bytes"); fields are numbered by their place in the definition."""

from __future__ import annotations

from typing import Any

from . import Refusal, demand

# name:type; b64: bytes of exactly 64; s: text; u, w: unsigned of 64, 32 bits; e: enum; t: bool; *: repeated;
# ?: optional; others: a message.
LIMITS = {"u": 2**64, "w": 2**32, "e": 2**31, "t": 2}
DEFINITIONS = {
    "SignedObject": "body:b signature:b64",
    "DeviceEntry": "deployment:b32 firm:s user:s user_salt:b32 device_key:b32 device_name:s not_before_ms:u "
    "not_after_ms:u issuer:b",
    "Prekey": "deployment:b32 firm:s user:s device_entry:b64 device_key:b32 prekey_id:u point:b32 hpke_public:b1216 "
    "not_after_ms:u possession:b64",
    "Member": "firm:s user:s may_change:t",
    "FirmClass": "firm:s retention_class:s",
    "MembershipStatement": "deployment:b32 conversation:b sequence:u previous:b members:Member* firms:FirmClass* "
    "salt:b signer:b created_ms:u",
    "Reservation": "suite:e deployment:b32 firms:s* sender_device:b64 session_id:b32 expires_ms:u",
    "Receipt": "reservation:b64 v_key_id:b64 cq:b64 slot_hash:b64",
    "Context": "suite:e deployment:b32 firms:s* conversation:b64 session_id:b32 sender_device:b64 membership:b64 "
    "archive_note:b escrow_key_ids:b64* v_key_ids:b64* retention_classes:s* not_before_ms:u not_after_ms:u "
    "directory_leaves:u",
    "EscrowRow": "firm:s key_id:b64 point:b32 sealed:b32",
    "Row": "prekey:b64 point:b32 sealed:b32",
    "Shard": "number:w rows:Row* slot_hashes:b64*",
    "SessionHeader": "context:b cq:b64 reservation:SignedObject receipts:SignedObject* c0:b32 c0_hat:b32 "
    "escrow_rows:EscrowRow* shard_hashes:b64* proofs:b64* signature:b64",
    "SessionRecord": "header:b shards:b* vault_slots:b1168* device_slots:b1168*",
    "RecordView": "header:b shard:b row:w device_slot:b1168",
    "MessageHeader": "record_hash:b64 index:w previous:b64 commitment:b32 blob_hashes:b64* client_time_ms:u "
    "newest_leaf:u conversation_sequence:u?",
    "Message": "header:b ciphertext:b signature:b64",
    "Leaf": "type:e conversation_tag:b conversation_sequence:u user_tags:b* object_hash:b64 relay_time_ms:u "
    "directory_sequence:u text_hash:b",
    "AuditLeaf": "kind:s statement_hash:b64 time_ms:u about:b text_hash:b64",
    "HistoryGrant": "record_hash:b64 m:b32 q:b32 row:Row? shard:b opening_proof:b64 header:b",
    "LoginBody": "origin:s key:b32 nonce:b audience:s expires_ms:u",
    "SessionPartial": "record_hash:b64 partial:b certificate:b64",
    "PartialBundle": "warrant_leaf:b32 custodian:s epoch:u partials:SessionPartial*",
}


def parse(kind: str, data: bytes) -> dict[str, Any]:
    """The fields of a message; absent ones have their default, None where presence counts."""
    fields = [field.split(":") for field in DEFINITIONS[kind].split()]
    found: dict[str, Any] = {name: _default(type_) for name, type_ in fields}
    at = last = 0
    over = False
    seen = set()
    while at < len(data):
        key, at = _varint(data, at)
        number, wire_type = key >> 3, key & 7
        demand(1 <= number <= len(fields), "WIR-2")
        name, type_ = fields[number - 1]
        demand(wire_type == (0 if type_[0] in LIMITS else 2), "WIR-2")
        demand(number >= last and (type_.endswith("*") or name not in seen), "WIR-1")
        last = number
        seen.add(name)
        value, at = _varint(data, at)
        if wire_type == 0:
            demand(value < LIMITS[type_[0]], "WIR-1")
            over = over or value >= (253402300800000 if name.endswith("_ms") else 2**63)
        else:
            demand(at + value <= len(data), "malformed")
            raw, at = data[at : at + value], at + value
        demand(type_[-1] in "*?" or type_[0].isupper() or value != 0, "WIR-1")  # a default that is spelled out
        decoded = value if wire_type == 0 else _decode(type_.rstrip("*?"), raw)
        found[name] = [*found[name], decoded] if type_.endswith("*") else decoded
    demand(not over, "WIR-3")
    _require_lengths(fields, found)
    return found


def _default(type_: str) -> Any:
    if type_.endswith("*"):
        return []
    if type_.endswith("?") or type_[0].isupper():
        return None
    return 0 if type_ in LIMITS else "" if type_ == "s" else b""


def _decode(type_: str, raw: bytes) -> Any:
    if type_ == "s":
        return raw.decode("utf-8")
    return {**parse(type_, raw), "bytes": raw} if type_[0].isupper() else raw


def _require_lengths(fields: list[list[str]], found: dict[str, Any]) -> None:
    for name, type_ in fields:
        length = type_.rstrip("*?")[1:]
        if type_[0] == "b" and length:
            for value in found[name] if type_.endswith("*") else [found[name]]:
                demand(len(value) == int(length), "WIR-3")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise Refusal("malformed")
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if not byte & 128:
            demand(byte != 0 or shift == 7, "WIR-1")  # not the shortest
            return value, at


def opened(kind: str, obj: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """A SignedObject and its body."""
    envelope = parse("SignedObject", obj)
    return envelope, parse(kind, envelope["body"])
