"""Bundles: what a custodian or the vault releases, sealed to the fresh key inside the case and to nothing else."""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.message import Message

from tapeline.base.errors import CryptoFailure
from tapeline.base.hashing import tagged_hash, u64
from tapeline.base.rules import Rule, require
from tapeline.crypto.hpke import HpkePublic, seal
from tapeline.crypto.hpke_open import HpkePrivate, open_sealed
from tapeline.crypto.wire import encode, parse

M = TypeVar("M", bound=Message)
VAULT = "vault"
"""Who the vault is in a bundle's `info`; roster ids of custodians are other people's."""
NO_EPOCH = 0
MAX_BUNDLE = 8 * 1024 * 1024


def bundle_info(case_hash: bytes, warrant_leaf: bytes, who: str, epoch: int) -> bytes:
    """Return H("bundle", case, warrant leaf, who, epoch), 64 bytes (protocol, Partial decryption and opening)."""
    return tagged_hash("bundle", case_hash, warrant_leaf, who.encode(), u64(epoch))


def seal_bundle(to: HpkePublic, info: bytes, bundle: Message) -> bytes:
    """Return the sealed bundle."""
    return seal(to, info, encode(bundle))


def open_bundle(case_key: HpkePrivate, info: bytes, sealed: bytes, kind: type[M], *, culprit: str) -> M:
    """Return a bundle's content.

    Raises:
        Refused: PAR-4, naming `culprit`, where it is sealed to another key, case, warrant, party or epoch.
    """
    opened = _opened(case_key, info, sealed)
    require(opened is not None, Rule.BUNDLE_KEY, "A bundle is not sealed to this case's key.", culprit=culprit)
    return parse(kind, opened or b"", limit=MAX_BUNDLE, what="bundle")


def _opened(case_key: HpkePrivate, info: bytes, sealed: bytes) -> bytes | None:
    try:
        return open_sealed(case_key, info, sealed)
    except CryptoFailure:
        return None
