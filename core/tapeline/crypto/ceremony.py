"""The ceremony around COCKTAIL-DKG: what its session id and extension bind, signed messages, key ids, activation.

A ceremony is called under a roster; every custodian announces a fresh host key and a nonce under its roster key; the
nonces make the session id, the session id the context, and every signed round-1 message goes into the extension.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from tapeline.base.ed25519 import SIGNATURE_BYTES
from tapeline.base.errors import MalformedInput
from tapeline.base.hashing import HASH_BYTES, counted, lp, tagged_hash, u64
from tapeline.base.rules import Rule, require
from tapeline.crypto.cocktail.setup import Setup, require_threshold
from tapeline.crypto.group import Point
from tapeline.crypto.signing import SigningKey, signature_holds

NONCE_BYTES = 32
_ANNOUNCE, _ROUND1 = "dkg-announce", "dkg-round1"


@final
@dataclass(frozen=True, slots=True)
class CeremonyParameters:
    """The call to a ceremony; a retry has the next `attempt`, and with it new host keys and nonces."""

    deployment: str
    firm: str
    roster_hash: bytes
    epoch: int
    retention_class: str
    threshold: int
    count: int
    attempt: int

    def __post_init__(self) -> None:
        require_threshold(self.threshold, self.count)
        if len(self.roster_hash) != HASH_BYTES or min(self.epoch, self.attempt) < 0:
            raise MalformedInput("A ceremony's roster hash is not 64 bytes, or its epoch or attempt is negative.")

    def fields(self) -> tuple[bytes, ...]:
        """Return the parts in the order in which every hash of the ceremony takes them."""
        return (
            self.deployment.encode("utf-8"),
            self.firm.encode("utf-8"),
            self.roster_hash,
            u64(self.epoch),
            self.retention_class.encode("utf-8"),
            u64(self.threshold),
            u64(self.count),
            u64(self.attempt),
        )

    def encode(self) -> bytes:
        """Return all parts, counted and length-prefixed."""
        return counted(self.fields())


@final
@dataclass(frozen=True, slots=True)
class Announcement:
    """What custodian `index` announces under its roster key: a fresh host key, never its signing key, and a nonce."""

    index: int
    host_key: Point
    nonce: bytes

    def signed_bytes(self, parameters: CeremonyParameters) -> bytes:
        """Return what the custodian signs as kind "dkg-announce"."""
        return counted([parameters.encode(), u64(self.index), self.host_key.encode(), self.nonce])


def session_id(parameters: CeremonyParameters, nonces: Sequence[bytes]) -> bytes:
    """Return H("ceremony", parameters, every participant's nonce), 64 bytes; the nonces in order of index."""
    if len(nonces) != parameters.count or any(len(nonce) != NONCE_BYTES for nonce in nonces):
        raise MalformedInput("A ceremony does not have one nonce of 32 bytes from every participant.")
    return tagged_hash("ceremony", *parameters.fields(), counted(nonces))


def setup_from(parameters: CeremonyParameters, announcements: Sequence[Announcement]) -> Setup:
    """Return the DKG's setup from n announcements whose signatures were verified; order does not matter."""
    ordered = sorted(announcements, key=lambda announcement: announcement.index)
    require(
        [announcement.index for announcement in ordered] == list(range(1, parameters.count + 1)),
        Rule.DKG_INDEX,
        f"The announcements are not one from each of the participants 1 to {parameters.count}.",
    )
    identity = session_id(parameters, [announcement.nonce for announcement in ordered])
    return Setup(identity, parameters.threshold, tuple(announcement.host_key for announcement in ordered))


def sign_announcement(key: SigningKey, parameters: CeremonyParameters, announcement: Announcement) -> bytes:
    """Return the custodian's signature over its announcement."""
    return key.sign(_ANNOUNCE, announcement.signed_bytes(parameters))


def verify_announcement(
    public: bytes, parameters: CeremonyParameters, announcement: Announcement, signature: bytes
) -> None:
    """Refuse (DKG-7) an announcement that the custodian's roster key did not sign for this ceremony."""
    require(
        len(announcement.nonce) == NONCE_BYTES
        and signature_holds(public, _ANNOUNCE, announcement.signed_bytes(parameters), signature),
        Rule.DKG_ROUND1,
        "A host key was not announced by its custodian for this ceremony.",
        culprit=str(announcement.index),
    )


def sign_round1(key: SigningKey, setup: Setup, index: int, message: bytes) -> bytes:
    """Return the signed round-1 message: message ‖ signature over (context, index, message)."""
    return message + key.sign(_ROUND1, _round1_bytes(setup, index, message))


def verify_round1(public: bytes, setup: Setup, index: int, signed: bytes) -> bytes:
    """Return the message of a signed round-1 message, or refuse it (DKG-7) and name its custodian by index."""
    message, signature = signed[:-SIGNATURE_BYTES], signed[-SIGNATURE_BYTES:]
    require(
        signature_holds(public, _ROUND1, _round1_bytes(setup, index, message), signature),
        Rule.DKG_ROUND1,
        "A round-1 message was not signed by its custodian for this ceremony.",
        culprit=str(index),
    )
    return message


def _round1_bytes(setup: Setup, index: int, message: bytes) -> bytes:
    return lp(setup.context) + u64(index) + lp(message)


def extension(parameters: CeremonyParameters, signed_messages: Sequence[bytes]) -> bytes:
    """Return ext = H("ext", roster hash, parameters, every signed round-1 message), the messages in order of index.

    It puts the ciphertexts, which COCKTAIL's transcript leaves out, under everyone's success signature.
    """
    if len(signed_messages) != parameters.count:
        raise MalformedInput("The extension takes one signed round-1 message from every participant.")
    return tagged_hash("ext", parameters.roster_hash, parameters.encode(), counted(signed_messages))


def escrow_key_id(escrow_key: Point, transcript_hash: bytes) -> bytes:
    """Return H("escrow-key", E, transcript hash), stable for the key's life."""
    return tagged_hash("escrow-key", escrow_key.encode(), transcript_hash)


def vault_key_id(vault_key: bytes, escrow_id: bytes) -> bytes:
    """Return H("vault-key", V, escrow key id), stable for the key's life; V as its 1216 bytes."""
    return tagged_hash("vault-key", vault_key, escrow_id)
