"""Where a workspace keeps its cases' keys and the last checkpoint it saw; nothing that was opened is stored."""

from __future__ import annotations

from contextlib import closing

from tapeline.agent.gate_memory import load_memory, memory_items
from tapeline.agent.passphrase_store import StoreOpener
from tapeline.base.errors import NotFound
from tapeline.base.secret import Secret
from tapeline.crypto.hpke_open import HpkePrivate
from tapeline.governance.gate_input import AgentMemory

_KEY = "case-key/"


class CaseKeys:
    """Sealed seeds by the case's statement hash."""

    def __init__(self, store: StoreOpener) -> None:
        self._store = store

    def keep(self, case_hash: bytes, key: HpkePrivate) -> None:
        """Store a case's key, before the case is posted."""
        with closing(self._store.open()) as store:
            store.put({_KEY + case_hash.hex(): key.seed.reveal()})

    def get(self, case_hash: bytes) -> HpkePrivate:
        """Return a case's key.

        Raises:
            NotFound: this workspace made no such case, or destroyed its key.
        """
        with closing(self._store.open()) as store:
            seed = store.get(_KEY + case_hash.hex())
        if seed is None:
            raise NotFound("This workspace holds no key of that case.", "Use the workspace that filed it.")
        return HpkePrivate.from_seed(Secret(seed))

    def destroy(self, case_hash: bytes) -> None:
        """Remove a case's key; what was sealed to it stays sealed for ever."""
        with closing(self._store.open()) as store:
            store.put({_KEY + case_hash.hex(): None})

    def memory(self) -> AgentMemory:
        """Return the last audit checkpoint and time that this workspace saw."""
        with closing(self._store.open()) as store:
            return load_memory(store)

    def remember(self, before: AgentMemory, after: AgentMemory) -> None:
        """Store them: a log that goes back or forks is noticed at the next opening."""
        with closing(self._store.open()) as store:
            store.put(memory_items(before, after))

    def cases(self) -> list[bytes]:
        """Return the hashes of the cases whose keys are here."""
        with closing(self._store.open()) as store:
            return [bytes.fromhex(name.removeprefix(_KEY)) for name in store.names(_KEY)]
