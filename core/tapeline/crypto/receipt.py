"""Receipts: a vault's word that it opened its slot and found the q that cq commits to (protocol, step 1)."""

from __future__ import annotations

from tapeline.base.hashing import tagged_hash
from tapeline.base.rules import Rule, require
from tapeline.crypto.objects import open_object, seal_object
from tapeline.crypto.signing import SigningKey, signature_holds
from tapeline.crypto.wire import encode
from tapeline.wire.v1.objects_pb2 import Receipt

KIND = "receipt"


def sign_receipt(vault_key: SigningKey, reservation_hash: bytes, v_key_id: bytes, cq: bytes, slot_hash: bytes) -> bytes:
    """Return the receipt as a signed object; the vault calls this only after `open_vault_slot` succeeded."""
    body = Receipt(reservation=reservation_hash, v_key_id=v_key_id, cq=cq, slot_hash=slot_hash)
    return seal_object(vault_key, KIND, encode(body))


def verify_receipt(obj: bytes, vault_public: bytes, *, reservation_hash: bytes, v_key_id: bytes, cq: bytes) -> bytes:
    """Return the slot hash that the receipt names, or refuse it.

    Args:
        obj: a SignedObject of kind "receipt".
        vault_public: Ed25519 key of the firm's vault in its roster.
        reservation_hash: of the reservation that it must be for.
        v_key_id: of the vault key certified with the firm's escrow key.
        cq: the record's commitment to q.

    Raises:
        Refused: RCP-1 (binding), RCP-2 (signature), or of the wire format.
    """
    signed, body = open_object(obj, Receipt, what="receipt")
    require(
        (body.reservation, body.v_key_id, body.cq) == (reservation_hash, v_key_id, cq),
        Rule.RECEIPT_BINDING,
        "The receipt is for another reservation, vault key or cq.",
    )
    require(
        signature_holds(vault_public, KIND, signed.body, signed.signature),
        Rule.RECEIPT_SIGNATURE,
        "The receipt is not signed by the firm's vault.",
    )
    return body.slot_hash


def vault_slot_hash(slot: bytes) -> bytes:
    """Return H("vault-slot-bytes", slot), which a receipt names."""
    return tagged_hash("vault-slot-bytes", slot)


def require_vault_slot(slot: bytes, slot_hash: bytes) -> None:
    """Refuse under VLT-2 a slot that is not the one its receipt names."""
    require(vault_slot_hash(slot) == slot_hash, Rule.VAULT_SLOT_HASH, "A vault slot is not the one its receipt names.")
