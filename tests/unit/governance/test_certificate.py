"""Escrow certificates: every claim follows from the ceremony, and all who must sign did."""

from __future__ import annotations

from dataclasses import replace

import pytest
from gov_kit import ceremony, hpke, make_certificate, make_roster, sign, sign_certificate, successor

from tapeline.base.rules import Refused, Rule
from tapeline.crypto.shamir import interpolate_points
from tapeline.governance.certificate import EscrowCertificate, verify_certificate

ROSTER = make_roster()
GOOD = make_certificate(ROSTER)
OTHER = make_certificate(ROSTER, epoch=2)


def test_a_real_ceremonys_certificate_is_believed() -> None:
    certificate = verify_certificate(sign_certificate(GOOD), ROSTER)
    assert certificate == GOOD
    shares = dict(enumerate(certificate.verification_shares, start=1))
    assert interpolate_points({2: shares[2], 3: shares[3]}) == certificate.point
    outcomes, _ = ceremony("acme", ROSTER.statement_hash, 1, GOOD.retention_class)
    assert certificate.verification_shares[1] == outcomes[2].share.public
    assert certificate.custodian("cleo") == GOOD.custodians[1]
    assert certificate.custodian("abel") is None


def custodians(position: int, **changes: object) -> dict[str, object]:
    rows = list(GOOD.custodians)
    rows[position] = replace(rows[position], **changes)  # type: ignore[arg-type]
    return {"custodians": tuple(rows)}


@pytest.mark.rule(Rule.ESCROW_CERTIFICATE)
@pytest.mark.parametrize(
    "change",
    [
        {"escrow_key": OTHER.escrow_key},
        {"escrow_key": (1).to_bytes(32, "little")},
        {"transcript": OTHER.transcript},
        {"transcript": GOOD.transcript[:-1]},
        {"escrow_key_id": OTHER.escrow_key_id},
        {"v_key_id": OTHER.v_key_id},
        {"v_public": hpke("another").public().encode()},
        {"v_public": GOOD.v_public[:-32] + bytes(32)},
        {"threshold": 3},
        {"threshold": 1},
        {"deployment": b"e" * 32},
        {"firm": "bolt"},
        {"roster": bytes(64)},
        {"retention_class": "forever"},
        {"not_after_ms": GOOD.active_from_ms},
        {"custodians": GOOD.custodians[:2]},
        {"custodians": GOOD.custodians[::-1]},
        {"custodians": ()},
        custodians(0, verification_share=GOOD.custodians[1].verification_share),
        custodians(0, host_public=GOOD.custodians[1].host_public),
        custodians(0, success_signature=GOOD.custodians[1].success_signature),
        custodians(0, success_signature=OTHER.custodians[0].success_signature),
        custodians(0, index=2),
        custodians(0, id="cleo"),
        custodians(0, id="abel"),
        custodians(0, id="nobody"),
    ],
)
def test_a_certificate_that_does_not_follow_is_refused(change: dict[str, object]) -> None:
    altered = replace(GOOD, **change)  # type: ignore[arg-type]
    names = ("carl", "cleo", "cyra", "olga", "omar", "abel", "nobody")
    envelope = sign(altered, *(f"acme/{name}" for name in names))
    with pytest.raises(Refused) as refusal:
        verify_certificate(envelope, ROSTER)
    assert refusal.value.rule is Rule.ESCROW_CERTIFICATE


@pytest.mark.rule(Rule.ESCROW_CERTIFICATE)
@pytest.mark.parametrize(
    "names",
    [
        ("carl", "cleo", "olga", "omar"),
        ("carl", "cleo", "cyra", "olga"),
        ("carl", "cleo", "cyra"),
        ("olga", "omar"),
        ("carl", "cleo", "cyra", "olga", "abel"),
    ],
)
def test_a_missing_signature_is_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(Refused) as refusal:
        verify_certificate(sign_certificate(GOOD, *names), ROSTER)
    assert refusal.value.rule is Rule.ESCROW_CERTIFICATE


@pytest.mark.rule(Rule.ESCROW_CERTIFICATE)
def test_a_certificate_names_the_roster_that_judges_it() -> None:
    with pytest.raises(Refused) as refusal:
        verify_certificate(sign_certificate(GOOD), successor(ROSTER))
    assert refusal.value.rule is Rule.ESCROW_CERTIFICATE


@pytest.mark.rule(Rule.DSSE_SYNTAX)
@pytest.mark.parametrize("change", [{"epoch": 0}, {"transcript": b""}, {"threshold": 0}, {"v_public": b"short"}])
def test_ill_formed_certificates_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(Refused) as refusal:
        EscrowCertificate.parse(sign_certificate(replace(GOOD, **change)))  # type: ignore[arg-type]
    assert refusal.value.rule is Rule.DSSE_SYNTAX
