"""What people say about the governance kit's case, and how it stands for every party."""

from __future__ import annotations

from pathlib import Path

from agent_kit import LogPort, replica_of
from gov_kit import OFFICERS, Audit, Matter, key, sign
from vault_kit import make_vault, pages_of

from tapeline.agent.audit import AuditReplica
from tapeline.base.rules import Refused, Rule
from tapeline.crypto.wire import encode
from tapeline.escrow.state import BoardState
from tapeline.escrow.store import Stored
from tapeline.governance.approval import Approval, Rejection, Withdrawal
from tapeline.governance.auditleaf import parse_audit_leaf
from tapeline.governance.closing import Closing
from tapeline.governance.revocation import Revocation
from tapeline.wire.v1.escrow_pb2 import VaultReleaseRequest

__all__ = [
    "LogPort",
    "board_state",
    "closing",
    "first_approval",
    "refusal_of",
    "rejection",
    "replica_of",
    "revocation",
    "vault_refusal",
    "withdrawal",
]


def rejection(matter: Matter, who: str, at_ms: int | None = None) -> bytes:
    statement = Rejection(matter.case.statement_hash, who, "the scope is too wide", at_ms or matter.now_ms)
    return sign(statement, f"acme/{who}")


def withdrawal(matter: Matter, who: str, at_ms: int | None = None) -> bytes:
    return sign(Withdrawal(matter.case.statement_hash, who, "", at_ms or matter.now_ms), f"acme/{who}")


def approval(matter: Matter, who: str, at_ms: int) -> bytes:
    return sign(Approval(matter.case.statement_hash, who, "", at_ms, matter.case.expires_ms), f"acme/{who}")


def closing(matter: Matter, who: str = "rita") -> bytes:
    statement = Closing(matter.case.statement_hash, who, "Nothing found.", (), (), True, matter.now_ms)
    return sign(statement, f"acme/{who}")


def revocation(kind: str, target: str, by: str = "") -> bytes:
    return sign(Revocation(kind, target, by, "", 1), *(OFFICERS if not by else (f"acme/{by}",)))


def first_approval(matter: Matter, who: str) -> bytes:
    """The kit's approval by that person, as the warrant names it."""
    return next(one for one in matter.approvals if Approval.parse(one).approver == who)


def refusal_of(act) -> Rule | None:  # type: ignore[no-untyped-def]
    """The rule that stands in the way, None where nothing does."""
    try:
        act()
    except Refused as error:
        return error.rule
    return None


def vault_refusal(matter: Matter, folder: Path) -> Rule | None:
    """What a vault says to the matter's package."""
    vault = make_vault(matter.archive, folder, lambda: matter.now_ms)
    request = VaultReleaseRequest(
        warrant_package=encode(matter.package()), archive_pages=pages_of(matter.archive)
    )  # fmt: skip
    return refusal_of(lambda: vault.releaser.release(request))


def board_state(audit: Audit, pinned: bytes) -> BoardState:
    """The escrow service's state after the same log."""
    state = BoardState(pinned)
    for index, (data, text) in enumerate(zip(audit.log.entries, audit.texts, strict=True)):
        leaf = parse_audit_leaf(data)
        state.apply(Stored(index, leaf.kind, leaf.statement_hash, leaf.about, text, data, leaf.time_ms))
    return state


def replica(audit: Audit, pinned: bytes, now_ms: int) -> AuditReplica:
    made = AuditReplica(pinned)
    made.sync(LogPort(audit, now_ms))
    return made


def public(name: str) -> str:
    return key(f"acme/{name}").public.hex()
