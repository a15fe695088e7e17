"""Putting together what a gate needs: documents and leaves from the board, records from the relay."""

from __future__ import annotations

from collections.abc import Sequence

from tapeline.agent.audit import AuditEntry, AuditReplica
from tapeline.agent.board import BoardClient
from tapeline.agent.relay import RECORDS_A_CALL, RelayClient
from tapeline.base.errors import NotFound, StateError
from tapeline.crypto.wire import decode
from tapeline.governance import audit_replay as replayed
from tapeline.governance.audit_replay import MAX_NOTES
from tapeline.governance.chain import guarded
from tapeline.governance.exception import RecordException
from tapeline.governance.manifest import Manifest
from tapeline.governance.release import VaultRelease, is_release_of
from tapeline.governance.roster import Roster
from tapeline.governance.standing import DECIDING
from tapeline.governance.warrant import Warrant
from tapeline.transparency.checkpoint import parse_checkpoint
from tapeline.transparency.note import split_note
from tapeline.wire.v1.escrow_pb2 import ArchivedRecord, AuditItem, WarrantPackage
from tapeline.wire.v1.objects_pb2 import Leaf
from tapeline.wire.v1.relay_pb2 import ArchivedObject

PROOFS_A_CALL = 1024
TRIES = 8
"""How many of the board's notes are looked at for one that dates a leaf."""
_PUBLIC_TEXTS = frozenset({"roster", "escrow-key", "revocation"})
_OF_A_CASE = DECIDING | {RecordException.kind}


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
            AuditItem(index=one.index, leaf=one.leaf, dsse=one.dsse if _is_needed(one, warrant.case) else b"")
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
    full = WarrantPackage()
    full.CopyFrom(package)
    full.archive_note = Manifest.parse(package.manifest).archive_note
    if hashes:
        records, full.archive_note = fetch_records(relay, hashes)
        if len(records) != len(hashes):
            raise StateError("The relay withholds a record of the manifest.", "Report the relay.")
        full.records.extend(records)
    return full


def with_newest_vault_release(package: WarrantPackage, audit: AuditReplica) -> WarrantPackage:
    """Return the package with the text of the vault's newest release, whichever case it is of.

    An older copy of the vault lacks the newest first: by this text it notices. Leaves that the vault did not sign are
    passed over, and older ones left out, since all of a year's would not fit.
    """
    full = WarrantPackage()
    full.CopyFrom(package)
    for entry in reversed(audit.of_kind(VaultRelease.kind)):
        if entry.index < len(full.audit_leaves) and is_release_of(audit.roster.vault_key, entry.dsse, entry.leaf):
            full.audit_leaves[entry.index].dsse = entry.dsse
            break
    return full


def fetch_records(relay: RelayClient, record_hashes: Sequence[bytes]) -> tuple[list[ArchivedRecord], bytes]:
    """Return the records that the relay shows of those asked for, and the one note that all are proven in.

    An answer holds as many as fit, so what is missing is asked for again, until nothing more comes.
    """
    found: dict[bytes, ArchivedObject] = {}
    fresh: list[ArchivedObject] = []
    note, left = b"", list(record_hashes)
    while left:
        answer = relay.records(left[:RECORDS_A_CALL])
        fresh, note = list(answer.records), answer.note
        if not fresh:
            break
        found.update((decode(Leaf, one.leaf, what="record's leaf").object_hash, one) for one in fresh)
        left = [one for one in left if one not in found]
    ordered = sorted(found.values(), key=lambda one: one.index)
    return _under_one_note(ordered, note, fresh, relay), note


def _under_one_note(
    found: Sequence[ArchivedObject], note: bytes, fresh: Sequence[ArchivedObject], relay: RelayClient
) -> list[ArchivedRecord]:
    """Prove the earlier answers' records anew under the last answer's note, since the log grew in between."""
    proofs = {one.index: tuple(one.proof) for one in fresh}
    older = [one.index for one in found if one.index not in proofs]
    for start in range(0, len(older), PROOFS_A_CALL):
        size = parse_checkpoint(split_note(note)[0]).size
        answer = relay.prove(older[start : start + PROOFS_A_CALL], size)
        proofs.update((one.index, tuple(one.hashes)) for one in answer.proofs)
    return [ArchivedRecord(index=one.index, leaf=one.leaf, record=one.object, proof=proofs[one.index]) for one in found]


def _is_needed(entry: AuditEntry, case_hash: bytes) -> bool:
    """Tell whether a gate needs the text: public ones, those that decide how this case stands, exceptions for it."""
    return entry.kind in _PUBLIC_TEXTS or (entry.about == case_hash and entry.kind in _OF_A_CASE)


def _older_notes(audit: AuditReplica, board: BoardClient, warrant: AuditEntry) -> list[bytes]:
    """Return the earliest notes that hold the warrant and the changes of guarded parts, and that its reader believes.

    They prove how long each was public. A note that only later witnesses cosigned proves it to nobody: the next one
    that the board kept is asked for.
    """
    newest = audit.checkpoint.raw if audit.checkpoint is not None else b""
    entries = [replayed.AuditEntry(one.leaf, one.dsse if one.kind in _PUBLIC_TEXTS else b"") for one in audit.entries]
    sizes = {index: index + 1 for index in (*_changes(audit), warrant.index)}
    kept: dict[int, bytes] = {}
    for _ in range(TRIES):
        asked = {index: board.prove([], size).note for index, size in sizes.items() if size <= len(entries)}
        kept |= {index: note for index, note in asked.items() if note != newest and _size(note) <= len(entries)}
        sound = {one.raw for one in replayed.believed_notes(entries, [*kept.values(), newest], audit.pinned_roster)}
        sizes = {index: _size(note) + 1 for index, note in kept.items() if note not in sound}
        kept = {index: note for index, note in kept.items() if note in sound}
        if not sizes:
            break
    return list(dict.fromkeys(kept.values()))


def _size(note: bytes) -> int:
    return parse_checkpoint(split_note(note)[0]).size


def _changes(audit: AuditReplica) -> list[int]:
    """Return the leaves of the rosters whose age a gate asks for, oldest first, as many as a package has room for.

    Where there are more, those that changed witnesses come first: a later note dates every other as well.
    """
    rosters = [(entry.index, Roster.parse(entry.dsse)) for entry in audit.of_kind(Roster.kind)]
    changed = [
        (index, after, before)
        for (index, after), (_, before) in zip(rosters[1:], rosters, strict=False)
        if guarded(after) != guarded(before)
    ]
    room = MAX_NOTES - 1
    ordered = sorted(changed, key=lambda one: (one[1].witnesses != one[2].witnesses, one[0]))
    return sorted(index for index, _, _ in ordered[-room:])


def _text(audit: AuditReplica, statement_hash: bytes) -> bytes:
    entry = audit.find(statement_hash)
    if entry is None or not entry.dsse:
        raise NotFound(
            "The board does not show a text that the warrant names.",
            "Give the --key of a reviewer or custodian.",
        )
    return entry.dsse
