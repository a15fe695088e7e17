"""What ends by time, and when people are told before it does: 60, 30 and 7 days ahead, and once it has ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from tapeline.base.times import DAY, time_text
from tapeline.crypto.device import VerifiedDevice
from tapeline.governance.certificate import EscrowCertificate
from tapeline.governance.roster import Roster


class Stage(IntEnum):
    """How near an end is: at most so many days; the nearer, the smaller."""

    ENDED = 0
    WEEK = 7
    MONTH = 30
    TWO_MONTHS = 60


@dataclass(frozen=True, slots=True)
class Expiring:
    """Something that ends by time.

    Attributes:
        what: for people, such as "The roster of bank".
        ends_ms: when.
        effect: what does not work afterwards, as a clause: "no warrant is issued".
        remedy: what to do before, as a sentence.
        begins_ms: from when; a short life is not warned of at the stages that are longer than it.
    """

    what: str
    ends_ms: int
    effect: str
    remedy: str
    begins_ms: int = 0


@dataclass(frozen=True, slots=True)
class ExpiryWarning:
    """One thing that ends soon, or has ended, as of a time."""

    thing: Expiring
    stage: Stage
    days: int
    """Whole days left, 0 on the last one and afterwards."""

    @property
    def cause(self) -> str:
        """Return what is to be said, in one sentence."""
        thing, at = self.thing, f"{time_text(self.thing.ends_ms)} UTC"
        if self.stage is Stage.ENDED:
            return f"{thing.what} ended at {at}: {thing.effect}."
        left = "today" if self.days == 0 else "in 1 day" if self.days == 1 else f"in {self.days} days"
        return f"{thing.what} ends {left}, at {at}; from then on {thing.effect}."


def of_roster(roster: Roster) -> Expiring:
    """Return when a roster ends."""
    return Expiring(
        f"The roster of {roster.organisation}, version {roster.version},",
        roster.expires_ms,
        "no warrant is issued and no case can be opened",
        "The officers sign and post its next version: tapeline officer roster build --previous.",
    )


def of_certificate(certificate: EscrowCertificate) -> Expiring:
    """Return when an escrow key ends."""
    name = f"{certificate.firm}'s escrow key of class {certificate.retention_class}, epoch {certificate.epoch},"
    return Expiring(
        name,
        certificate.not_after_ms,
        "nobody can send under it",
        "The officers open a ceremony for the next epoch: tapeline officer ceremony open --epoch.",
        certificate.active_from_ms,
    )


def of_firm(roster: Roster, certificates: Iterable[EscrowCertificate]) -> list[Expiring]:
    """Return what a firm has to renew: its newest roster, and of each class the newest escrow key alone."""
    newest: dict[str, EscrowCertificate] = {}
    for one in certificates:
        known = newest.get(one.retention_class)
        if one.firm == roster.organisation and (known is None or one.epoch > known.epoch):
            newest[one.retention_class] = one
    return [of_roster(roster), *map(of_certificate, newest.values())]


def of_device(device: VerifiedDevice) -> Expiring:
    """Return when a device's entry ends."""
    return Expiring(
        f"The entry of {device.user}'s device {device.device_name}",
        device.not_after_ms,
        "the device can neither send nor read",
        "Ask the enroller for a new code and enrol another device before: tapeline chat enrol.",
        device.not_before_ms,
    )


def warnings_at(at_ms: int, things: Iterable[Expiring]) -> list[ExpiryWarning]:
    """Return a warning for each thing that has ended or ends within 60 days, the nearest end first."""
    found = [(thing, stage) for thing in things if (stage := stage_at(at_ms, thing)) is not None]
    found.sort(key=lambda one: one[0].ends_ms)
    return [ExpiryWarning(thing, stage, max(0, thing.ends_ms - at_ms) // DAY) for thing, stage in found]


def stage_at(at_ms: int, thing: Expiring) -> Stage | None:
    """Return how near the end of a thing is; None where there is nothing to say yet."""
    left = thing.ends_ms - at_ms
    if left <= 0:
        return Stage.ENDED
    lifetime = thing.ends_ms - thing.begins_ms
    return next((stage for stage in Stage if stage and left <= stage * DAY < lifetime), None)
