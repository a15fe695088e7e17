"""Round 3, CertEq: everyone signs the same transcript; T and n signatures are the success certificate."""

from __future__ import annotations

from collections.abc import Mapping

from tapeline.base.rules import Rule, require
from tapeline.crypto.cocktail.schnorr import sign, signature_holds
from tapeline.crypto.cocktail.transcript import Transcript
from tapeline.crypto.group import Scalar


def sign_transcript(host_secret: Scalar, transcript: Transcript) -> bytes:
    """Return this participant's 64-byte success signature over T; sign only after round 2 has passed."""
    return sign(host_secret, transcript.encode())


def verify_certificate(transcript: Transcript, signatures: Mapping[int, bytes]) -> None:
    """Refuse (DKG-5) unless each of the n participants signed exactly this transcript; names who did not.

    A signature that fails shows a false signer or a split view; the two transcripts side by side show which.
    """
    encoded = transcript.encode()
    require(
        set(signatures) <= set(range(1, transcript.count + 1)),
        Rule.DKG_INDEX,
        "A success signature is of no participant.",
    )
    for index, host_key in enumerate(transcript.host_keys, 1):
        require(
            signature_holds(host_key, encoded, signatures.get(index, b"")),
            Rule.DKG_TRANSCRIPT,
            "A participant did not sign this view of the ceremony.",
            culprit=str(index),
        )
