"""Custodians and a workspace over the governance kit's matter: real stores, shares of a real ceremony, a real log."""

from __future__ import annotations

import secrets
from pathlib import Path

from gov_kit import Audit, Matter, ceremony, hpke, key

from tapeline.agent.audit import AuditReplica
from tapeline.agent.passphrase_store import StoreOpener, open_store
from tapeline.base.secret import Secret
from tapeline.crypto.hpke_open import HpkePrivate
from tapeline.crypto.passphrase import Argon2Cost
from tapeline.custodian.ceremony.memory import CeremonyMemory
from tapeline.custodian.ceremony.steps import Custodian
from tapeline.custodian.release import Released, Releaser
from tapeline.governance.gate_input import GateSummary
from tapeline.wire.v1 import escrow_pb2 as wire

CHEAP = Argon2Cost(memory_kib=64, passes=1, lanes=1)
HOLDERS = ("carl", "cleo", "cyra")
CASE_KEY: HpkePrivate = hpke("case")


def cheap_store(folder: Path) -> StoreOpener:
    """A sealed store under a cheap derivation."""
    return open_store(folder, Secret(b"a passphrase"), "test", secrets.token_bytes, CHEAP)


class Holder:
    """One of the matter's custodians at work; `shown` collects what a person was asked."""

    def __init__(self, matter: Matter, name: str, folder: Path, *, says: bool = True, classes: set[str] = frozenset()):
        self.matter, self.name, self.says = matter, name, says
        self.store = cheap_store(folder / name)
        self.me = Custodian(name, key(f"acme/{name}"))
        self.shown: list[GateSummary] = []
        certificate = matter.archive.certificates["acme"]
        outcomes, _ = ceremony("acme", certificate.roster, certificate.epoch, certificate.retention_class)
        share = outcomes[HOLDERS.index(name) + 1].share
        CeremonyMemory(self.store).keep_share(certificate.escrow_key_id, share)
        self.classes = frozenset(classes)

    def releaser(self) -> Releaser:
        return Releaser(self.me, self.store, self.classes, self._ask, secrets.token_bytes)

    def release(self) -> Released:
        return self.releaser().release(self.matter.input(), self.matter.now_ms)[0]

    def _ask(self, summary: GateSummary) -> bool:
        self.shown.append(summary)
        return self.says


class LogPort:
    """The matter's audit log as a board shows it."""

    def __init__(self, audit: Audit, now_ms: int) -> None:
        self.audit, self.now_ms = audit, now_ms

    def sync(self, since: int) -> wire.AuditPage:
        entries = self.audit.entries()
        items = [
            wire.AuditItem(index=index, leaf=one.leaf, dsse=one.statement)
            for index, one in enumerate(entries)
            if index >= since
        ]
        return wire.AuditPage(note=self.audit.log.note(self.now_ms), items=items, next=len(entries))


def replica_of(matter: Matter) -> AuditReplica:
    """A verified copy of the matter's audit log."""
    replica = AuditReplica(matter.archive.pinned["acme"])
    replica.sync(LogPort(matter.audit, matter.now_ms))
    return replica


def post_release(matter: Matter, kind: str, release: bytes, sealed: bytes) -> wire.Bundle:
    """Log a release as the board does, and return the bundle that the board shows."""
    index = matter.audit.post(kind, release, matter.now_ms)
    return wire.Bundle(release=release, sealed_bundle=sealed, index=index)
