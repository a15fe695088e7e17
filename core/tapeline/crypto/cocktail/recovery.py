"""Recovery of a share from the host secret, the success certificate and the ciphertexts (Recovery Algorithm)."""

from __future__ import annotations

from collections.abc import Mapping

from tapeline.base.errors import StateError
from tapeline.crypto.cocktail.certificate import verify_certificate
from tapeline.crypto.cocktail.framing import parse_bundle
from tapeline.crypto.cocktail.round2 import Outcome, open_shares
from tapeline.crypto.cocktail.transcript import Transcript
from tapeline.crypto.group import Scalar


def recover(host_secret: Scalar, transcript: bytes, signatures: Mapping[int, bytes], bundle: bytes) -> Outcome:
    """Return the outcome that round 2 gave; any byte that was changed since aborts.

    Destroying a share means destroying host secret and bundle too, because of this function.
    """
    parsed = Transcript.decode(transcript)
    verify_certificate(parsed, signatures)
    own = host_secret.base_mul()
    found = [index for index, key in enumerate(parsed.host_keys, 1) if key == own]
    if len(found) != 1:  # step 3: zero or several indices abort
        raise StateError("This host key takes no part in the ceremony.", "Use the key announced for it.")
    return open_shares(parsed, host_secret, found[0], parse_bundle(bundle, parsed.count))
