"""A vault over the governance kit's archive: its real store, keyring and services, and requests of real devices."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from gov_kit import CLASS, DEPLOYMENT, Archive, Member, key, sign_certificate, sign_roster

from tapeline.agent.sealed_store import SealedStore
from tapeline.base.secret import Secret
from tapeline.base.times import DAY
from tapeline.crypto.reservation import PendingReservation, VaultTarget, make_reservation
from tapeline.crypto.wire import encode
from tapeline.directory.state import DIRECTORY_TYPES
from tapeline.governance.certificate import EscrowCertificate
from tapeline.rpc.rate import RateLimiter
from tapeline.vault.keyring import Keyring
from tapeline.vault.keys import VaultKeys
from tapeline.vault.receipts import Receipts
from tapeline.vault.release import Releaser
from tapeline.wire.v1 import escrow_pb2 as wire
from tapeline.wire.v1.objects_pb2 import SignedObject
from tapeline.wire.v1.relay_pb2 import DirectoryItem, SyncPage


@dataclass
class VaultUnderTest:
    """The parts of one vault."""

    keys: VaultKeys
    keyring: Keyring
    receipts: Receipts
    releaser: Releaser


def make_vault(archive: Archive, folder: Path, clock: object) -> VaultUnderTest:
    """A vault of "acme" whose V is the archive's certified one, with everything learnt."""
    certificate = archive.certificates["acme"]
    store = SealedStore(folder / "vault.db", Secret(bytes(32)), secrets.token_bytes)
    store.put({f"seed/{certificate.epoch}/{CLASS}": archive.vault_seed(certificate).reveal()})
    roster = archive.rosters["acme"]
    keys = VaultKeys(key("acme/vault"), store)
    own = keys.roster.public
    keyring = Keyring(store, roster.statement_hash, clock, secrets.token_bytes, own_key=own)  # type: ignore[arg-type]
    keyring.learn([sign_roster(roster)], [sign_certificate(certificate)])
    receipts = Receipts(keys.roster, keyring, RateLimiter(clock), clock)  # type: ignore[arg-type]
    return VaultUnderTest(keys, keyring, receipts, Releaser(keys, keyring, roster, clock))  # type: ignore[arg-type]


def reserve(archive: Archive, member: Member, certificate: EscrowCertificate, **changes: object) -> PendingReservation:
    """A reservation of the member's device at this firm's vault."""
    target = VaultTarget("acme", certificate.v_key_id, certificate.vault_public)
    expires = changes.get("expires_ms", archive.now_ms + 6 * DAY)
    return make_reservation(member.key, member.device.entry_hash, DEPLOYMENT, [target], expires, archive.rng)  # type: ignore[arg-type]


def receipt_request(archive: Archive, member: Member, pending: PendingReservation) -> wire.ReceiptRequest:
    """What the member's client sends: the device's entry, proven in the newest cosigned note."""
    entry = member.device.entry_hash
    index = next(place for place, (leaf, _) in enumerate(archive.leaves) if leaf.object_hash == entry)
    proof = wire.DirectoryProof(
        index=index,
        leaf=archive.log.entries[index],
        object=SignedObject.FromString(archive.leaves[index][1]),
        proof=archive.log.proof(index),
    )
    return wire.ReceiptRequest(
        reservation=SignedObject.FromString(pending.reservation),
        slot=pending.slots[0],
        cq=pending.cq,
        devices=[proof],
        note=archive.log.note(archive.now_ms),
        v_key_id=pending.v_key_ids[0],
    )


def pages_of(archive: Archive) -> list[bytes]:
    """The archive's directory as one carried page."""
    note = archive.log.note(archive.now_ms)
    items = [
        DirectoryItem(index=index, leaf=archive.log.entries[index], object=obj, proof=archive.log.proof(index))
        for index, (leaf, obj) in enumerate(archive.leaves)
        if leaf.type in DIRECTORY_TYPES
    ]
    return [encode(SyncPage(note=note, items=items, next=len(archive.log.entries)))]
