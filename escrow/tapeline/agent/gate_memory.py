"""The gate's memory in a sealed store: one item for the checkpoint, one for each answered C0 and each warrant."""

from __future__ import annotations

from tapeline.agent.sealed_store import SealedStore
from tapeline.base.hashing import HASH_BYTES
from tapeline.governance.auditleaf import parse_audit_leaf
from tapeline.governance.chain import RosterChain
from tapeline.governance.gate_input import AgentMemory, GateInput
from tapeline.governance.roster import Roster

_SEEN, _ANSWERED, _RELEASED, _SIGHTED = "gate/seen", "gate/answered/", "gate/released/", "gate/sighted/"
_SIZE_BYTES = 8


def load_memory(store: SealedStore) -> AgentMemory:
    """Return what the agent remembers; a new store remembers nothing."""
    seen = store.get(_SEEN)
    fresh = AgentMemory()
    return AgentMemory(
        audit_size=int.from_bytes(seen[:_SIZE_BYTES], "big") if seen else fresh.audit_size,
        audit_root=seen[2 * _SIZE_BYTES :] if seen else fresh.audit_root,
        last_time_ms=int.from_bytes(seen[_SIZE_BYTES : 2 * _SIZE_BYTES], "big") if seen else fresh.last_time_ms,
        answered={bytes.fromhex(name): value for name, value in _items(store, _ANSWERED).items()},
        released={bytes.fromhex(name): frozenset(_split(value)) for name, value in _items(store, _RELEASED).items()},
        sighted={bytes.fromhex(name): int.from_bytes(value, "big") for name, value in _items(store, _SIGHTED).items()},
    )


def remember_rosters(store: SealedStore, gate: GateInput, now_ms: int) -> None:
    """Keep when this agent first held each roster of a package, whatever the gate says afterwards.

    Where the witnesses before are gone, nobody else's word dates their replacement (`audit_replay`). Kept are only
    rosters that follow from the pinned one, so that a stranger's make nothing grow.

    Raises:
        Refused: ROSTER_CHAIN, DSSE_SYNTAX or of the wire format; what came before it is kept.
    """
    chain = RosterChain.pin(gate.pinned_roster)
    for entry in gate.audit_leaves:
        if parse_audit_leaf(entry.leaf).kind == Roster.kind:
            roster = chain.add(entry.statement, None)
            name = _SIGHTED + roster.statement_hash.hex()
            if roster.version > 1 and store.get(name) is None:  # no delay applies to version 1
                store.put({name: now_ms.to_bytes(_SIZE_BYTES, "big")})


def memory_items(before: AgentMemory, after: AgentMemory) -> dict[str, bytes | None]:
    """Return what to put so that the store remembers `after`; to be put together with what leaves the agent."""
    seen = after.audit_size.to_bytes(_SIZE_BYTES, "big") + after.last_time_ms.to_bytes(_SIZE_BYTES, "big")
    items: dict[str, bytes | None] = {_SEEN: seen + after.audit_root}
    for c0, record_hash in after.answered.items():
        if c0 not in before.answered:
            items[_ANSWERED + c0.hex()] = record_hash
    for leaf, hashes in after.released.items():
        if before.released.get(leaf) != hashes:
            items[_RELEASED + leaf.hex()] = b"".join(sorted(hashes))
    return items


def _items(store: SealedStore, prefix: str) -> dict[str, bytes]:
    found = {name.removeprefix(prefix): store.get(name) for name in store.names(prefix)}
    return {name: value for name, value in found.items() if value is not None}


def _split(value: bytes) -> list[bytes]:
    return [value[i : i + HASH_BYTES] for i in range(0, len(value), HASH_BYTES)]
