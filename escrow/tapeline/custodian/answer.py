"""One custodian's round: which warrants wait, fetching what the gate needs, releasing, posting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tapeline.agent.archive import ArchiveReplica, CarriedPages
from tapeline.agent.audit import AuditEntry
from tapeline.agent.desk import Desk
from tapeline.agent.package import documents, warrants_of, with_records
from tapeline.base.errors import NotFound, PermissionRefused, TapelineError
from tapeline.base.rules import Refused, Rule
from tapeline.base.times import Clock
from tapeline.crypto.wire import encode, parse
from tapeline.custodian.release import Released, Releaser
from tapeline.governance.gate_input import GateInput
from tapeline.governance.release import Release
from tapeline.governance.roster import Roster
from tapeline.governance.warrant import Warrant
from tapeline.transparency.merkle import leaf_hash
from tapeline.wire.v1.escrow_pb2 import VaultReleaseRequest, WarrantPackage

MAX_CARRIED = 64 * 1024 * 1024


@dataclass(frozen=True)
class Posted:
    """A release that the board logged."""

    warrant: bytes
    epoch: int
    audit_index: int
    repeated: bool


@dataclass(frozen=True)
class NotReleased:
    """A warrant that this agent did not answer, and why."""

    warrant: bytes
    error: TapelineError


def answer_all(
    desk: Desk, releaser: Releaser, entries: Sequence[AuditEntry], clock: Clock
) -> tuple[list[Posted], list[NotReleased]]:
    """Answer each warrant; one that the gate refuses stops none of the others."""
    posted: list[Posted] = []
    refused: list[NotReleased] = []
    for entry in entries:
        try:
            posted.extend(answer_warrant(desk, releaser, entry, clock()))  # people take their time over each
        except TapelineError as error:
            refused.append(NotReleased(entry.statement_hash, error))
    return posted, refused


def open_warrants(desk: Desk, custodian: str, wanted: bytes | None, now_ms: int) -> list[AuditEntry]:
    """Return the open cases' warrants that the custodian has not answered, or the one asked for by its hash.

    Raises:
        NotFound: no such warrant is logged.
    """
    warrants = warrants_of(desk.audit)
    entries = [entry for entry, _ in warrants]
    if wanted is not None:
        found = [entry for entry in entries if entry.statement_hash == wanted]
        if not found:
            raise NotFound("The audit log has no such warrant.", "Check its hash.")
        return found
    releases = [Release.parse(entry.dsse) for entry in desk.audit.of_kind(Release.kind) if entry.dsse]
    answered = {release.warrant_leaf for release in releases if release.custodian == custodian}
    waiting = [(entry, warrant) for entry, warrant in warrants if leaf_hash(entry.leaf) not in answered]
    return [entry for entry, warrant in waiting if not _has_ended(desk, warrant, now_ms)]


def _has_ended(desk: Desk, warrant: Warrant, now_ms: int) -> bool:
    """Tell whether the warrant's case is closed or revoked; the gate judges it anew."""
    try:
        standing = desk.audit.standing(warrant.case, now_ms)
    except TapelineError:
        return False  # for the gate to say why
    return standing.closed is not None or standing.revoked or now_ms >= warrant.not_after_ms


def fetch(desk: Desk, entry: AuditEntry) -> WarrantPackage:
    """Return the warrant's whole package, and bring the desk's archive up to date beyond its records."""
    package = with_records(documents(desk.audit, desk.board, entry), desk.relay)
    desk.archive.sync(desk.relay)
    return package


def carried(archive: ArchiveReplica, package: WarrantPackage) -> bytes:
    """Return package and directory as one file, for an air-gapped custodian or the vault."""
    return encode(VaultReleaseRequest(warrant_package=encode(package), archive_pages=archive.pages))


def carried_gate(data: bytes, founding: Roster, public: bytes) -> tuple[GateInput, str]:
    """Return the gate's input from a carried file, and who the holder of an Ed25519 key is in its newest roster.

    Raises:
        PermissionRefused: nobody.
        Refused: where pages, leaves or package are malformed or unproven.
    """
    request = parse(VaultReleaseRequest, data, limit=MAX_CARRIED, what="carried package")
    archive = ArchiveReplica({founding.organisation: founding.statement_hash})
    archive.sync(CarriedPages(request.archive_pages))
    person = archive.state.roster().by_key(public)
    if person is None:
        raise PermissionRefused("The roster does not name this key.", "Use another key file.")
    package = parse(WarrantPackage, request.warrant_package, limit=MAX_CARRIED, what="warrant package")
    return GateInput.from_package(package, archive.state, pinned_roster=founding.statement_hash), person.id


def answer_warrant(desk: Desk, releaser: Releaser, entry: AuditEntry, now_ms: int) -> list[Posted]:
    """Fetch a warrant's package, pass the gate, post what was released.

    Raises:
        Refused: the rule of the gate that stands in the way.
        NotFound: this agent holds no share of the keys asked for.
    """
    package = fetch(desk, entry)
    gate = GateInput.from_package(package, desk.archive.state, pinned_roster=desk.founding.statement_hash)
    return [_post(desk, entry, released) for released in releaser.release(gate, now_ms)]


def answer_what_policy_allows(desk: Desk, releaser: Releaser, custodian: str, now_ms: int) -> list[str]:
    """Try every open warrant and return a line about each: released, or why not."""
    lines = []
    for entry in open_warrants(desk, custodian, None, now_ms):
        name = entry.statement_hash.hex()[:16]
        try:
            answer_warrant(desk, releaser, entry, now_ms)
            lines.append(f"warrant {name}: released")
        except Refused as refused:
            waits = refused.rule is Rule.GATE_CONSENT
            lines.append(f"warrant {name}: {'waits for a person' if waits else refused.cause}")
        except TapelineError as error:
            lines.append(f"warrant {name}: {error.cause}")
    return lines


def _post(desk: Desk, entry: AuditEntry, released: Released) -> Posted:
    ack = desk.board.post_bundle(released.release, released.sealed_bundle)
    return Posted(entry.statement_hash, released.epoch, ack.index, released.repeated)
