"""V of each epoch and class: made before the ceremony, known by its id once the certificate is logged."""

from __future__ import annotations

from collections.abc import Sequence

from tapeline.agent.sealed_store import SealedStore
from tapeline.base.errors import NotFound
from tapeline.base.rules import Rule, require
from tapeline.base.secret import Secret
from tapeline.base.times import Clock, Rng
from tapeline.crypto.hpke_open import HPKE_SEED_BYTES, HpkePrivate
from tapeline.governance.certificate import EscrowCertificate, verify_certificate
from tapeline.governance.chain import RosterChain
from tapeline.governance.dsse import parse_envelope
from tapeline.governance.roster import Roster

_SEED, _ROSTER, _CERTIFICATE = "seed/", "roster/", "certificate/"


class Keyring:
    """The vault's seeds, rosters and the certificates that name its keys.

    Args:
        store: sealed.
        pinned_roster: statement hash of the founding roster.
        clock, rng: time and randomness.
    """

    def __init__(self, store: SealedStore, pinned_roster: bytes, clock: Clock, rng: Rng) -> None:
        self._store = store
        self._clock = clock
        self._rng = rng
        self.chain = RosterChain.pin(pinned_roster)
        self._by_id: dict[bytes, HpkePrivate] = {}
        for name in sorted(store.names(_ROSTER)):
            stored = store.get(name) or b""
            self.chain.add(stored[8:], int.from_bytes(stored[:8], "big"))
        for name in list(store.names(_CERTIFICATE)):
            self._learn_certificate(store.get(name) or b"")

    def make(self, epoch: int, retention_class: str) -> HpkePrivate:
        """Return V of an epoch and class, made and stored where it is new."""
        found = self._seed(epoch, retention_class)
        if found is None:
            seed = Secret(self._rng(HPKE_SEED_BYTES))
            self._store.put({_seed_name(epoch, retention_class): seed.reveal()})
            found = HpkePrivate.from_seed(seed)
        return found

    def by_id(self, v_key_id: bytes) -> HpkePrivate:
        """Return V by its id, which only a certificate gives it.

        Raises:
            NotFound: no certified key of this vault has that id.
        """
        found = self._by_id.get(v_key_id)
        if found is None:
            raise NotFound("No certified key of this vault has that id.", "Use the newest certificate.")
        return found

    def learn(self, rosters: Sequence[bytes], certificates: Sequence[bytes]) -> int:
        """Take rosters and certificates that are new, each verified, and return how many certificates are known.

        A roster counts as public from when this vault first met it: nobody's word, and never too early.

        Raises:
            Refused: GOV-3, ESC-1; what came before it in the lists is kept.
        """
        for dsse in rosters:
            if self.chain.by_hash(parse_envelope(dsse, Roster.kind).statement_hash) is None:
                now_ms = self._clock()
                roster = self.chain.add(dsse, now_ms)
                self._store.put({f"{_ROSTER}{roster.version:08d}": now_ms.to_bytes(8, "big") + dsse})
        for dsse in certificates:
            self._learn_certificate(dsse)
        return len(self._by_id)

    def ask_store(self) -> None:
        """Read something of the store; a failure raises."""
        self._store.get(_ROSTER)

    def _learn_certificate(self, dsse: bytes) -> None:
        claimed = EscrowCertificate.parse(dsse)
        if claimed.v_key_id in self._by_id:
            return
        roster = self.chain.by_hash(claimed.roster)
        require(roster is not None, Rule.ESCROW_CERTIFICATE, "The certificate names an unknown roster.")
        certificate = verify_certificate(dsse, roster or self.chain.current)
        key = self._seed(certificate.epoch, certificate.retention_class)
        if key is not None and key.public().encode() == certificate.v_public:
            self._store.put({_CERTIFICATE + certificate.v_key_id.hex(): dsse})
            self._by_id[certificate.v_key_id] = key

    def _seed(self, epoch: int, retention_class: str) -> HpkePrivate | None:
        stored = self._store.get(_seed_name(epoch, retention_class))
        return None if stored is None else HpkePrivate.from_seed(Secret(stored))


def _seed_name(epoch: int, retention_class: str) -> str:
    return f"{_SEED}{epoch}/{retention_class}"
