"""Receipts: the vault's word that a reservation's slot holds the q behind cq (protocol, Session record, step 1).

It learns session id and device, needs no access to the relay, and keeps counters of how often a device asks.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from tapeline.base.errors import MalformedInput, PermissionRefused, TapelineError
from tapeline.base.rules import Rule, require
from tapeline.base.times import Clock
from tapeline.crypto.device import (
    EnrollerView,
    IssuerView,
    VerifiedDevice,
    parse_device_entry,
    require_device_valid,
    verify_device_entry,
)
from tapeline.crypto.limits import LEAF_BYTES
from tapeline.crypto.receipt import sign_receipt, vault_slot_hash
from tapeline.crypto.reservation import VerifiedReservation, verify_reservation
from tapeline.crypto.signing import SigningKey
from tapeline.crypto.vault_open import open_vault_slot
from tapeline.crypto.wire import encode, parse
from tapeline.rpc.errors import log_internal
from tapeline.rpc.rate import RateLimiter
from tapeline.transparency.cosigned import CosignedCheckpoint
from tapeline.transparency.merkle import leaf_hash, verify_inclusion
from tapeline.vault.keyring import Keyring
from tapeline.wire.v1 import escrow_pb2 as wire
from tapeline.wire.v1.objects_pb2 import Leaf, LeafType, SignedObject

MAX_REQUEST = 128 * 1024
MAX_CHAIN = 16
PER_MINUTE = 120
_log = structlog.get_logger("tapeline.vault")


@dataclass(frozen=True)
class Receipts:
    """Gives receipts, or one uniform refusal that tells nothing about why."""

    key: SigningKey
    keyring: Keyring
    rates: RateLimiter
    clock: Clock

    def give(self, opaque: bytes) -> bytes:
        """Return the ReceiptResponse bytes for ReceiptRequest bytes.

        Raises:
            PermissionRefused: always the same one.
        """
        try:
            return self._give(opaque)
        except TapelineError as error:
            _log.info("receipt_refused", error=type(error).__name__)
        except Exception as error:  # a fault of this software must look like any other refusal
            log_internal("receipt_failed", error)
        raise PermissionRefused("The vault gives no receipt.", "Fetch the newest directory leaves, then reserve again.")

    def _give(self, opaque: bytes) -> bytes:
        """Check in this order, then sign.

        1. The archive note is cosigned by the roster's witnesses.
        2. Every device entry, from the enroller's down to the sender's, is signed by its issuer and included there.
        3. The reservation is the sender device's, in force now, and names this vault's firm.
        4. The device does not ask too often.
        5. The slot opens to the q behind cq.
        """
        self.keyring.require_whole()
        request = parse(wire.ReceiptRequest, opaque, limit=MAX_REQUEST, what="receipt request")
        note = self.keyring.chain.verify_archive_note(request.note)  # 1
        device = self._device(request, note)  # 2
        reservation = self._reservation(request, device)  # 3
        self.rates.take("receipt", device.entry_hash, PER_MINUTE)  # 4
        private = self.keyring.by_id(request.v_key_id)
        open_vault_slot(private, request.v_key_id, reservation.reservation_hash, request.slot, request.cq)  # 5
        slot_hash = vault_slot_hash(request.slot)
        receipt = sign_receipt(self.key, reservation.reservation_hash, request.v_key_id, request.cq, slot_hash)
        return encode(wire.ReceiptResponse(receipt=SignedObject.FromString(receipt)))

    def _device(self, request: wire.ReceiptRequest, note: CosignedCheckpoint) -> VerifiedDevice:
        if not 0 < len(request.devices) <= MAX_CHAIN:
            raise MalformedInput("The device's issuers are none or too many.")
        issuer: IssuerView = self._enroller(request.devices[-1])
        for link in reversed(request.devices):
            device = verify_device_entry(encode(link.object), issuer)
            _require_included(link, device, note)
            issuer = device
        require_device_valid(device, self.clock())
        return device

    def _enroller(self, link: wire.DirectoryProof) -> EnrollerView:
        """Return the enroller whom the entry names; one of an earlier roster may have signed it."""
        entry = parse_device_entry(encode(link.object)).entry
        chain = self.keyring.chain
        known = {key for version in range(1, len(chain) + 1) for key in chain.at(version).enroller_keys()}
        require(entry.issuer in known, Rule.DEVICE_ISSUER, "The device's first issuer is no enroller.")
        roster = chain.current
        return EnrollerView(roster.deployment, roster.organisation, entry.issuer)

    def _reservation(self, request: wire.ReceiptRequest, device: VerifiedDevice) -> VerifiedReservation:
        reservation = verify_reservation(encode(request.reservation), device, self.clock())
        require(
            self.keyring.chain.current.organisation in reservation.firms,
            Rule.RESERVATION_BINDING,
            "The reservation does not name this vault's firm.",
        )
        return reservation


def _require_included(link: wire.DirectoryProof, device: VerifiedDevice, note: CosignedCheckpoint) -> None:
    leaf = parse(Leaf, link.leaf, limit=LEAF_BYTES, what="leaf")
    require(
        (leaf.type, leaf.object_hash) == (LeafType.LEAF_TYPE_DEVICE, device.entry_hash),
        Rule.LEAF_TAG,
        "The leaf is not the device entry's.",
    )
    verify_inclusion(leaf_hash(link.leaf), link.index, note.size, link.proof, note.root)
