"""Putting together what a gate needs: documents and leaves from the board, records from the relay."""

from __future__ import annotations

from collections.abc import Sequence

from tapeline.agent.audit import AuditEntry, AuditReplica
from tapeline.agent.board import BoardClient
from tapeline.agent.relay import RECORDS_A_CALL, RelayClient
from tapeline.base.errors import NotFound, StateError
from tapeline.governance.audit_replay import MAX_NOTES
from tapeline.governance.manifest import Manifest
from tapeline.governance.roster import Roster
from tapeline.governance.warrant import Warrant
from tapeline.transparency.checkpoint import parse_checkpoint
from tapeline.transparency.note import split_note
from tapeline.wire.v1.escrow_pb2 import ArchivedRecord, AuditItem, WarrantPackage
from tapeline.wire.v1.relay_pb2 import ArchivedObject

_PUBLIC_TEXTS = frozenset({"roster", "escrow-key", "revocation"})


def warrants_of(audit: AuditReplica, case_hash: bytes | None = None) -> list[tuple[AuditEntry, Warrant]]:
    """Return the warrants in the log, of one case or of all, oldest first; unverified."""
    parsed = [(entry, Warrant.parse(entry.dsse)) for entry in audit.of_kind(Warrant.kind) if entry.dsse]
    return [(entry, warrant) for entry, warrant in parsed if case_hash in {None, warrant.case}]


def documents(audit: AuditReplica, board: BoardClient, entry: AuditEntry) -> WarrantPackage:
    """Return the package of a warrant's leaf without records: what suffices for gate steps 1 to 4.

    Raises:
        NotFound: the board withholds a text that the warrant names.
    """
    warrant = Warrant.parse(entry.dsse)
    if audit.checkpoint is None:
        raise StateError("The audit log was not read yet.", "Sync it first.")
    return WarrantPackage(
        warrant=entry.dsse,
        case_statement=_text(audit, warrant.case),
        approvals=[_text(audit, approval) for approval in warrant.approvals],
        manifest=_text(audit, warrant.manifest),
        audit_note=audit.checkpoint.raw,
        audit_leaves=[
            AuditItem(index=one.index, leaf=one.leaf, dsse=one.dsse if one.kind in _PUBLIC_TEXTS else b"")
            for one in audit.entries
        ],
        publication_notes=_older_notes(audit, board, entry),
    )


def with_records(package: WarrantPackage, relay: RelayClient) -> WarrantPackage:
    """Return the package with all records of its manifest, each proven in one archive note.

    Raises:
        StateError: the relay withholds a record.
    """
    hashes = [row.record_hash for row in Manifest.parse(package.manifest).sessions]
    answers = [relay.records(hashes[i : i + RECORDS_A_CALL]) for i in range(0, len(hashes), RECORDS_A_CALL)]
    found = [record for answer in answers for record in answer.records]
    if len(found) != len(hashes):
        raise StateError("The relay withholds a record of the manifest.", "Report the relay.")
    full = WarrantPackage()
    full.CopyFrom(package)
    if answers:
        full.archive_note = answers[-1].note
        full.records.extend(_under_one_note(found, answers[-1].note, len(answers[-1].records), relay))
    else:
        full.archive_note = Manifest.parse(package.manifest).archive_note
    return full


def _under_one_note(
    found: Sequence[ArchivedObject], note: bytes, fresh: int, relay: RelayClient
) -> list[ArchivedRecord]:
    """Prove the earlier answers' records anew under the last answer's note, since the log grew in between."""
    older = [one.index for one in found[: len(found) - fresh]]
    proofs = {one.index: tuple(one.proof) for one in found[len(found) - fresh :]}
    if older:
        size = parse_checkpoint(split_note(note)[0]).size
        proofs.update((one.index, tuple(one.hashes)) for one in relay.prove(older, size).proofs)
    return [ArchivedRecord(index=one.index, leaf=one.leaf, record=one.object, proof=proofs[one.index]) for one in found]


def _older_notes(audit: AuditReplica, board: BoardClient, warrant: AuditEntry) -> list[bytes]:
    """Return the earliest notes that hold the warrant and the newest rosters: they prove how long each was public."""
    newest = audit.checkpoint.raw if audit.checkpoint is not None else b""
    rosters = [entry.index for entry in audit.of_kind(Roster.kind)[1:]]
    wanted = [warrant.index, *rosters[-(MAX_NOTES - 1) :]]
    notes = [board.prove([], index + 1).note for index in wanted]
    return [note for note in dict.fromkeys(notes) if note != newest and _is_below(note, audit)]


def _is_below(note: bytes, audit: AuditReplica) -> bool:
    return parse_checkpoint(split_note(note)[0]).size <= len(audit.entries)


def _text(audit: AuditReplica, statement_hash: bytes) -> bytes:
    entry = audit.find(statement_hash)
    if entry is None or not entry.dsse:
        raise NotFound("The board does not show a text that the warrant names.", "Log in with a role that may read it.")
    return entry.dsse
