"""The vault's word that V is its own: signed under its roster key before a ceremony binds V to E."""

from __future__ import annotations

from tapeline.base.rules import Rule, require
from tapeline.crypto.hpke import HpkePublic
from tapeline.crypto.objects import open_object, seal_object
from tapeline.crypto.signing import SigningKey, verify_signature
from tapeline.crypto.wire import encode
from tapeline.wire.v1.escrow_pb2 import VaultKeyBody

KIND = "vault-key"


def attest_vault_key(key: SigningKey, deployment: bytes, epoch: int, retention_class: str, public: HpkePublic) -> bytes:
    """Return the attestation as a signed object."""
    body = VaultKeyBody(deployment=deployment, epoch=epoch, retention_class=retention_class, v_public=public.encode())
    return seal_object(key, KIND, encode(body))


def verify_vault_key(
    attestation: bytes, vault_public: bytes, *, deployment: bytes, epoch: int, retention_class: str
) -> HpkePublic:
    """Return V, attested for this epoch and class by the vault whose roster key is `vault_public`.

    Raises:
        Refused: SIG-1, ESC-1 (another deployment, epoch or class), PRE-2 (nothing can be sealed to it).
    """
    signed, body = open_object(attestation, VaultKeyBody, what="vault key")
    verify_signature(vault_public, KIND, signed.body, signed.signature, "The vault did not attest its key.")
    require(
        (body.deployment, body.epoch, body.retention_class) == (deployment, epoch, retention_class),
        Rule.ESCROW_CERTIFICATE,
        "The vault's key is for another deployment, epoch or retention class.",
    )
    return HpkePublic.decode(body.v_public)
