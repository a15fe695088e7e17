"""Round 2: check every round-1 message, open and check the shares, and sum them (Round 2: steps 1 to 4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from tapeline.base.errors import CryptoFailure
from tapeline.base.rules import Rule, require
from tapeline.crypto.cocktail.framing import frame
from tapeline.crypto.cocktail.round1 import Round1Message, check_message
from tapeline.crypto.cocktail.setup import Setup
from tapeline.crypto.cocktail.shares import Channel, ChannelSecrets, OpenedShare, open_share
from tapeline.crypto.cocktail.transcript import Transcript
from tapeline.crypto.group import Point, Scalar, sum_scalars
from tapeline.crypto.shamir import KeyShare, evaluate_in_exponent


@final
@dataclass(frozen=True, slots=True)
class Outcome:
    """What a participant holds after round 2. `share`, `payloads` and `bundle` never leave the machine.

    `bundle` holds the framed ciphertexts addressed to this participant: with the host secret it gives the share back,
    so it is destroyed with the share.
    """

    share: KeyShare
    transcript: Transcript
    payloads: Mapping[int, bytes]
    bundle: bytes

    def __repr__(self) -> str:
        return f"<Outcome of participant {self.share.index}, redacted>"


def receive(setup: Setup, host_secret: Scalar, messages: Mapping[int, Round1Message], extension: bytes) -> Outcome:
    """Return this participant's share, or refuse under DKG-1 to DKG-4 and name the culprit.

    `messages` are all n round-1 messages by index, one's own too; `extension` goes into the transcript.
    """
    require(
        set(messages) == set(setup.indices),
        Rule.DKG_INDEX,
        f"Round 1 does not have one message from each of the participants 1 to {setup.count}.",
    )
    for sender in setup.indices:
        check_message(setup, sender, messages[sender])
    recipient = setup.index_of(host_secret)
    transcript = Transcript.of(setup, messages, extension)
    ciphertexts = tuple(messages[sender].ciphertexts[recipient - 1] for sender in setup.indices)
    return open_shares(transcript, host_secret, recipient, ciphertexts)


def open_shares(transcript: Transcript, host_secret: Scalar, recipient: int, ciphertexts: tuple[bytes, ...]) -> Outcome:
    """Open, check and sum one participant's n shares: for round 2 and for recovery, which must agree."""
    opened = {
        sender: _open_one(transcript, host_secret, sender, recipient, ciphertext)
        for sender, ciphertext in enumerate(ciphertexts, 1)
    }
    share = KeyShare(recipient, sum_scalars(one.share for one in opened.values()))
    if share.public != transcript.verification_shares()[recipient - 1]:  # Round 2, step 4.4: a fault of this software
        raise CryptoFailure("The summed share is not the one the commitments promise.", "Abort, and report a fault.")
    payloads = {sender: one.payload for sender, one in opened.items()}
    return Outcome(share, transcript, payloads, frame(ciphertexts))


def _open_one(
    transcript: Transcript, host_secret: Scalar, sender: int, recipient: int, ciphertext: bytes
) -> OpenedShare:
    ephemeral, sender_key = transcript.ephemerals[sender - 1], transcript.host_keys[sender - 1]
    secrets = ChannelSecrets(ephemeral.mul(host_secret), sender_key.mul(host_secret))
    channel = Channel(ephemeral, sender_key, transcript.host_keys[recipient - 1], transcript.context)
    opened = open_share(secrets, channel, ciphertext)
    require(
        opened is not None and share_holds(opened.share, recipient, transcript.commitments[sender - 1]),
        Rule.DKG_SHARE,
        "An encrypted share does not open, or is not the one that its dealer committed to.",
        culprit=str(sender),
    )
    if opened is None:
        raise CryptoFailure("An encrypted share does not open.")
    return opened


def share_holds(share: Scalar, index: int, commitments: tuple[Point, ...]) -> bool:
    """Tell whether s B = Σ i^k C_k (Feldman 1987; Round 2, step 3.4)."""
    try:
        return share.base_mul() == evaluate_in_exponent(commitments, index)
    except CryptoFailure:  # the commitments sum to the identity: the dealer chose f(i) = 0
        return False
