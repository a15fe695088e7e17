"""Certified escrow keys of the firms, and which of them is the current one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tapeline.base.rules import Refused, Rule, require
from tapeline.crypto.group import Point
from tapeline.crypto.record.facts import EscrowFact
from tapeline.directory.revocations import Revocations
from tapeline.directory.rosters import Rosters
from tapeline.governance.certificate import EscrowCertificate, verify_certificate
from tapeline.governance.person import Person
from tapeline.governance.roster import Roster


@dataclass(frozen=True, slots=True)
class _Logged:
    index: int
    certificate: EscrowCertificate


class EscrowKeys:
    """Certificates by firm, in the order of the log."""

    def __init__(self, rosters: Rosters, revocations: Revocations) -> None:
        self._rosters = rosters
        self._revocations = revocations
        self._by_firm: dict[str, list[_Logged]] = {}
        self._points: set[Point] = set()
        self._v_keys: set[bytes] = set()

    def verify(self, obj: bytes, is_prekey: Callable[[Point, bytes], bool]) -> EscrowCertificate:
        """Return the certificate of a key that is new, by the firm's newest roster, of a newer epoch of its class.

        Args:
            obj: DSSE.
            is_prekey: tells whether some prekey has a point or an HPKE key.

        Raises:
            Refused: DSSE_SYNTAX or ESCROW_CERTIFICATE.
        """
        firm = EscrowCertificate.parse(obj).firm
        if not self._rosters.knows(firm):
            raise Refused(Rule.ESCROW_CERTIFICATE, "The certificate is of a firm without a roster.")
        roster = self._rosters.current(firm)
        certificate = verify_certificate(obj, roster)
        self._require_signers_unrevoked(obj, certificate, roster)
        require(
            not self.has_key(certificate.point, certificate.v_public)
            and not is_prekey(certificate.point, certificate.v_public),
            Rule.ESCROW_CERTIFICATE,
            "The escrow or vault key equals one of another certificate, or a prekey.",
        )
        epochs = [one.certificate.epoch for one in self._of_class(firm, certificate.retention_class)]
        require(
            certificate.epoch > max(epochs, default=0),
            Rule.ESCROW_CERTIFICATE,
            "The certificate's epoch does not follow the newest one of its class.",
        )
        return certificate

    def _require_signers_unrevoked(self, obj: bytes, certificate: EscrowCertificate, roster: Roster) -> None:
        """Refuse a holder who is revoked, and count no officer who is; a roster lists both until its next version."""
        officers = {one.key for one in roster.with_role("officer") if not self._is_revoked(one, roster)}
        holders = [roster.find(one.id) for one in certificate.custodians]
        require(
            not any(one is None or self._is_revoked(one, roster) for one in holders)
            and len(EscrowCertificate.envelope(obj).signers(officers)) >= roster.thresholds.officers,
            Rule.ESCROW_CERTIFICATE,
            "A signer of the certificate is revoked.",
        )

    def _is_revoked(self, person: Person, roster: Roster) -> bool:
        firm = roster.organisation
        return self._revocations.covers(firm, "person", person.id) or self._revocations.covers(firm, "key", person.key)

    def add(self, index: int, certificate: EscrowCertificate) -> None:
        """Take a verified certificate."""
        self._by_firm.setdefault(certificate.firm, []).append(_Logged(index, certificate))
        self._points.add(certificate.point)
        self._v_keys.add(certificate.v_public)

    def has_key(self, point: Point, hpke_public: bytes) -> bool:
        """Tell whether some certificate has this E or this V."""
        return point in self._points or hpke_public in self._v_keys

    def facts(self, firm: str, *, below: int, at_ms: int) -> list[EscrowFact]:
        """Return the firm's keys certified below an index, superseded or not as of `at_ms`."""
        logged = [one for one in self._by_firm.get(firm, []) if one.index < below]
        vault_signer = self._rosters.current(firm, below=below).vault_key if logged else b""
        return [self._fact(one, logged, at_ms, vault_signer) for one in logged]

    def certificate(self, certificate_hash: bytes) -> EscrowCertificate | None:
        """Return a certificate by its statement hash."""
        return self._find(lambda one: one.statement_hash == certificate_hash)

    def by_key_id(self, key_id: bytes) -> EscrowCertificate | None:
        """Return the certificate of an escrow key."""
        return self._find(lambda one: one.escrow_key_id == key_id)

    def _find(self, wanted: Callable[[EscrowCertificate], bool]) -> EscrowCertificate | None:
        everything = (one.certificate for logged in self._by_firm.values() for one in logged)
        return next((one for one in everything if wanted(one)), None)

    def _of_class(self, firm: str, retention_class: str) -> list[_Logged]:
        return [one for one in self._by_firm.get(firm, []) if one.certificate.retention_class == retention_class]

    def _fact(self, one: _Logged, logged: list[_Logged], at_ms: int, vault_signer: bytes) -> EscrowFact:
        certificate = one.certificate
        superseded = any(
            other.certificate.retention_class == certificate.retention_class
            and other.certificate.epoch > certificate.epoch
            and other.certificate.active_from_ms <= at_ms
            for other in logged
        )
        return EscrowFact(
            firm=certificate.firm,
            key_id=certificate.escrow_key_id,
            point=certificate.point,
            v_key_id=certificate.v_key_id,
            v_public=certificate.vault_public,
            retention_class=certificate.retention_class,
            epoch=certificate.epoch,
            active_from_ms=certificate.active_from_ms,
            not_after_ms=certificate.not_after_ms,
            certificate_hash=certificate.statement_hash,
            leaf_index=one.index,
            superseded=superseded,
            revoked_index=self._revoked(certificate, vault_signer),
            vault_signer=vault_signer,
        )

    def _revoked(self, certificate: EscrowCertificate, vault_signer: bytes) -> int | None:
        """Return the first leaf that revokes E, V, or the key that signs the vault's receipts."""
        found = (
            self._revocations.index_of(certificate.firm, "key", vault_signer),
            self._revocations.index_of(certificate.firm, "escrow-key", certificate.escrow_key_id),
            self._revocations.index_of(certificate.firm, "vault-key", certificate.v_key_id),
        )
        return min((index for index in found if index is not None), default=None)
