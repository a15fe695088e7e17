"""The vault's release: the whole gate, passed by itself, then {record → q} sealed to the case's key."""

from __future__ import annotations

from dataclasses import dataclass, replace

import structlog

from tapeline.agent.archive import ArchiveReplica, CarriedPages
from tapeline.agent.bundle import NO_EPOCH, VAULT, bundle_info, seal_bundle
from tapeline.agent.gate_memory import load_memory, memory_items, remember_rosters
from tapeline.base.errors import StateError
from tapeline.base.secret import Secret
from tapeline.base.times import Clock
from tapeline.crypto.limits import RECORD_BYTES
from tapeline.crypto.vault_open import open_vault_slot
from tapeline.crypto.wire import encode, parse
from tapeline.governance.auditleaf import parse_audit_leaf
from tapeline.governance.dsse import signer
from tapeline.governance.gate import pass_gate
from tapeline.governance.gate_input import Consent, GateInput, GatePass, GateSession
from tapeline.governance.manifest import Manifest
from tapeline.governance.release import VaultRelease, bundle_hash, is_release_of
from tapeline.governance.roster import Roster
from tapeline.governance.warrant import Warrant
from tapeline.vault.keyring import Keyring
from tapeline.vault.keys import VaultKeys
from tapeline.wire.v1 import escrow_pb2 as wire

MAX_PACKAGE = 32 * RECORD_BYTES
_log = structlog.get_logger("tapeline.vault")
_RELEASE, _MADE = "release/", "made/"


@dataclass(frozen=True)
class Releaser:
    """Answers warrants.

    Attributes:
        keys: roster key and store, which holds the gate's memory too.
        keyring: the V keys.
        founding: roster version 1, pinned.
        clock: unix milliseconds.
    """

    keys: VaultKeys
    keyring: Keyring
    founding: Roster
    clock: Clock

    def release(self, request: wire.VaultReleaseRequest) -> wire.VaultReleaseResponse:
        """Return the release and sealed bundle of a warrant; the same bytes again where it was answered before.

        Raises:
            Refused: the rule of the gate that stands in the way.
            StateError: the package lacks a session of the manifest.
        """
        self.keyring.require_whole()
        package = parse(wire.WarrantPackage, request.warrant_package, limit=MAX_PACKAGE, what="warrant package")
        name = _RELEASE + Warrant.envelope(package.warrant).statement_hash.hex()
        known = self.keys.store.get(name)
        if known is not None:
            return wire.VaultReleaseResponse.FromString(known)
        gate = self._input(package, request)
        with self.keys.store.exclusive():
            remember_rosters(self.keys.store, gate, self.clock())
            known = self.keys.store.get(name)
            return wire.VaultReleaseResponse.FromString(known) if known is not None else self._answer(gate, name)

    def _input(self, package: wire.WarrantPackage, request: wire.VaultReleaseRequest) -> GateInput:
        archive = ArchiveReplica({self.founding.organisation: self.founding.statement_hash})
        archive.sync(CarriedPages(request.archive_pages))
        gate = GateInput.from_package(package, archive.state, pinned_roster=self.founding.statement_hash)
        if gate.asked != len(Manifest.parse(package.manifest).sessions):
            raise StateError("The package lacks a session of the manifest.", "Make the package again.")
        return gate

    def _answer(self, gate: GateInput, name: str) -> wire.VaultReleaseResponse:
        before = load_memory(self.keys.store)
        # The escrow service tells the vault of rosters before any warrant comes: the earlier sight counts.
        before = replace(before, sighted={**before.sighted, **self.keyring.learned})
        # Nobody sits at the vault: its policy is to answer every class, behind all the other checks.
        classes = frozenset(self.keyring.chain.current.classes)
        consent = Consent(unattended_classes=classes, unattended_exceptions=True)
        passed = pass_gate(gate, before, consent, self.clock())
        self._require_remembered(gate)
        sealed = self._seal(passed)
        statement = VaultRelease(
            warrant_leaf=passed.warrant_leaf,
            case=passed.case.statement_hash,
            epoch=NO_EPOCH,
            record_hashes=tuple(sorted(session.verified.record_hash for session in passed.sessions)),
            bundle_hash=bundle_hash(sealed),
            left_out=passed.left_out,
            excepted=passed.excepted,
        )
        release = statement.sign([signer(self.keys.roster)])
        answer = wire.VaultReleaseResponse(release=release, sealed_bundle=sealed)
        # Remembered before it leaves: a crash repeats these bytes, never another bundle.
        self.keys.store.put(
            {**memory_items(before, passed.memory), name: encode(answer), _made(statement.statement_hash): b""}
        )
        _log.info("released", sessions=len(passed.sessions), case=passed.case.statement_hash.hex()[:16])
        return answer

    def _require_remembered(self, gate: GateInput) -> None:
        """Refuse where the audit log, judged by the gate just now, holds a release of this vault that it forgot."""
        own = self.keys.roster.public
        for entry in gate.audit_leaves:
            leaf = parse_audit_leaf(entry.leaf)
            if leaf.kind != VaultRelease.kind or self.keys.store.get(_made(leaf.statement_hash)) is not None:
                continue
            if is_release_of(own, entry.statement, entry.leaf):
                name = _RELEASE + leaf.statement_hash.hex()
                self.keyring.went_back("a release of its own that the audit log holds", name, leaf.time_ms)
        self.keyring.require_whole()

    def _seal(self, passed: GatePass) -> bytes:
        info = bundle_info(passed.case.statement_hash, passed.warrant_leaf, VAULT, NO_EPOCH)
        sessions = [
            wire.SessionQ(record_hash=session.verified.record_hash, q=self._open(session, passed.case.firm).reveal())
            for session in passed.sessions
        ]
        return seal_bundle(passed.seal_to, info, wire.VaultBundle(warrant_leaf=passed.warrant_leaf, sessions=sessions))

    def _open(self, session: GateSession, firm: str) -> Secret:
        place = list(session.record.context.firms).index(firm)
        v_key_id = session.certificate.v_key_id
        return open_vault_slot(
            self.keyring.by_id(v_key_id),
            v_key_id,
            session.verified.reservation_hash,
            session.record.vault_slots[place],
            session.verified.cq,
        )


def _made(statement_hash: bytes) -> str:
    """Return the name under which the store remembers that a release is its own."""
    return _MADE + statement_hash.hex()
