"""Where an agent keeps its ceremonies and the shares that came of them."""

from __future__ import annotations

from contextlib import closing

from tapeline.agent.passphrase_store import StoreOpener
from tapeline.base.secret import Secret
from tapeline.crypto.shamir import KeyShare
from tapeline.custodian.ceremony.record import CeremonyRecord
from tapeline.governance.certificate import EscrowCertificate

_CEREMONY = "ceremony/"
_SHARE = "share/"


class CeremonyMemory:
    """Every reading opens the store anew: a step never works from what is only in memory."""

    def __init__(self, store: StoreOpener) -> None:
        self._store = store

    def restore(self, ceremony: bytes) -> CeremonyRecord | None:
        """Return the record of a ceremony from disk, None where there is none."""
        with closing(self._store.open()) as store:
            stored = store.get(_CEREMONY + ceremony.hex())
        return None if stored is None else CeremonyRecord.decode(stored)

    def save(self, record: CeremonyRecord) -> None:
        """Store a record durably; with a certificate, its share too, under the escrow key's id."""
        items = {_CEREMONY + record.ceremony.hex(): record.encode().reveal()}
        if record.certificate and record.kept is not None:
            key_id = EscrowCertificate.parse(record.certificate).escrow_key_id
            items[_SHARE + key_id.hex()] = record.kept.share.to_secret().reveal()
        with closing(self._store.open()) as store:
            store.put(items)

    def keep_share(self, escrow_key_id: bytes, share: KeyShare) -> None:
        """Store a share that was restored from a backup."""
        with closing(self._store.open()) as store:
            store.put({_SHARE + escrow_key_id.hex(): share.to_secret().reveal()})

    def ceremonies(self) -> list[CeremonyRecord]:
        """Return all records."""
        with closing(self._store.open()) as store:
            stored = [store.get(name) for name in store.names(_CEREMONY)]
        return [CeremonyRecord.decode(one) for one in stored if one is not None]

    def share(self, escrow_key_id: bytes) -> KeyShare | None:
        """Return the share of a certified escrow key, None where this agent holds none."""
        with closing(self._store.open()) as store:
            stored = store.get(_SHARE + escrow_key_id.hex())
        return None if stored is None else KeyShare.from_secret(Secret(stored))
