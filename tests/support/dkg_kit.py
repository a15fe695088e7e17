"""Whole ceremonies in a few lines, honest by default, with seeded randomness."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from itertools import count

from tapeline.base.times import Rng
from tapeline.crypto.ceremony import Announcement, CeremonyParameters, extension, setup_from, sign_round1
from tapeline.crypto.cocktail.deal import deal, deal_polynomial
from tapeline.crypto.cocktail.round1 import Round1Message
from tapeline.crypto.cocktail.round2 import Outcome, receive
from tapeline.crypto.cocktail.setup import Setup
from tapeline.crypto.group import Scalar
from tapeline.crypto.signing import SigningKey


def seeded(seed: str) -> Rng:
    """Return a deterministic generator."""
    counter = count()
    return lambda size: hashlib.shake_256(f"{seed}/{next(counter)}".encode()).digest(size)


def parameters(threshold: int, members: int, attempt: int = 0) -> CeremonyParameters:
    """Return the call to a ceremony of `threshold` among `members`."""
    return CeremonyParameters("demo", "firm-a", b"r" * 64, 1, "years-5", threshold, members, attempt)


@dataclass
class Table:
    """All custodians of one ceremony at one table, with round 1 dealt."""

    threshold: int
    members: int
    seed: str = "table"
    roster_keys: dict[int, SigningKey] = field(init=False)
    host_secrets: dict[int, Scalar] = field(init=False)
    announcements: list[Announcement] = field(init=False)
    setup: Setup = field(init=False)
    messages: dict[int, Round1Message] = field(init=False)

    def __post_init__(self) -> None:
        indices = range(1, self.members + 1)
        self.rng = seeded(self.seed)
        self.parameters = parameters(self.threshold, self.members)
        self.roster_keys = {i: SigningKey.generate(self.rng) for i in indices}
        self.host_secrets = {i: Scalar.random(self.rng) for i in indices}
        self.announcements = [Announcement(i, self.host_secrets[i].base_mul(), self.rng(32)) for i in indices]
        self.setup = setup_from(self.parameters, self.announcements)
        self.messages = {i: deal(self.setup, self.host_secrets[i], self.rng) for i in indices}

    def signed(self) -> dict[int, bytes]:
        """Return every round-1 message signed by its custodian."""
        return {i: sign_round1(self.roster_keys[i], self.setup, i, m.encode()) for i, m in self.messages.items()}

    @property
    def extension(self) -> bytes:
        """The extension over all signed messages."""
        return extension(self.parameters, list(self.signed().values()))

    def receive(self, index: int) -> Outcome:
        """Return round 2 of one custodian."""
        return receive(self.setup, self.host_secrets[index], self.messages, self.extension)

    def outcomes(self) -> dict[int, Outcome]:
        """Return round 2 of all."""
        return {index: self.receive(index) for index in self.setup.indices}

    def redeal(self, index: int, coefficients: int) -> None:
        """Let one dealer use a polynomial of another length, everything else in order."""
        polynomial = [Scalar.random(self.rng) for _ in range(coefficients)]
        message = deal_polynomial(self.setup, self.host_secrets[index], polynomial, Scalar.random(self.rng), {})
        self.messages[index] = message
