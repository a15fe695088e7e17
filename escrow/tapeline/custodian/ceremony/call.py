"""The call to a ceremony, as an agent has verified it: who takes part, under which roster, for which key."""

from __future__ import annotations

from dataclasses import dataclass

from tapeline.agent.ceremony import OPEN_KIND, ceremony_id
from tapeline.agent.vault_key import verify_vault_key
from tapeline.base.errors import StateError
from tapeline.base.rules import Rule, require
from tapeline.crypto.ceremony import CeremonyParameters
from tapeline.crypto.hpke import HpkePublic
from tapeline.crypto.limits import STATEMENT_BYTES
from tapeline.crypto.signing import verify_signature
from tapeline.crypto.wire import encode, parse
from tapeline.governance.roster import Roster
from tapeline.wire.v1 import escrow_pb2 as wire


@dataclass(frozen=True)
class Call:
    """A verified call.

    Attributes:
        ceremony: id on the board, 64 bytes.
        roster: the version that the call names.
        parameters: as every hash of the ceremony takes them.
        custodians: roster ids in the order of their indices 1 … n.
        keys: their Ed25519 roster keys.
        vault: V.
        active_from_ms, not_after_ms: of the certificate.
    """

    ceremony: bytes
    roster: Roster
    parameters: CeremonyParameters
    custodians: tuple[str, ...]
    keys: tuple[bytes, ...]
    vault: HpkePublic
    active_from_ms: int
    not_after_ms: int

    def index_of(self, custodian: str) -> int:
        """Return the custodian's index.

        Raises:
            StateError: not called to this ceremony.
        """
        if custodian not in self.custodians:
            raise StateError("This person is not called to the ceremony.", "Ask the officer who opened it.")
        return self.custodians.index(custodian) + 1


def verify_call(state: wire.CeremonyState, roster: Roster) -> Call:
    """Verify a ceremony's opening against the newest roster.

    1. An officer of the roster signed the parameters.
    2. They name this roster, deployment, organisation, one of its classes, and distinct custodians of it.
    3. The vault of the roster attested V for this epoch and class.
    4. The certificate's lifetime is not empty; 2 ≤ t ≤ n.

    Raises:
        Refused: SIG-1, ESC-1, PRE-2, DKG-6, or of the wire format.
    """
    body = parse(wire.CeremonyParameters, state.parameters, limit=STATEMENT_BYTES, what="ceremony")
    _require_officer(state, roster)  # 1
    people = [roster.find(identifier) for identifier in body.custodians]
    keys = tuple(person.key for person in people if person is not None and "custodian" in person.roles)
    require(  # 2
        (body.roster, body.deployment, body.firm) == (roster.statement_hash, roster.deployment, roster.organisation)
        and body.retention_class in roster.classes
        and len(set(keys)) == len(people),
        Rule.ESCROW_CERTIFICATE,
        "The ceremony is of another roster, deployment, firm or class, or names strangers.",
    )
    vault = verify_vault_key(  # 3
        encode(body.v_attestation),
        roster.vault_key,
        deployment=body.deployment,
        epoch=body.epoch,
        retention_class=body.retention_class,
    )
    require(
        vault.encode() == body.v_public and body.active_from_ms < body.not_after_ms,  # 4
        Rule.ESCROW_CERTIFICATE,
        "The ceremony names another vault key than the vault attests, or an empty lifetime.",
    )
    return Call(
        ceremony=ceremony_id(state.parameters),
        roster=roster,
        parameters=_parameters(body),
        custodians=tuple(body.custodians),
        keys=keys,
        vault=vault,
        active_from_ms=body.active_from_ms,
        not_after_ms=body.not_after_ms,
    )


def require_newest_roster(state: wire.CeremonyState, newest: Roster) -> None:
    """Refuse a ceremony that a newer roster has overtaken, which no custodian may finish any more.

    Raises:
        StateError: with what is to be done.
    """
    body = parse(wire.CeremonyParameters, state.parameters, limit=STATEMENT_BYTES, what="ceremony")
    if body.roster != newest.statement_hash:
        raise StateError(
            f"Version {newest.version} of the roster came after this ceremony was opened, and ended it.",
            "Ask an officer to open another: tapeline officer ceremony open.",
        )


def _require_officer(state: wire.CeremonyState, roster: Roster) -> None:
    officer = roster.find(state.officer)
    require(
        officer is not None and "officer" in officer.roles,
        Rule.ESCROW_CERTIFICATE,
        "The ceremony was opened by one who is no officer.",
    )
    key = officer.key if officer is not None else b""
    verify_signature(key, OPEN_KIND, state.parameters, state.signature, "The officer did not sign the ceremony's call.")


def _parameters(body: wire.CeremonyParameters) -> CeremonyParameters:
    return CeremonyParameters(
        deployment=body.deployment.hex(),
        firm=body.firm,
        roster_hash=body.roster,
        epoch=body.epoch,
        retention_class=body.retention_class,
        threshold=body.threshold,
        count=len(body.custodians),
        attempt=body.attempt,
    )
