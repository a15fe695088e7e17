"""Activation answers and the certificate, which every custodian derives for itself from the same messages."""

from __future__ import annotations

from collections.abc import Mapping

from tapeline.base.hashing import tagged_hash
from tapeline.base.rules import Rule, require
from tapeline.crypto.activation import ACTIVATION_BYTES, ActivationAnswer, ActivationChallenge, verify_activation
from tapeline.crypto.ceremony import escrow_key_id, vault_key_id
from tapeline.crypto.cocktail.transcript import Transcript
from tapeline.crypto.signing import SigningKey
from tapeline.custodian.ceremony.call import Call
from tapeline.governance.certificate import CertifiedCustodian, EscrowCertificate
from tapeline.governance.dsse import add_signature, attach_signature, parse_envelope, signer

NONCE_BYTES = 32


def verified_answers(call: Call, transcript: Transcript, payloads: Mapping[int, bytes]) -> dict[int, bytes]:
    """Return the hash of each activation answer, having verified all of them.

    Args:
        call: the ceremony.
        transcript: verified.
        payloads: nonce 32 ‖ answer 96, by index.

    Raises:
        Refused: DKG-8 with its culprit.
    """
    shares = transcript.verification_shares()
    for index, payload in payloads.items():
        custodian = call.custodians[index - 1]
        require(
            len(payload) == NONCE_BYTES + ACTIVATION_BYTES,
            Rule.ACTIVATION,
            "An activation answer has a wrong length.",
            culprit=custodian,
        )
        challenge = ActivationChallenge(transcript.digest(), custodian, payload[:NONCE_BYTES])
        verify_activation(ActivationAnswer.decode(payload[NONCE_BYTES:]), shares[index - 1], challenge)
    return {index: tagged_hash("activation-answer", payload) for index, payload in payloads.items()}


def draft_certificate(
    call: Call, transcript: Transcript, success: Mapping[int, bytes], activation: Mapping[int, bytes]
) -> bytes:
    """Return the certificate's envelope without signatures: the same bytes at every custodian."""
    key_id = escrow_key_id(transcript.group_key, transcript.digest())
    shares = transcript.verification_shares()
    holders = tuple(
        CertifiedCustodian(
            id=custodian,
            index=index,
            verification_share=shares[index - 1].encode(),
            host_public=transcript.host_keys[index - 1].encode(),
            success_signature=success[index],
            activation_hash=activation[index],
        )
        for index, custodian in enumerate(call.custodians, 1)
    )
    certificate = EscrowCertificate(
        deployment=call.roster.deployment,
        firm=call.parameters.firm,
        epoch=call.parameters.epoch,
        retention_class=call.parameters.retention_class,
        threshold=call.parameters.threshold,
        roster=call.roster.statement_hash,
        custodians=holders,
        escrow_key=transcript.group_key.encode(),
        transcript=transcript.encode(),
        escrow_key_id=key_id,
        v_public=call.vault.encode(),
        v_key_id=vault_key_id(call.vault.encode(), key_id),
        active_from_ms=call.active_from_ms,
        not_after_ms=call.not_after_ms,
    )
    return certificate.sign([])


def sign_draft(draft: bytes, key: SigningKey) -> bytes:
    """Return this custodian's 64-byte signature of the certificate."""
    envelope = parse_envelope(add_signature(draft, signer(key)), EscrowCertificate.kind)
    return envelope.signatures[0].value


def with_signatures(call: Call, draft: bytes, signatures: Mapping[int, bytes]) -> bytes:
    """Return the certificate's envelope with every custodian's signature.

    Raises:
        Refused: ESC-1 with its culprit, where one does not verify.
    """
    for index, value in signatures.items():
        draft = attach_signature(draft, call.keys[index - 1], value)
        require(
            parse_envelope(draft, EscrowCertificate.kind).signed_by(call.keys[index - 1]),
            Rule.ESCROW_CERTIFICATE,
            "A custodian's signature of the certificate does not verify.",
            culprit=call.custodians[index - 1],
        )
    return draft
