"""The vault's half of a receipt: opening its slot; never importable by the relay."""

from __future__ import annotations

from tapeline.base.errors import CryptoFailure
from tapeline.base.rules import Rule, require
from tapeline.base.secret import Secret
from tapeline.crypto.hpke_open import HpkePrivate, open_sealed
from tapeline.crypto.limits import Q_BYTES
from tapeline.crypto.reservation import hybrid_commitment, vault_slot_info


def open_vault_slot(v_private: HpkePrivate, v_key_id: bytes, reservation_hash: bytes, slot: bytes, cq: bytes) -> Secret:
    """Return the q of a slot, or refuse under VLT-1 a slot that does not hold the q behind cq.

    There is one check and one cause for every way to fail, so that the vault's answers tell nothing about q.
    """
    q = _opened(v_private, vault_slot_info(reservation_hash, v_key_id), slot)
    require(
        len(q) == Q_BYTES and hybrid_commitment(q, reservation_hash) == cq,
        Rule.VAULT_SLOT,
        "The vault slot does not hold the q that cq commits to.",
    )
    return q


def _opened(v_private: HpkePrivate, info: bytes, slot: bytes) -> Secret:
    try:
        return Secret(open_sealed(v_private, info, slot))
    except CryptoFailure:
        return Secret(b"")
