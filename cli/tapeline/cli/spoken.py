"""Fingerprints that people read aloud to one another before they sign or trust a file."""

from __future__ import annotations

from tapeline.crypto.words import fingerprint_words
from tapeline.governance.certificate import EscrowCertificate
from tapeline.governance.roster import Roster


def roster_words(roster: Roster) -> str:
    """Return the words of a roster's statement hash, the same before and after signatures."""
    return pin_words(roster.statement_hash)


def pin_words(statement_hash: bytes) -> str:
    """Return the words of the roster with that statement hash, which a folder may pin without holding it."""
    return " ".join(fingerprint_words("roster", statement_hash))


def escrow_key_words(certificate: EscrowCertificate) -> str:
    """Return the words of a certified escrow key."""
    return " ".join(fingerprint_words("escrow-key", certificate.escrow_key))


def statement_words(kind: str, data: bytes) -> str | None:
    """Return the words of what a signed file names; None for a kind that has none."""
    if kind == Roster.kind:
        return roster_words(Roster.parse(data))
    return escrow_key_words(EscrowCertificate.parse(data)) if kind == EscrowCertificate.kind else None
