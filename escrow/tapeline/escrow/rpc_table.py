"""What is declared of each RPC of the escrow service: who may call, how large, how often."""

from __future__ import annotations

from collections.abc import Mapping

from tapeline.rpc.fields import Field, Fields
from tapeline.rpc.principal import Auth, with_role
from tapeline.rpc.rules import HASH, KIB, LOGIN_RULES, RpcRule, RpcTable, proofs_asked

MIB = 1024 * KIB
PACKAGE_BYTES = 64 * MIB
STATEMENT_BYTES = 8 * MIB
EVERYONE = with_role(
    "officer", "enroller", "custodian", "approver", "reviewer", "auditor", "legal", "relay", "vault", "escrow"
)
_OFFICERS = with_role("officer")
_REVIEWERS = with_role("reviewer")
_RELEASERS = with_role("custodian")
_CEREMONY = with_role("officer", "custodian")


def _rule(auth: Auth, size: int, fields: Fields | None = None, per_minute: int = 6000) -> RpcRule:
    return RpcRule(auth, size, fields or {}, per_minute)


def _under(service: str, rules: Mapping[str, RpcRule]) -> RpcTable:
    return {f"/tapeline.wire.v1.{service}/{name}": rule for name, rule in rules.items()}


_PACKAGE = {"warrant_package": Field(PACKAGE_BYTES), "archive_pages": Field(PACKAGE_BYTES, count=65_536)}
_SIGNED = Field(inside={"body": Field(256 * KIB), "signature": Field(64)})

_BOARD = {
    "Post": _rule(EVERYONE, STATEMENT_BYTES, {"kind": Field(32), "dsse": Field(STATEMENT_BYTES)}, 600),
    "Sync": _rule(EVERYONE, KIB),
    "Prove": RpcRule(EVERYONE, 16 * KIB, {"indices": Field(count=1024)}, weight=proofs_asked),
    "ProveConsistency": _rule(EVERYONE, KIB),
    "IssueWarrant": _rule(
        _REVIEWERS, STATEMENT_BYTES, {"case_hash": HASH, "manifest": Field(STATEMENT_BYTES)}, per_minute=120
    ),
    "PostBundle": _rule(
        _RELEASERS,
        2 * STATEMENT_BYTES,
        {"release": Field(STATEMENT_BYTES), "sealed_bundle": Field(STATEMENT_BYTES)},
        per_minute=600,
    ),
    "GetBundles": _rule(with_role("reviewer", "auditor"), KIB, {"case_hash": HASH}),
    "AskVault": _rule(_REVIEWERS, PACKAGE_BYTES, _PACKAGE, per_minute=60),
}

_CEREMONIES = {
    "Open": _rule(
        _OFFICERS,
        256 * KIB,
        {"parameters": Field(256 * KIB), "officer": Field(64), "signature": Field(64)},
        per_minute=60,
    ),
    "List": _rule(_CEREMONY, KIB),
    "Post": _rule(
        _CEREMONY,  # an officer posts what an air-gapped custodian signed
        300 * KIB,
        {"ceremony": HASH, "round": Field(16), "message": _SIGNED},
        per_minute=600,
    ),
    "Get": _rule(_CEREMONY, KIB, {"ceremony": HASH}),
    "MakeVaultKey": _rule(_OFFICERS, KIB, {"retention_class": Field(64)}, per_minute=60),
}

TABLE: RpcTable = {**LOGIN_RULES, **_under("Board", _BOARD), **_under("Ceremony", _CEREMONIES)}
