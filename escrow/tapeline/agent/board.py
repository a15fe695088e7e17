"""Typed calls of the escrow service."""

from __future__ import annotations

from collections.abc import Sequence

from tapeline.agent.remote import Remote
from tapeline.wire.v1 import common_pb2 as common
from tapeline.wire.v1 import escrow_pb2 as wire
from tapeline.wire.v1.objects_pb2 import SignedObject


class BoardClient:
    """The bulletin board and the ceremonies' board; blocking. Nothing that it returns is verified."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    def post(self, kind: str, dsse: bytes) -> wire.AuditAck:
        """Post a statement."""
        request = wire.PostRequest(kind=kind, dsse=dsse)
        return self._remote.ask("Board/Post", request, wire.AuditAck)

    def sync(self, since: int) -> wire.AuditPage:
        """Return a page of the audit log from an index on."""
        request = wire.AuditSync(since=since)
        return self._remote.ask("Board/Sync", request, wire.AuditPage)

    def prove(self, indices: Sequence[int], size: int = 0) -> common.ProofResponse:
        """Return inclusion proofs; a size asks for the earliest kept checkpoint of at least that size."""
        request = common.ProofRequest(indices=indices, size=size)
        return self._remote.ask("Board/Prove", request, common.ProofResponse)

    def issue_warrant(self, case_hash: bytes, manifest: bytes) -> wire.AuditAck:
        """Have a warrant issued for an approved case."""
        request = wire.WarrantRequest(case_hash=case_hash, manifest=manifest)
        return self._remote.ask("Board/IssueWarrant", request, wire.AuditAck)

    def post_bundle(self, release: bytes, sealed_bundle: bytes) -> wire.AuditAck:
        """Post a release with its sealed bundle."""
        request = wire.BundlePost(release=release, sealed_bundle=sealed_bundle)
        return self._remote.ask("Board/PostBundle", request, wire.AuditAck)

    def bundles(self, case_hash: bytes) -> list[wire.Bundle]:
        """Return a case's releases with their bundles."""
        request = wire.BundleQuery(case_hash=case_hash)
        answer = self._remote.ask("Board/GetBundles", request, wire.BundleList)
        return list(answer.bundles)

    def ask_vault(self, request: wire.VaultReleaseRequest) -> wire.AuditAck:
        """Have the vault release q for a warrant."""
        return self._remote.ask("Board/AskVault", request, wire.AuditAck)

    def open_ceremony(self, request: wire.CeremonyOpen) -> bytes:
        """Open a ceremony and return its id."""
        answer = self._remote.ask("Ceremony/Open", request, wire.CeremonyQuery)
        return answer.ceremony

    def ceremonies(self) -> list[bytes]:
        """Return all ceremonies' ids, oldest first."""
        request = wire.CeremonyListRequest()
        answer = self._remote.ask("Ceremony/List", request, wire.CeremonyList)
        return list(answer.ceremonies)

    def ceremony(self, ceremony: bytes) -> wire.CeremonyState:
        """Return a ceremony with its messages."""
        request = wire.CeremonyQuery(ceremony=ceremony)
        return self._remote.ask("Ceremony/Get", request, wire.CeremonyState)

    def post_ceremony(self, ceremony: bytes, round_name: str, message: bytes) -> None:
        """Post a signed message of a round."""
        signed = SignedObject.FromString(message)
        request = wire.CeremonyPost(ceremony=ceremony, round=round_name, message=signed)
        self._remote.ask("Ceremony/Post", request, wire.CeremonyQuery)

    def make_vault_key(self, epoch: int, retention_class: str) -> wire.VaultKeyResponse:
        """Have the vault make (or return) V of an epoch and class."""
        request = wire.VaultKeyRequest(epoch=epoch, retention_class=retention_class)
        return self._remote.ask("Ceremony/MakeVaultKey", request, wire.VaultKeyResponse)
