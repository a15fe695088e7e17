"""Releasing: one epoch of a warrant at a time through the whole gate, then partials sealed to the case's key."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace

from tapeline.agent.bundle import bundle_info, seal_bundle
from tapeline.agent.gate_memory import load_memory, memory_items, remember_rosters
from tapeline.agent.passphrase_store import StoreOpener
from tapeline.base.errors import NotFound, StateError
from tapeline.base.rules import Refused, Rule
from tapeline.base.times import Rng
from tapeline.crypto.partial import PartialContext, make_partial
from tapeline.crypto.wire import encode
from tapeline.custodian.ceremony.memory import CeremonyMemory
from tapeline.custodian.ceremony.steps import Custodian
from tapeline.governance.case import Case
from tapeline.governance.dsse import signer
from tapeline.governance.gate import pass_gate, summarise
from tapeline.governance.gate_input import Consent, GateInput, GatePass, GateRecord, GateSession, GateSummary
from tapeline.governance.manifest import Manifest
from tapeline.governance.release import Release, bundle_hash
from tapeline.governance.warrant import Warrant
from tapeline.wire.v1 import escrow_pb2 as wire

_RELEASE = "release/"
AskPerson = Callable[[GateSummary], bool]


@dataclass(frozen=True)
class Released:
    """A signed release with the sealed bundle that it names; what is posted, or carried."""

    epoch: int
    release: bytes
    sealed_bundle: bytes
    repeated: bool


class Releaser:
    """One custodian's answers to warrants.

    Args:
        me: roster id and key.
        store: holds shares, the gate's memory and the bundles made.
        unattended_classes: those that this agent's own policy file answers without a person.
        ask: shows a person what would be released and returns their answer.
        rng: randomness of the proofs' nonces.
    """

    def __init__(
        self, me: Custodian, store: StoreOpener, unattended_classes: frozenset[str], ask: AskPerson, rng: Rng
    ) -> None:
        self._me = me
        self._store = store
        self._unattended = unattended_classes
        self._ask = ask
        self._rng = rng
        self._shares = CeremonyMemory(store)

    def release(self, gate: GateInput, now_ms: int) -> list[Released]:
        """Return one release for each epoch of the warrant whose share this agent holds.

        What was released before comes back byte by byte, without another look at the gate.

        Raises:
            Refused: the rule of the gate that stands in the way.
            StateError: the package lacks a session of the manifest.
            NotFound: this agent holds no share that the warrant asks for.
        """
        with closing(self._store.open()) as store, store.exclusive():
            remember_rosters(store, gate, now_ms)
        if gate.asked != len(Manifest.parse(gate.manifest).sessions):
            raise StateError("The package lacks a session of the manifest.", "Fetch the package again.")
        parts = split_by_epoch(gate)
        held = {epoch: part for epoch, part in parts.items() if self._holds(part)}
        if not held:
            raise NotFound("This agent holds no share of the escrow keys asked for.", "Use the store of that epoch.")
        released: list[Released] = []
        refused: list[Refused] = []
        for epoch, part in sorted(held.items()):
            try:
                released.append(self._release_epoch(epoch, part, now_ms))
            except Refused as error:
                if error.rule not in {Rule.GATE_RECORD, Rule.GATE_C0}:
                    raise
                refused.append(error)  # none of this epoch's records is sound: the other epochs' may be
        if not released:
            raise refused[0]
        return released

    def _release_epoch(self, epoch: int, gate: GateInput, now_ms: int) -> Released:
        name = f"{_RELEASE}{Warrant.envelope(gate.warrant).statement_hash.hex()}/{epoch}"
        with closing(self._store.open()) as store:
            # Asked before the store is locked: a person takes their time.
            consent = Consent() if store.get(name) is not None else self._consent(gate, now_ms)
            with store.exclusive():
                known = store.get(name)
                if known is not None:
                    bundle = wire.BundlePost.FromString(known)
                    return Released(epoch, bundle.release, bundle.sealed_bundle, repeated=True)
                before = load_memory(store)
                passed = pass_gate(gate, before, consent, now_ms)
                release, sealed = self._seal(epoch, passed)
                made = encode(wire.BundlePost(release=release, sealed_bundle=sealed))
                # Memory and bundle become durable together, before either leaves this agent.
                store.put({**memory_items(before, passed.memory), name: made})
        return Released(epoch, release, sealed, repeated=False)

    def _consent(self, gate: GateInput, now_ms: int) -> Consent:
        """Return the person's yes to exactly what was shown, or what the policy file allows: never an exception."""
        with closing(self._store.open()) as store:
            summary = summarise(gate, load_memory(store), now_ms)
        unattended = set(summary.classes) <= self._unattended and not summary.excepted
        if unattended or not self._ask(summary):
            return Consent(unattended_classes=self._unattended)
        return Consent(warrant_leaf=summary.warrant_leaf, record_hashes=summary.record_hashes)

    def _seal(self, epoch: int, passed: GatePass) -> tuple[bytes, bytes]:
        case, leaf = passed.case.statement_hash, passed.warrant_leaf
        bundle = wire.PartialBundle(
            warrant_leaf=leaf,
            custodian=self._me.id,
            epoch=epoch,
            partials=[self._partial(session, leaf) for session in passed.sessions],
        )
        sealed = seal_bundle(passed.seal_to, bundle_info(case, leaf, self._me.id, epoch), bundle)
        statement = Release(
            warrant_leaf=leaf,
            case=case,
            epoch=epoch,
            record_hashes=tuple(sorted(session.verified.record_hash for session in passed.sessions)),
            bundle_hash=bundle_hash(sealed),
            left_out=passed.left_out,
            excepted=passed.excepted,
            custodian=self._me.id,
        )
        return statement.sign([signer(self._me.key)]), sealed

    def _partial(self, session: GateSession, warrant_leaf: bytes) -> wire.SessionPartial:
        certificate, record_hash = session.certificate, session.verified.record_hash
        share = self._shares.share(certificate.escrow_key_id)
        if share is None:
            raise NotFound("This agent holds no share of the escrow key.", "Use the store of that epoch.")
        context = PartialContext(certificate.statement_hash, record_hash, warrant_leaf)
        partial = make_partial(share, session.verified.c0, context, self._rng)
        return wire.SessionPartial(
            record_hash=record_hash, partial=partial.encode(), certificate=certificate.statement_hash
        )

    def _holds(self, gate: GateInput) -> bool:
        firm = Case.parse(gate.case).firm
        ids = {_escrow_key_id(one, firm) for one in gate.records}
        known = [key_id for key_id in ids if _epoch(gate, key_id) is not None]
        return known != [] and all(self._shares.share(key_id) is not None for key_id in known)


def split_by_epoch(gate: GateInput) -> dict[int, GateInput]:
    """Return the package once for each epoch, with that epoch's records alone; nothing is verified.

    Records under no certified key, and those that do not parse, come with the first epoch, to be left out there.
    """
    firm = Case.parse(gate.case).firm
    records: dict[int, list[GateRecord]] = {}
    strays: list[GateRecord] = []
    for one in gate.records:
        epoch = _epoch(gate, _escrow_key_id(one, firm))
        (strays if epoch is None else records.setdefault(epoch, [])).append(one)
    first = min(records, default=0)
    if strays or gate.malformed:
        records.setdefault(first, []).extend(strays)
    return {
        epoch: replace(gate, records=tuple(group), malformed=gate.malformed if epoch == first else ())
        for epoch, group in records.items()
    }


def _epoch(gate: GateInput, key_id: bytes) -> int | None:
    try:
        return gate.directory.certificate_of(key_id).epoch
    except NotFound:
        return None


def _escrow_key_id(one: GateRecord, firm: str) -> bytes:
    """Return the id of the firm's escrow key in an unverified record, empty where it has none."""
    return next((row.key_id for row in one.record.header.escrow_rows if row.firm == firm), b"")
