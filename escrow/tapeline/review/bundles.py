"""Collecting what was released: only bundles whose release is in the cosigned audit log, opened with the case's key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tapeline.agent.audit import AuditReplica
from tapeline.agent.bundle import VAULT, bundle_info, open_bundle
from tapeline.base.errors import CryptoFailure, MalformedInput
from tapeline.base.rules import Refused, Rule, require
from tapeline.base.secret import Secret
from tapeline.base.times import MINUTE
from tapeline.crypto.hpke_open import HpkePrivate
from tapeline.crypto.limits import Q_BYTES
from tapeline.governance.dsse import kind_of, parse_envelope
from tapeline.governance.release import (
    Release,
    VaultRelease,
    require_bound,
    verify_release,
    verify_vault_release,
)
from tapeline.wire.v1 import escrow_pb2 as wire

FRESH_MS = 10 * MINUTE


@dataclass(frozen=True)
class Target:
    """What bundles must be for: the case, its key, and the leaf of its warrant."""

    case_hash: bytes
    case_key: HpkePrivate
    warrant_leaf: bytes


@dataclass(frozen=True)
class Problem:
    """Somebody's bundle or partial that does not count, and why."""

    who: str
    rule: str
    cause: str


@dataclass(frozen=True)
class Collected:
    """Opened bundles: each custodian's partials, q by record hash, and what did not count.

    `left_out` says by record hash who left a session out, and under which rule.
    """

    partials: tuple[wire.PartialBundle, ...]
    secrets: Mapping[bytes, Secret]
    problems: tuple[Problem, ...]
    left_out: Mapping[bytes, tuple[tuple[str, str], ...]] = field(default_factory=dict)


def collect(bundles: Iterable[wire.Bundle], audit: AuditReplica, target: Target, now_ms: int) -> Collected:
    """Open every bundle that counts; one that does not becomes a problem with a name, and stops nothing.

    Raises:
        Refused: GAT-1, where the audit checkpoint is not fresh: an old one could hide a revocation.
    """
    require_fresh(audit, now_ms)
    partials: list[wire.PartialBundle] = []
    secrets: dict[bytes, Secret] = {}
    problems: list[Problem] = []
    left_out: dict[bytes, tuple[tuple[str, str], ...]] = {}
    for bundle in bundles:
        try:
            opened = open_released(bundle, audit, target)
        except Refused as refused:
            problems.append(Problem(refused.culprit or _claimed(bundle), refused.rule.id, refused.cause))
            continue
        except (MalformedInput, CryptoFailure) as error:
            problems.append(Problem(_claimed(bundle), "", error.cause))
            continue
        release, who = _verified(bundle.release, audit)
        for one in release.left_out:
            left_out[one.record_hash] = (*left_out.get(one.record_hash, ()), (who, one.rule))
        if isinstance(opened, wire.PartialBundle):
            partials.append(opened)
        else:
            secrets.update((one.record_hash, Secret(one.q)) for one in opened.sessions)
    return Collected(tuple(partials), secrets, tuple(problems), left_out)


def open_released(bundle: wire.Bundle, audit: AuditReplica, target: Target) -> wire.PartialBundle | wire.VaultBundle:
    """Return a bundle's content.

    1. Its release is a leaf of the audit log, at the place that the board claims.
    2. The release is signed by the one it names, and binds this bundle, case and warrant.
    3. The bundle is sealed to the case's key, for this warrant, party and epoch, and says the same inside.

    Raises:
        Refused: REL-1, GOV-1, PAR-4, PAR-2, or of the wire format; with the culprit where it is proven.
    """
    release, who = _verified(bundle.release, audit)  # 2, needed to name whom 1 is about
    _require_logged(bundle, audit, who)  # 1
    require_bound(release, bundle.sealed_bundle, warrant_leaf=target.warrant_leaf, case=target.case_hash)
    info = bundle_info(target.case_hash, target.warrant_leaf, who, release.epoch)  # 3
    if isinstance(release, Release):
        partials = open_bundle(target.case_key, info, bundle.sealed_bundle, wire.PartialBundle, culprit=who)
        same = (partials.custodian, partials.epoch, partials.warrant_leaf) == (who, release.epoch, release.warrant_leaf)
        _require_as_released(release, [one.record_hash for one in partials.partials], who, same_party=same)
        return partials
    opened = open_bundle(target.case_key, info, bundle.sealed_bundle, wire.VaultBundle, culprit=who)
    same = opened.warrant_leaf == release.warrant_leaf and all(len(one.q) == Q_BYTES for one in opened.sessions)
    _require_as_released(release, [one.record_hash for one in opened.sessions], who, same_party=same)
    return opened


def require_fresh(audit: AuditReplica, now_ms: int) -> None:
    """Refuse under GAT-1 an audit checkpoint that is older than 10 minutes."""
    note = audit.checkpoint
    require(
        note is not None and abs(now_ms - note.median_time_ms) <= FRESH_MS,
        Rule.GATE_CHECKPOINT,
        "The audit log's checkpoint is not fresh.",
    )


def _require_logged(bundle: wire.Bundle, audit: AuditReplica, who: str) -> None:
    kind = kind_of(bundle.release)
    entry = audit.find(parse_envelope(bundle.release, kind).statement_hash)
    require(
        entry is not None and (entry.kind, entry.index) == (kind, bundle.index),
        Rule.RELEASE_BINDING,
        "A bundle's release is not in the cosigned audit log.",
        culprit=who,
    )


def _verified(dsse: bytes, audit: AuditReplica) -> tuple[VaultRelease, str]:
    if kind_of(dsse) == Release.kind:
        release = verify_release(dsse, audit.roster)
        return release, release.custodian
    return verify_vault_release(dsse, audit.roster), VAULT


def _require_as_released(release: VaultRelease, hashes: Sequence[bytes], who: str, *, same_party: bool) -> None:
    require(
        same_party and sorted(hashes) == list(release.record_hashes),
        Rule.PARTIAL_CONTEXT,
        "A bundle holds something else than its release says.",
        culprit=who,
    )


def _claimed(bundle: wire.Bundle) -> str:
    try:
        return Release.parse(bundle.release).custodian
    except (Refused, MalformedInput):
        return VAULT
