"""The vault's gRPC surface: keys, lessons and releases for the escrow service, receipts for any device.

A receipt needs no login: what the relay passes on unread is the device's own request, which proves itself.
"""

from __future__ import annotations

import asyncio
from typing import Any

from grpc import aio

from tapeline.agent.vault_key import attest_vault_key
from tapeline.base.errors import MalformedInput
from tapeline.crypto.signing import SigningKey
from tapeline.governance.certificate import MAX_EPOCH
from tapeline.rpc.fields import Field
from tapeline.rpc.health import Check
from tapeline.rpc.principal import ANONYMOUS, with_role
from tapeline.rpc.rules import KIB, LOGIN_RULES, RpcRule, RpcTable
from tapeline.vault.keyring import Keyring
from tapeline.vault.receipts import MAX_REQUEST, Receipts
from tapeline.vault.release import Releaser
from tapeline.vault.who_is import ESCROW
from tapeline.wire.v1 import escrow_pb2 as wire
from tapeline.wire.v1.escrow_pb2_grpc import VaultServicer
from tapeline.wire.v1.objects_pb2 import SignedObject

PACKAGE_BYTES = 64 * 1024 * KIB
_STATEMENTS = Field(PACKAGE_BYTES, count=4096)
PACKAGE_FIELDS = {"warrant_package": Field(PACKAGE_BYTES), "archive_pages": Field(PACKAGE_BYTES, count=65_536)}

_ESCROW = with_role(ESCROW)

TABLE: RpcTable = {
    **LOGIN_RULES,
    "/tapeline.wire.v1.Vault/MakeKey": RpcRule(_ESCROW, KIB, {"retention_class": Field(64)}, per_minute=120),
    "/tapeline.wire.v1.Vault/GetReceipt": RpcRule(
        ANONYMOUS, MAX_REQUEST + KIB, {"opaque": Field(MAX_REQUEST)}, per_minute=60_000
    ),
    "/tapeline.wire.v1.Vault/Release": RpcRule(
        with_role(ESCROW, "reviewer"),
        PACKAGE_BYTES,
        PACKAGE_FIELDS,
        per_minute=120,
        at_once=4,
    ),
    "/tapeline.wire.v1.Vault/Learn": RpcRule(
        _ESCROW, PACKAGE_BYTES, {"rosters": _STATEMENTS, "certificates": _STATEMENTS}, per_minute=600
    ),
}

Context = aio.ServicerContext[Any, Any]


class VaultService(VaultServicer):
    """Answers from keyring, receipts and releases."""

    def __init__(self, key: SigningKey, keyring: Keyring, receipts: Receipts, releaser: Releaser) -> None:
        self._key = key
        self._keyring = keyring
        self._receipts = receipts
        self._releaser = releaser

    def checks(self) -> dict[str, Check]:
        """Return what the vault's readiness depends on."""

        async def roster() -> str:
            expired = self._receipts.clock() >= self._keyring.chain.current.expires_ms
            return "The newest roster that the vault was told of is expired." if expired else ""

        async def store() -> str:
            await asyncio.to_thread(self._keyring.ask_store)
            return ""

        async def memory() -> str:
            return self._keyring.trouble()

        return {"roster": roster, "store": store, "memory": memory}

    async def MakeKey(self, request: wire.VaultKeyRequest, context: Context) -> wire.VaultKeyResponse:  # noqa: N802
        """Return V of an epoch and class, attested for the ceremony."""
        del context
        self._keyring.require_whole()
        roster = self._keyring.chain.current
        if request.retention_class not in roster.classes or not 1 <= request.epoch <= MAX_EPOCH:
            raise MalformedInput("The roster has no such class, or the epoch is out of range.", "Check the roster.")
        public = self._keyring.make(request.epoch, request.retention_class).public()
        attestation = attest_vault_key(self._key, roster.deployment, request.epoch, request.retention_class, public)
        return wire.VaultKeyResponse(v_public=public.encode(), attestation=SignedObject.FromString(attestation))

    async def GetReceipt(self, request: wire.OpaqueRequest, context: Context) -> wire.OpaqueResponse:  # noqa: N802
        """Return a receipt, or the one uniform refusal."""
        del context
        return wire.OpaqueResponse(opaque=self._receipts.give(request.opaque))

    async def Release(  # noqa: N802
        self, request: wire.VaultReleaseRequest, context: Context
    ) -> wire.VaultReleaseResponse:
        """Pass the whole gate, then return the sealed q of the manifest's sessions."""
        del context
        return await asyncio.to_thread(self._releaser.release, request)

    async def Learn(self, request: wire.VaultUpdate, context: Context) -> wire.VaultUpdated:  # noqa: N802
        """Take new rosters and certificates."""
        del context
        known = self._keyring.learn(request.rosters, request.certificates)
        self._keyring.require_whole()
        return wire.VaultUpdated(roster_version=len(self._keyring.chain), certificates=known)
