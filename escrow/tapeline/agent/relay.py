"""Typed calls of the relay, for people with a role."""

from __future__ import annotations

from collections.abc import Sequence

from tapeline.agent.remote import Remote
from tapeline.wire.v1 import common_pb2 as common
from tapeline.wire.v1 import relay_pb2 as wire

RECORDS_A_CALL = 128


class RelayClient:
    """Directory and review calls; blocking. Nothing that it returns is verified."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    def deployment(self) -> wire.Deployment:
        """Return what the relay tells everyone, such as where its log's tiles are."""
        return self._remote.ask("Bootstrap/GetDeployment", wire.DeploymentRequest(), wire.Deployment)

    def bearer(self) -> str:
        """Return the HTTP authorization header of a fresh login, for the log's entries."""
        return self._remote.bearer()

    def sync(self, since: int) -> wire.SyncPage:
        """Return a page of the directory from a leaf index on."""
        return self._remote.ask("Directory/Sync", wire.SyncRequest(since=since), wire.SyncPage)

    def prove(self, indices: Sequence[int], size: int) -> common.ProofResponse:
        """Return inclusion proofs in the cosigned checkpoint of a size; 0 is the newest."""
        request = common.ProofRequest(indices=indices, size=size)
        return self._remote.ask("Directory/Prove", request, common.ProofResponse)

    def freeze_manifest(self, case: bytes, approvals: Sequence[bytes]) -> bytes:
        """Return the relay's signed manifest of an approved case."""
        request = wire.ManifestRequest(case_dsse=case, approvals=approvals)
        return self._remote.ask("Review/FreezeManifest", request, wire.ManifestResponse).manifest

    def records(self, record_hashes: Sequence[bytes]) -> wire.RecordsResponse:
        """Return up to 128 records with proofs against one note."""
        request = wire.RecordsRequest(record_hashes=record_hashes)
        return self._remote.ask("Review/GetRecords", request, wire.RecordsResponse)

    def sync_case(self, since: int, case: bytes, approvals: Sequence[bytes]) -> wire.SyncPage:
        """Return a page of the directory, with the memberships that an approved case needs."""
        request = wire.CaseDirectoryRequest(since=since, case_dsse=case, approvals=approvals)
        return self._remote.ask("Review/SyncCase", request, wire.SyncPage)

    def salts(self, case: bytes, approvals: Sequence[bytes]) -> wire.SaltsResponse:
        """Return the salts of the conversations and people that an approved case names."""
        request = wire.SaltsRequest(case_dsse=case, approvals=approvals)
        return self._remote.ask("Review/GetSalts", request, wire.SaltsResponse)

    def ciphertext(self, package: bytes) -> list[wire.ArchivedObject]:
        """Return the messages of a warrant's sessions that lie in its window."""
        request = wire.CiphertextRequest(warrant_package=package)
        return list(self._remote.stream("Review/GetCiphertext", request, wire.ArchivedObject))


class CasePages:
    """Directory pages with the memberships that an approved case needs: what a reviewer is shown (`ArchivePort`)."""

    def __init__(self, relay: RelayClient, case: bytes, approvals: Sequence[bytes]) -> None:
        self._relay, self._case, self._approvals = relay, case, approvals

    def sync(self, since: int) -> wire.SyncPage:
        """Return the page from a leaf index on."""
        return self._relay.sync_case(since, self._case, self._approvals)
