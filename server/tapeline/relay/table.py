"""Who may call what at the relay, how large and how often: one row for each RPC, anything else is refused."""

from __future__ import annotations

from tapeline.crypto.limits import AUDIT_LEAF_BYTES, BATCH, MESSAGE_BYTES, RECORD_BYTES, STATEMENT_BYTES
from tapeline.governance.complaint import COMPLAINT_BYTES
from tapeline.relay.services.who_is import ESCROW, VAULT
from tapeline.rpc.fields import Field
from tapeline.rpc.principal import ANONYMOUS, DEVICE, with_role
from tapeline.rpc.rules import HASH, KIB, LOGIN_RULES, RpcRule, RpcTable, proofs_asked
from tapeline.transparency.tlogproof import MAX_PROOF_BYTES

MIB = 1024 * KIB
MAX_PACKAGE = 7 * MIB
MAX_DSSE = 4 * MIB
_DSSE = Field(MAX_DSSE)
_READERS = ("reviewer", "custodian", "auditor", "approver", "officer", ESCROW, VAULT)
_PEOPLE_AND_DEVICES = with_role(*_READERS, "enroller", "legal", device=True)
_HEAVY = 120
"""Calls a minute that make the relay read a whole window."""
_CURSOR = Field(count=16_384, inside={"conversation": HASH})
_ITEM = Field(count=BATCH, inside={"record": Field(RECORD_BYTES), "message": Field(MESSAGE_BYTES)})

RELAY_TABLE: RpcTable = {
    **LOGIN_RULES,
    "/tapeline.wire.v1.Bootstrap/GetDeployment": RpcRule(ANONYMOUS, 64, per_minute=1200),
    "/tapeline.wire.v1.Directory/Sync": RpcRule(_PEOPLE_AND_DEVICES, 128, {"conversation": Field(64)}),
    # Device entries come before their first login; the handler asks for one for everything else.
    "/tapeline.wire.v1.Directory/Publish": RpcRule(
        ANONYMOUS,
        STATEMENT_BYTES + KIB,
        {"object": Field(inside={"body": Field(STATEMENT_BYTES), "signature": Field(64)})},
        per_minute=1200,
    ),
    "/tapeline.wire.v1.Directory/Mirror": RpcRule(
        with_role(ESCROW, "officer"),
        MAX_DSSE + MAX_PROOF_BYTES + KIB,
        {"dsse": _DSSE, "audit_proof": Field(MAX_PROOF_BYTES)},
    ),
    "/tapeline.wire.v1.Directory/GetConversation": RpcRule(_PEOPLE_AND_DEVICES, 128, {"conversation": HASH}),
    "/tapeline.wire.v1.Directory/Prove": RpcRule(
        _PEOPLE_AND_DEVICES, 16 * KIB, {"indices": Field(count=1024)}, weight=proofs_asked
    ),
    "/tapeline.wire.v1.Directory/ProveConsistency": RpcRule(_PEOPLE_AND_DEVICES, 64),
    "/tapeline.wire.v1.Messaging/Connect": RpcRule(
        DEVICE,
        8 * MIB,
        {
            "subscribe": Field(inside={"cursors": _CURSOR}),
            "submit": Field(inside={"items": _ITEM}),
        },
        per_minute=120,
    ),
    "/tapeline.wire.v1.Messaging/Reserve": RpcRule(
        DEVICE, 256 * KIB, {"firm": Field(64), "opaque": Field(256 * KIB)}, per_minute=600
    ),
    "/tapeline.wire.v1.Messaging/Complain": RpcRule(
        DEVICE, COMPLAINT_BYTES, {"body": Field(COMPLAINT_BYTES), "signature": Field(64)}, per_minute=60
    ),
    "/tapeline.wire.v1.Review/FreezeManifest": RpcRule(
        with_role("reviewer"), 4 * MIB, {"case_dsse": _DSSE, "approvals": Field(MAX_DSSE, count=64)}, _HEAVY
    ),
    "/tapeline.wire.v1.Review/GetRecords": RpcRule(
        with_role("reviewer", "custodian", "auditor", ESCROW, VAULT), 16 * KIB, {"record_hashes": Field(64, count=128)}
    ),
    "/tapeline.wire.v1.Review/GetSalts": RpcRule(
        with_role("reviewer", "custodian", "auditor"), MIB, {"case_dsse": _DSSE, "approvals": Field(MAX_DSSE, count=64)}
    ),
    "/tapeline.wire.v1.Review/SyncCase": RpcRule(
        with_role("reviewer"), MIB, {"case_dsse": _DSSE, "approvals": Field(MAX_DSSE, count=64)}
    ),
    "/tapeline.wire.v1.Review/GetCiphertext": RpcRule(
        with_role("reviewer"), MAX_PACKAGE + KIB, {"warrant_package": Field(MAX_PACKAGE)}, 30, at_once=2
    ),
    "/tapeline.wire.v1.Review/ExportArchive": RpcRule(with_role("auditor"), 64, at_once=4),
    "/tapeline.wire.v1.Reports/ListComplaints": RpcRule(with_role(ESCROW), 64),
    "/tapeline.wire.v1.Reports/ConfirmComplaint": RpcRule(
        with_role(ESCROW),
        KIB,
        {"complaint": HASH, "logged": Field(inside={"leaf": Field(AUDIT_LEAF_BYTES), "signature": Field(64)})},
    ),
    "/tapeline.wire.v1.Reports/ExportForks": RpcRule(with_role("auditor"), 64),
}
