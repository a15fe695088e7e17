"""The certificate of an escrow key E and its vault key V: the ceremony's transcript, signed by all who hold a share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

from tapeline.base.ed25519 import SIGNATURE_BYTES
from tapeline.base.hashing import HASH_BYTES
from tapeline.base.rules import Rule, refusing, require
from tapeline.crypto.ceremony import escrow_key_id, vault_key_id
from tapeline.crypto.cocktail.certificate import verify_certificate as verify_success
from tapeline.crypto.cocktail.transcript import Transcript
from tapeline.crypto.group import POINT_BYTES, Point
from tapeline.crypto.hpke import HpkePublic
from tapeline.crypto.shamir import MAX_PARTICIPANTS
from tapeline.governance.dsse import Envelope
from tapeline.governance.jsonform import Fields, Json
from tapeline.governance.person import HPKE_PUBLIC_BYTES
from tapeline.governance.roster import DEPLOYMENT_BYTES, Roster
from tapeline.governance.statement import STATEMENT_HASH_BYTES, Statement

MAX_EPOCH = 2**32
MAX_TRANSCRIPT = 1024 * 1024


@dataclass(frozen=True, slots=True)
class CertifiedCustodian:
    """A holder of a share.

    Attributes:
        id: roster id.
        index: 1 to n.
        verification_share: Y_j, 32 bytes.
        host_public: the host key of this ceremony, 32 bytes.
        success_signature: over the transcript, under the host key, 64 bytes.
        activation_hash: hash of the activation answer, 64 bytes; the answer itself is on the ceremony's board.
    """

    id: str
    index: int
    verification_share: bytes
    host_public: bytes
    success_signature: bytes
    activation_hash: bytes

    def payload(self) -> dict[str, Json]:
        """Return the JSON row."""
        return {
            "id": self.id,
            "index": self.index,
            "verification_share": self.verification_share.hex(),
            "host_public": self.host_public.hex(),
            "success_signature": self.success_signature.hex(),
            "activation_hash": self.activation_hash.hex(),
        }

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Build the custodian from a JSON row."""
        return cls(
            id=fields.name("id"),
            index=fields.integer("index", 1, MAX_PARTICIPANTS),
            verification_share=fields.hex("verification_share", POINT_BYTES),
            host_public=fields.hex("host_public", POINT_BYTES),
            success_signature=fields.hex("success_signature", SIGNATURE_BYTES),
            activation_hash=fields.hex("activation_hash", HASH_BYTES),
        )


@dataclass(frozen=True)
class EscrowCertificate(Statement):
    """One escrow key of a firm, epoch and retention class; believed only from `verify_certificate`.

    Attributes:
        roster: statement hash of the roster whose custodians and officers sign.
        custodians: in the order of their indices, 1 to n.
        escrow_key: E, 32 bytes.
        transcript: COCKTAIL's T.
        escrow_key_id, v_key_id: 64 bytes, stable for life.
        v_public: HPKE key of the vault, 1216 bytes.
        active_from_ms, not_after_ms: when senders may use it.
    """

    kind: ClassVar[str] = "escrow-key"

    deployment: bytes
    firm: str
    epoch: int
    retention_class: str
    threshold: int
    roster: bytes
    custodians: tuple[CertifiedCustodian, ...]
    escrow_key: bytes
    transcript: bytes
    escrow_key_id: bytes
    v_public: bytes
    v_key_id: bytes
    active_from_ms: int
    not_after_ms: int

    def payload(self) -> dict[str, Json]:
        """Return the JSON object that custodians and officers sign."""
        return {
            "deployment": self.deployment.hex(),
            "firm": self.firm,
            "epoch": self.epoch,
            "retention_class": self.retention_class,
            "threshold": self.threshold,
            "roster": self.roster.hex(),
            "custodians": [custodian.payload() for custodian in self.custodians],
            "escrow_key": self.escrow_key.hex(),
            "transcript": self.transcript.hex(),
            "escrow_key_id": self.escrow_key_id.hex(),
            "v_public": self.v_public.hex(),
            "v_key_id": self.v_key_id.hex(),
            "active_from_ms": self.active_from_ms,
            "not_after_ms": self.not_after_ms,
        }

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Build the certificate from its fields."""
        return cls(
            deployment=fields.hex("deployment", DEPLOYMENT_BYTES),
            firm=fields.name("firm"),
            epoch=fields.integer("epoch", 1, MAX_EPOCH),
            retention_class=fields.name("retention_class"),
            threshold=fields.integer("threshold", 1, MAX_PARTICIPANTS),
            roster=fields.hex("roster", STATEMENT_HASH_BYTES),
            custodians=fields.objects("custodians", CertifiedCustodian.read, limit=MAX_PARTICIPANTS),
            escrow_key=fields.hex("escrow_key", POINT_BYTES),
            transcript=fields.blob("transcript", limit=MAX_TRANSCRIPT),
            escrow_key_id=fields.hex("escrow_key_id", HASH_BYTES),
            v_public=fields.hex("v_public", HPKE_PUBLIC_BYTES),
            v_key_id=fields.hex("v_key_id", HASH_BYTES),
            active_from_ms=fields.integer("active_from_ms"),
            not_after_ms=fields.integer("not_after_ms"),
        )

    @cached_property
    def point(self) -> Point:
        """E as a point."""
        return Point.decode(self.escrow_key)

    @cached_property
    def vault_public(self) -> HpkePublic:
        """V as a key that can be sealed to."""
        return HpkePublic.decode(self.v_public)

    @cached_property
    def verification_shares(self) -> tuple[Point, ...]:
        """Y_1 … Y_n, as `verify_partial` takes them."""
        return tuple(Point.decode(custodian.verification_share) for custodian in self.custodians)

    def custodian(self, identifier: str) -> CertifiedCustodian | None:
        """Return the holder of that roster id."""
        return next((one for one in self.custodians if one.id == identifier), None)


def verify_certificate(envelope: Envelope | bytes, roster: Roster) -> EscrowCertificate:
    """Return the certificate, checked as far as anyone can who was not at the ceremony.

    1. It names this roster, its deployment, its organisation and one of its classes, and has a lifetime.
    2. All its holders are custodians of the roster, numbered 1 to n, and signed it; so did the officers' quorum.
    3. Every host key signed the transcript; E, threshold and verification shares follow from the transcript.
    4. Both key ids follow from E, the transcript and V; V can be sealed to.

    Raises:
        Refused: DSSE_SYNTAX or ESCROW_CERTIFICATE.
    """
    parsed = EscrowCertificate.envelope(envelope)
    certificate = EscrowCertificate.parse(parsed)
    require(_names(certificate, roster), Rule.ESCROW_CERTIFICATE, "The certificate is not this roster's.")  # 1
    require(
        certificate.active_from_ms < certificate.not_after_ms,
        Rule.ESCROW_CERTIFICATE,
        "The certificate's lifetime is empty.",
    )
    _require_signers(certificate, parsed, roster)  # 2
    with refusing(Rule.ESCROW_CERTIFICATE, "The certificate does not follow from its ceremony."):
        _check_ceremony(certificate)  # 3, 4
    return certificate


def _names(certificate: EscrowCertificate, roster: Roster) -> bool:
    named = (certificate.roster, certificate.deployment, certificate.firm)
    own = (roster.statement_hash, roster.deployment, roster.organisation)
    return named == own and certificate.retention_class in roster.classes


def _require_signers(certificate: EscrowCertificate, envelope: Envelope, roster: Roster) -> None:
    people = [roster.find(custodian.id) for custodian in certificate.custodians]
    require(
        len({custodian.id for custodian in certificate.custodians}) == len(people) > 0
        and all(person is not None and "custodian" in person.roles for person in people),
        Rule.ESCROW_CERTIFICATE,
        "The certificate's holders are not distinct custodians of the roster.",
    )
    require(
        all(person is not None and envelope.signed_by(person.key) for person in people),
        Rule.ESCROW_CERTIFICATE,
        "A custodian did not sign the certificate.",
    )
    require(
        roster.has_officers_quorum(envelope), Rule.ESCROW_CERTIFICATE, "Too few officers signed the escrow certificate."
    )


def _check_ceremony(certificate: EscrowCertificate) -> None:
    transcript = Transcript.decode(certificate.transcript)
    verify_success(transcript, {one.index: one.success_signature for one in certificate.custodians})
    claimed = (
        [one.index for one in certificate.custodians],
        tuple(Point.decode(one.host_public) for one in certificate.custodians),
        certificate.verification_shares,
        certificate.threshold,
        certificate.point,
        certificate.escrow_key_id,
        certificate.v_key_id,
    )
    derived = (
        list(range(1, transcript.count + 1)),
        transcript.host_keys,
        transcript.verification_shares(),
        transcript.threshold,
        transcript.group_key,
        escrow_key_id(transcript.group_key, transcript.digest()),
        vault_key_id(certificate.v_public, certificate.escrow_key_id),
    )
    require(claimed == derived, Rule.ESCROW_CERTIFICATE, "A key, share, threshold or id is not the ceremony's.")
