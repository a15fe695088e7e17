"""What is lawful in a roster and yet unwise: read out to whoever is about to sign it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tapeline.governance.expiry import of_roster, warnings_at
from tapeline.governance.roster import Roster

SERVICES = frozenset({"relay", "relay_http", "escrow", "escrow_http", "vault", "enroller"})
"""The names under which a roster may tell where its services listen."""


def roster_warnings(roster: Roster, now_ms: int) -> list[str]:
    """Return a sentence for each thing that would soon be regretted."""
    return [
        *_officers(roster),
        *_people(roster),
        *_approvals(roster),
        *_witnesses(roster),
        *_delays(roster),
        *_addresses(roster),
        *(f"{one.cause} {one.thing.remedy}" for one in warnings_at(now_ms, [of_roster(roster)])),
    ]


def _officers(roster: Roster) -> Iterator[str]:
    needed, count = roster.thresholds.officers, len(roster.with_role("officer"))
    if needed == count:
        yield (
            f"All {count} officers must sign: with one lost key or passphrase no roster can ever be signed again. "
            "Name one more."
        )
    if needed == 1:
        yield "One officer alone can change everything: let at least 2 sign."


def _people(roster: Roster) -> Iterator[str]:
    if not roster.with_role("enroller"):
        yield "There is no enroller: nobody can enrol a device."
    if len(roster.with_role("custodian")) < 2:
        yield "There are fewer than 2 custodians: no ceremony can be held, and nothing can be sent."
    for role in ("reviewer", "auditor"):
        if not roster.with_role(role):
            yield f"There is no {role}."


def _approvals(roster: Roster) -> Iterator[str]:
    """Whoever asks, is a subject or reviews approves nothing, so that the last approver or group may be missing."""
    approvers, thresholds = roster.with_role("approver"), roster.thresholds
    if thresholds.approvals == len(approvers):
        yield (
            f"All {len(approvers)} approvers must approve each case: none that concerns one of them can be approved."
        )
    sizes = Counter(person.group for person in approvers)
    if thresholds.approval_groups == len(sizes):
        for group in sorted(group for group, size in sizes.items() if size == 1):
            yield (
                f'All {len(sizes)} approval groups are needed and "{group}" has one approver: without that person '
                "no case meets its quorum."
            )
    if thresholds.approval_groups > thresholds.approvals:
        yield (
            f"{thresholds.approval_groups} groups cannot be met by {thresholds.approvals} approvals: in truth "
            f"{thresholds.approval_groups} people must approve."
        )
    for person in approvers:
        if not person.group:
            yield f'The approver "{person.id}" speaks for no group.'
        if "reviewer" in person.roles:
            yield f'"{person.id}" is approver and reviewer: approvals of cases that this person reviews do not count.'


def _witnesses(roster: Roster) -> Iterator[str]:
    quorum, count = roster.witness_quorum, len(roster.witnesses)
    if quorum.total < 3:
        yield (
            f"A quorum of {quorum.total} bears no witness that lies: with f of them lying it must be at least 2f+1, "
            "so 3 for one."
        )
    if quorum.total == count:
        yield f"All {count} witnesses must cosign: while one of them is off, nothing is proven."
    for witness in roster.witnesses:
        if not witness.url:
            yield f'The witness "{witness.name}" has no address: nobody will ask it.'
        elif not witness.url.startswith(("http://", "https://")):
            yield f'The address of the witness "{witness.name}" is no http:// or https:// one.'


def _delays(roster: Roster) -> Iterator[str]:
    if roster.publication_delay_ms == 0:
        yield "Warrants are executed without any delay: nobody can object in time."
    if roster.change_delay_ms == 0:
        yield "Changes of approvers and witnesses count at once: nobody can object in time."


def _addresses(roster: Roster) -> Iterator[str]:
    for name in sorted(set(roster.addresses) - SERVICES):
        yield f'"{name}" is an address of no known service; known are {", ".join(sorted(SERVICES))}.'
