"""Ceremonies of 3-of-5 and 7-of-15 in one process, and partial decryptions a second."""

from __future__ import annotations

import time

from dkg_kit import Table, seeded

from benchmarks.harness import Figure, figure
from tapeline.crypto.group import Scalar
from tapeline.crypto.partial import PartialContext, make_partial, verify_partial
from tapeline.crypto.shamir import KeyShare

CEREMONIES = ((3, 5), (7, 15))
PARTIALS = 200
ROUNDS = 3


def measure() -> list[Figure]:
    """Return the seconds of a whole ceremony (every custodian's work added up), and the rates of partials."""
    return [_ceremony(threshold, members) for threshold, members in CEREMONIES] + _partials()


def _ceremony(threshold: int, members: int) -> Figure:
    seconds = []
    for attempt in range(ROUNDS):
        begun = time.perf_counter()
        Table(threshold, members, seed=f"bench-{attempt}").outcomes()
        seconds.append(time.perf_counter() - begun)
    return figure(f"ceremony {threshold}-of-{members}: work of all custodians", "s", seconds)


def _partials() -> list[Figure]:
    rng = seeded("partials")
    secret, c0 = Scalar.random(rng), Scalar.random(rng).base_mul()
    share, context = KeyShare(1, secret), PartialContext(bytes(64), bytes(64), bytes(32))
    made, checked = [], []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        partials = [make_partial(share, c0, context, rng) for _ in range(PARTIALS)]
        middle = time.perf_counter()
        for partial in partials:
            verify_partial(partial, [share.public], c0, context)
        made.append(PARTIALS / (middle - begun))
        checked.append(PARTIALS / (time.perf_counter() - middle))
    return [figure("partials made", "1/s", made), figure("partials verified", "1/s", checked)]
