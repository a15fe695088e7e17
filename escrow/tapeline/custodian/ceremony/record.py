"""What an agent remembers of a ceremony; sealed in its store, and enough to go on after a crash at any point."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from tapeline.base.errors import CryptoFailure
from tapeline.base.secret import Secret
from tapeline.base.times import Rng
from tapeline.crypto.ceremony import NONCE_BYTES
from tapeline.crypto.group import Scalar
from tapeline.crypto.shamir import KeyShare


@dataclass(frozen=True)
class Kept:
    """What round 2 gave, as it is stored; with the host secret, transcript and bundle give the share back."""

    share: KeyShare = field(repr=False)
    transcript: bytes
    bundle: bytes = field(repr=False)


@dataclass(frozen=True)
class CeremonyRecord:
    """One ceremony of one custodian.

    Attributes:
        ceremony: id on the board, 64 bytes.
        host_secret: d_j, fresh for this ceremony.
        nonce: 32 bytes, announced with the host key.
        messages: the own signed message of each round made so far, to be posted byte by byte.
        kept: None before round 2.
        certificate: the certificate's envelope with the custodians' signatures, once all signed.
    """

    ceremony: bytes
    host_secret: Scalar = field(repr=False)
    nonce: bytes
    messages: Mapping[str, bytes] = field(default_factory=dict)
    kept: Kept | None = None
    certificate: bytes = b""

    @classmethod
    def fresh(cls, ceremony: bytes, rng: Rng) -> Self:
        """Return the record of a ceremony just joined: a new host key, never a signing key."""
        return cls(ceremony, Scalar.random(rng), rng(NONCE_BYTES))

    def with_message(self, round_name: str, message: bytes) -> CeremonyRecord:
        """Return the record with the own message of a round."""
        return replace(self, messages={**self.messages, round_name: message})

    def encode(self) -> Secret:
        """Return the record as JSON, for the sealed store only."""
        fields = {
            "ceremony": self.ceremony.hex(),
            "host_secret": self.host_secret.to_bytes().hex(),
            "nonce": self.nonce.hex(),
            "messages": {name: message.hex() for name, message in self.messages.items()},
            "share": self.kept.share.to_secret().reveal().hex() if self.kept else "",
            "transcript": self.kept.transcript.hex() if self.kept else "",
            "bundle": self.kept.bundle.hex() if self.kept else "",
            "certificate": self.certificate.hex(),
        }
        return Secret(json.dumps(fields, sort_keys=True).encode())

    @classmethod
    def decode(cls, stored: bytes) -> Self:
        """Return the record from the store.

        Raises:
            CryptoFailure: the store holds something else.
        """
        try:
            fields = json.loads(stored)
            messages = {name: bytes.fromhex(message) for name, message in fields["messages"].items()}
            share, transcript, bundle, certificate = (
                bytes.fromhex(fields[name]) for name in ("share", "transcript", "bundle", "certificate")
            )
            ceremony, nonce = bytes.fromhex(fields["ceremony"]), bytes.fromhex(fields["nonce"])
            host_secret = Scalar.decode(bytes.fromhex(fields["host_secret"]))
        except (ValueError, KeyError, AttributeError, TypeError):
            raise CryptoFailure("The agent's record of the ceremony is damaged.", "Restore its backup.") from None
        kept = Kept(KeyShare.from_secret(Secret(share)), transcript, bundle) if share else None
        return cls(ceremony, host_secret, nonce, messages, kept, certificate)
