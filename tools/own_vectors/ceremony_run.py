"""A whole ceremony from a seed, everybody's secrets at hand."""

from __future__ import annotations

from functools import cached_property

from own_vectors.form import Stream
from tapeline.base.hashing import tagged_hash
from tapeline.crypto.activation import ActivationAnswer, ActivationChallenge, make_activation
from tapeline.crypto.ceremony import (
    Announcement,
    CeremonyParameters,
    escrow_key_id,
    extension,
    setup_from,
    sign_announcement,
    sign_round1,
)
from tapeline.crypto.cocktail.certificate import sign_transcript
from tapeline.crypto.cocktail.deal import deal
from tapeline.crypto.cocktail.round2 import Outcome, receive
from tapeline.crypto.group import Scalar
from tapeline.crypto.signing import SigningKey

CLASS = "five-years"


class CeremonyRun:
    """`custodians` of one firm make an escrow key, `threshold` of them to open."""

    def __init__(self, deployment: bytes, firm: str, custodians: tuple[str, ...], threshold: int) -> None:
        self.rng = rng = Stream(f"ceremony of {firm}")
        self.custodians = custodians
        self.parameters = CeremonyParameters(
            deployment.hex(), firm, rng(64), 1, CLASS, threshold, len(custodians), 0
        )  # fmt: skip
        self.roster_keys = [SigningKey.generate(rng) for _ in custodians]
        self.hosts = [Scalar.random(rng) for _ in custodians]
        self.announcements = [Announcement(i, host.base_mul(), rng(32)) for i, host in enumerate(self.hosts, 1)]
        self.announcement_signatures = [
            sign_announcement(key, self.parameters, one)
            for key, one in zip(self.roster_keys, self.announcements, strict=True)
        ]
        self.setup = setup_from(self.parameters, self.announcements)
        self.messages = {i: deal(self.setup, host, rng) for i, host in enumerate(self.hosts, 1)}
        self.signed = [
            sign_round1(key, self.setup, i, self.messages[i].encode()) for i, key in enumerate(self.roster_keys, 1)
        ]
        self.extension = extension(self.parameters, self.signed)

    @cached_property
    def outcomes(self) -> list[Outcome]:
        """Round 2 of everybody, in order of index."""
        return [receive(self.setup, host, self.messages, self.extension) for host in self.hosts]

    @property
    def escrow_key(self) -> bytes:
        """E."""
        return self.outcomes[0].transcript.group_key.encode()

    @property
    def key_id(self) -> bytes:
        """H("escrow-key", E, transcript hash)."""
        transcript = self.outcomes[0].transcript
        return escrow_key_id(transcript.group_key, transcript.digest())

    @cached_property
    def success(self) -> list[bytes]:
        """Success signatures over the transcript."""
        return [sign_transcript(host, one.transcript) for host, one in zip(self.hosts, self.outcomes, strict=True)]

    @cached_property
    def activations(self) -> list[tuple[ActivationChallenge, ActivationAnswer]]:
        """Everybody's test partial, to a nonce of its own."""
        challenges = [
            ActivationChallenge(one.transcript.digest(), name, self.rng(32))
            for name, one in zip(self.custodians, self.outcomes, strict=True)
        ]
        return [
            (challenge, make_activation(one.share, challenge, self.rng))
            for challenge, one in zip(challenges, self.outcomes, strict=True)
        ]

    def activation_hash(self, index: int) -> bytes:
        """What the certificate holds of an activation answer."""
        challenge, answer = self.activations[index - 1]
        return tagged_hash("activation-answer", challenge.nonce + answer.encode())
