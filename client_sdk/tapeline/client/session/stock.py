"""The stock of vault receipts, fetched ahead of time: opening a session does not wait for a vault."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from tapeline.base.rules import Rule, require
from tapeline.base.times import HOUR
from tapeline.client.device import Device
from tapeline.client.faults import as_error
from tapeline.client.store import stock
from tapeline.client.store.stock import Stocked
from tapeline.client.transport.methods import PROVE, RESERVE
from tapeline.crypto.limits import RESERVATION_ASK_MS
from tapeline.crypto.receipt import vault_slot_hash, verify_receipt
from tapeline.crypto.record.facts import EscrowFact
from tapeline.crypto.reservation import PendingReservation, VaultTarget, make_reservation
from tapeline.crypto.wire import decode, encode
from tapeline.transparency.cosigned import CosignedCheckpoint
from tapeline.wire.v1.common_pb2 import ProofRequest
from tapeline.wire.v1.escrow_pb2 import DirectoryProof, ReceiptRequest, ReceiptResponse
from tapeline.wire.v1.objects_pb2 import SignedObject
from tapeline.wire.v1.relay_pb2 import ReserveRequest

KEPT = 3
_MARGIN_MS = HOUR


class ReceiptStock:
    """Keeps a few reservations with receipts for each set of firms that this device talks to."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._stock: list[Stocked] = []
        self._refilling: set[asyncio.Task[None]] = set()
        self._lock = asyncio.Lock()

    async def restore(self) -> None:
        """Load what the store holds."""
        self._stock = await self._device.database.run(stock.load_all)

    async def take(self, keys: Sequence[EscrowFact]) -> Stocked:
        """Return a reservation for these firms' current keys, fetched now where none is in stock.

        It is out of the stock in memory; the caller removes its row in the transaction that stores the record.
        """
        await self._drop_expired()
        for place, one in enumerate(self._stock):
            if _matches(one, keys):
                del self._stock[place]
                self._refill(keys)
                return one
        async with self._lock:
            fetched = await self._fetch(keys)
        self._refill(keys)
        return fetched

    def close(self) -> None:
        """Stop refilling."""
        for task in self._refilling:
            task.cancel()

    def _refill(self, keys: Sequence[EscrowFact]) -> None:
        if not self._refilling:
            task = asyncio.create_task(self._fill(tuple(keys)))
            self._refilling.add(task)
            task.add_done_callback(self._refilling.discard)

    async def _fill(self, keys: Sequence[EscrowFact]) -> None:
        # A vault that is busy or away is met again when a session needs it; sending then tells why.
        try:
            async with self._lock:
                while sum(_matches(one, keys) for one in self._stock) < KEPT:
                    fetched = await self._fetch(keys)
                    await self._device.database.run(partial(stock.add, stocked=fetched))
                    self._stock.append(fetched)
        except Exception as fault:
            as_error("Refilling the stock of receipts", fault)

    async def _drop_expired(self) -> None:
        limit = self._device.clock() + _MARGIN_MS
        gone = [one for one in self._stock if one.reservation.expires_ms < limit]
        if gone:
            self._stock = [one for one in self._stock if one.reservation.expires_ms >= limit]
            for one in gone:
                await self._device.database.run(partial(stock.remove, session_id=one.reservation.session_id))

    async def _fetch(self, keys: Sequence[EscrowFact]) -> Stocked:
        device = self._device
        targets = [VaultTarget(key.firm, key.v_key_id, key.v_public) for key in keys]
        pending = make_reservation(
            device.key,
            device.entry.entry_hash,
            device.entry.deployment,
            targets,
            device.clock() + RESERVATION_ASK_MS,
            device.rng,
        )
        note, proofs = await self._own_proofs()
        receipts = [
            await self._receipt(pending, key, slot, note, proofs)
            for key, slot in zip(_by_firm(keys), pending.slots, strict=True)
        ]
        return Stocked(pending, tuple(receipts))

    async def _receipt(
        self,
        pending: PendingReservation,
        key: EscrowFact,
        slot: bytes,
        note: CosignedCheckpoint,
        proofs: list[DirectoryProof],
    ) -> bytes:
        request = ReceiptRequest(
            reservation=SignedObject.FromString(pending.reservation),
            slot=slot,
            cq=pending.cq,
            devices=proofs,
            note=note.raw,
            v_key_id=key.v_key_id,
        )
        answer = await self._device.caller.call(RESERVE, ReserveRequest(firm=key.firm, opaque=encode(request)))
        receipt = encode(decode(ReceiptResponse, answer.opaque, what="vault's answer").receipt)
        named = verify_receipt(
            receipt,
            key.vault_signer,
            reservation_hash=pending.reservation_hash,
            v_key_id=key.v_key_id,
            cq=pending.cq,
        )
        require(named == vault_slot_hash(slot), Rule.VAULT_SLOT_HASH, "The receipt names another slot than was sent.")
        return receipt

    async def _own_proofs(self) -> tuple[CosignedCheckpoint, list[DirectoryProof]]:
        """Return a note and the proofs of the own entry and its issuers up to the enroller: the vault asks no relay."""
        directory = self._device.directory
        note = await directory.fresh_note()
        chain = directory.entry_chain(self._device.entry.entry_hash)
        answer = await self._device.caller.call(
            PROVE, ProofRequest(indices=[row.leaf_index for row in chain], size=note.size)
        )
        return note, [
            DirectoryProof(
                index=row.leaf_index,
                leaf=row.leaf,
                object=SignedObject.FromString(row.object),
                proof=proof.hashes,
            )
            for row, proof in zip(chain, answer.proofs, strict=True)
        ]


def _by_firm(keys: Sequence[EscrowFact]) -> list[EscrowFact]:
    return sorted(keys, key=lambda key: key.firm)


def _matches(stocked: Stocked, keys: Sequence[EscrowFact]) -> bool:
    """Tell whether a reservation is for exactly these firms and their current vault keys."""
    ordered = _by_firm(keys)
    firms, v_key_ids = tuple(key.firm for key in ordered), tuple(key.v_key_id for key in ordered)
    return (stocked.reservation.firms, stocked.reservation.v_key_ids) == (firms, v_key_ids)
