"""Opening an escrow row from t verified partials: the reviewer's step, which no other party may import."""

from __future__ import annotations

from collections.abc import Sequence

from tapeline.base.rules import Rule, require
from tapeline.crypto.group import Point
from tapeline.crypto.partial import PartialContext, VerifiedPartial
from tapeline.crypto.shamir import interpolate_points


def combine(
    c_e: Point, c0: Point, partials: Sequence[VerifiedPartial], threshold: int, context: PartialContext
) -> Point:
    """Return M = C_e − rE of the escrow row C_e, with rE by Lagrange in the exponent.

    Refuses partials for another C0 or context (PAR-2), fewer than t or a doubled custodian (PAR-3), and a secret M
    that is the identity (OPN-1).
    """
    for verified in partials:
        require(
            verified.c0 == c0 and verified.context == context,
            Rule.PARTIAL_CONTEXT,
            "A partial decryption was verified for another record, certificate or warrant.",
            culprit=str(verified.partial.index),
        )
    by_index = {verified.partial.index: verified.partial.point for verified in partials}
    require(
        len(by_index) == len(partials) >= threshold,
        Rule.PARTIAL_COUNT,
        f"{len(by_index)} custodians answered with {len(partials)} partials; {threshold} distinct ones are needed.",
    )
    chosen = dict(sorted(by_index.items())[:threshold])  # all verified: any t give the same point
    r_e = interpolate_points(chosen)
    require(c_e != r_e, Rule.OPEN_SECRET, "The opened row's secret is the identity.")
    return c_e - r_e
