"""V of each epoch and class: made before the ceremony, known by its id once the certificate is logged."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from tapeline.agent.sealed_store import SealedStore
from tapeline.base.errors import NotFound, StateError
from tapeline.base.rules import Rule, require
from tapeline.base.secret import Secret
from tapeline.base.times import Clock, Rng
from tapeline.crypto.hpke_open import HPKE_SEED_BYTES, HpkePrivate
from tapeline.governance.certificate import EscrowCertificate, verify_certificate
from tapeline.governance.chain import RosterChain
from tapeline.governance.dsse import parse_envelope
from tapeline.governance.roster import Roster

_log = structlog.get_logger("tapeline.vault")
_SEED, _ROSTER, _CERTIFICATE = "seed/", "roster/", "certificate/"
_ACCEPTED, _ACCEPTED_AT = "accepted/", "accepted-at"


class Keyring:
    """The vault's seeds, rosters and the certificates that name its keys.

    Args:
        store: sealed.
        pinned_roster: statement hash of the founding roster.
        clock, rng: time and randomness.
        own_key: public part of this vault's roster key: what another vault made, this one need not know.
        accept_older: go on with what is left, for good, where the store lacks what the logs say this vault made.
    """

    def __init__(
        self,
        store: SealedStore,
        pinned_roster: bytes,
        clock: Clock,
        rng: Rng,
        *,
        own_key: bytes,
        accept_older: bool = False,
    ) -> None:
        self._store = store
        self._own_key = own_key
        self._accept_older = accept_older
        if accept_older:
            store.put({_ACCEPTED_AT: clock().to_bytes(8, "big")})
        self._lacks: dict[str, None] = {}
        self._clock = clock
        self._rng = rng
        self.chain = RosterChain.pin(pinned_roster)
        self.learned: dict[bytes, int] = {}
        """When this vault met a roster, unix milliseconds by statement hash."""
        self._by_id: dict[bytes, HpkePrivate] = {}
        for name in sorted(store.names(_ROSTER)):
            stored = store.get(name) or b""
            self._take(stored[8:], int.from_bytes(stored[:8], "big"))
        for name in list(store.names(_CERTIFICATE)):
            self._learn_certificate(store.get(name) or b"")

    def make(self, epoch: int, retention_class: str) -> HpkePrivate:
        """Return V of an epoch and class, made and stored where it is new."""
        found = self._seed(epoch, retention_class)
        if found is None:
            seed = Secret(self._rng(HPKE_SEED_BYTES))
            self._store.put({_seed_name(epoch, retention_class): seed.reveal()})
            found = HpkePrivate.from_seed(seed)
            _log.info("key_made", epoch=epoch, retention_class=retention_class)
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
                roster = self._take(dsse, now_ms)
                _log.info("roster_taken", version=roster.version)
                self._store.put({f"{_ROSTER}{roster.version:08d}": now_ms.to_bytes(8, "big") + dsse})
        for dsse in certificates:
            self._learn_certificate(dsse)
        return len(self._by_id)

    def went_back(self, lacks: str, name: str, made_ms: int | None = None) -> None:
        """Take note that a log names something of this vault's that its store lacks; told in the log, once.

        What was accepted once stays so: a later start needs no leave for it again.

        Args:
            lacks: what it is, for people.
            name: the one thing, by kind and hash.
            made_ms: when it was logged, if that is known: what is older than the operator's leave is covered by it.
        """
        accepted_ms = int.from_bytes(self._store.get(_ACCEPTED_AT) or b"", "big")
        if self._store.get(_ACCEPTED + name) is not None or (made_ms is not None and made_ms <= accepted_ms):
            return
        if self._accept_older:
            self._store.put({_ACCEPTED + name: b""})
        elif lacks in self._lacks:
            return
        else:
            self._lacks[lacks] = None
        _log.error("vault_went_back", lacks=lacks, accepted=self._accept_older)

    def trouble(self) -> str:
        """Return what this vault lacks, in a sentence; empty where it lacks nothing, or was let go on without."""
        lacks = ", ".join(self._lacks)
        return f"This vault's folder is older than the logs: it lacks {lacks}." if lacks else ""

    def require_whole(self) -> None:
        """Raise StateError where the store was found to be an older copy: then this vault answers nothing."""
        if self.trouble():
            raise StateError(
                self.trouble(),
                "Restore the newest copy of the vault's folder. If there is none: `tapeline vault serve "
                "--accept-older-copy`, then a ceremony for a new epoch.",
            )

    def ask_store(self) -> None:
        """Read something of the store; a failure raises."""
        self._store.get(_ROSTER)

    def _take(self, dsse: bytes, now_ms: int) -> Roster:
        roster = self.chain.add(dsse, now_ms)
        self.learned[roster.statement_hash] = now_ms
        return roster

    def _learn_certificate(self, dsse: bytes) -> None:
        claimed = EscrowCertificate.parse(dsse)
        if claimed.v_key_id in self._by_id:
            return
        roster = self.chain.by_hash(claimed.roster)
        require(roster is not None, Rule.ESCROW_CERTIFICATE, "The certificate names an unknown roster.")
        certificate = verify_certificate(dsse, roster or self.chain.current)
        key = self._seed(certificate.epoch, certificate.retention_class)
        if key is None or key.public().encode() != certificate.v_public:
            # The roster's vault attested V in the ceremony, before any custodian signed: another's key was never here.
            if roster is not None and roster.vault_key == self._own_key:
                lacks = f"the key of epoch {certificate.epoch}, class {certificate.retention_class}"
                self.went_back(lacks, _CERTIFICATE + certificate.v_key_id.hex())
        else:
            self._store.put({_CERTIFICATE + certificate.v_key_id.hex(): dsse})
            self._by_id[certificate.v_key_id] = key
            _log.info("key_known", epoch=certificate.epoch, retention_class=certificate.retention_class)

    def _seed(self, epoch: int, retention_class: str) -> HpkePrivate | None:
        stored = self._store.get(_seed_name(epoch, retention_class))
        return None if stored is None else HpkePrivate.from_seed(Secret(stored))


def _seed_name(epoch: int, retention_class: str) -> str:
    return f"{_SEED}{epoch}/{retention_class}"
