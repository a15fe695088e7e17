"""Round 1 of a dealer: draw a polynomial, commit, prove possession of its constant term, encrypt a share to each."""

from __future__ import annotations

from collections.abc import Mapping

from tapeline.base.times import Rng
from tapeline.crypto.cocktail.round1 import Round1Message, possession_message
from tapeline.crypto.cocktail.schnorr import sign
from tapeline.crypto.cocktail.setup import Setup
from tapeline.crypto.cocktail.shares import Channel, ChannelSecrets, seal_share
from tapeline.crypto.group import Scalar
from tapeline.crypto.shamir import evaluate


def deal(setup: Setup, host_secret: Scalar, rng: Rng, payloads: Mapping[int, bytes] | None = None) -> Round1Message:
    """Return this participant's round-1 message; polynomial and ephemeral secret do not outlive the call.

    Draws t + 1 times 64 bytes from `rng`: the coefficients from a_0 on, then the ephemeral secret.
    """
    coefficients = [Scalar.random(rng) for _ in range(setup.threshold)]
    return deal_polynomial(setup, host_secret, coefficients, Scalar.random(rng), payloads or {})


def deal_polynomial(
    setup: Setup, host_secret: Scalar, coefficients: list[Scalar], ephemeral: Scalar, payloads: Mapping[int, bytes]
) -> Round1Message:
    """Return the round-1 message of a given polynomial: for `deal`, resharing and tests of a dishonest dealer."""
    sender = setup.host_key(setup.index_of(host_secret))
    commitments = tuple(a.base_mul() for a in coefficients)
    possession = sign(coefficients[0], possession_message(setup.context, commitments, ephemeral.base_mul()))
    ciphertexts = []
    for index in setup.indices:
        recipient = setup.host_key(index)
        secrets = ChannelSecrets(recipient.mul(ephemeral), recipient.mul(host_secret))
        channel = Channel(ephemeral.base_mul(), sender, recipient, setup.context)
        ciphertexts.append(seal_share(secrets, channel, evaluate(coefficients, index), payloads.get(index, b"")))
    return Round1Message(commitments, possession, ephemeral.base_mul(), tuple(ciphertexts))
