"""Recomputing the manifest from the archive's own leaves: a relay that leaves a session out is caught here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from tapeline.agent.package import fetch_records
from tapeline.agent.relay import RelayClient
from tapeline.base.errors import TapelineError
from tapeline.crypto.limits import SESSION_MS
from tapeline.crypto.record.parse import ParsedRecord, parse_record
from tapeline.governance.case import Case
from tapeline.governance.manifest import Manifest, ManifestSession
from tapeline.governance.scope import SessionFact, freeze
from tapeline.review.leaves import ReplayedArchive
from tapeline.wire.v1.escrow_pb2 import ArchivedRecord
from tapeline.wire.v1.objects_pb2 import Leaf, LeafType

Fetch = Callable[[Sequence[bytes]], list[ArchivedRecord]]


@dataclass(frozen=True)
class Recount:
    """What the leaves say of the case's scope, held against the manifest.

    Attributes:
        left_out: record hashes in scope that the manifest lacks, or lists at another place or time.
        unfounded: record hashes that the manifest lists and the leaves do not support.
        withheld: session leaves of the subjects' conversations whose record the relay does not show.
        whole_conversations: tags of conversations all of whose sessions that meet the window are in scope.
    """

    left_out: tuple[bytes, ...]
    unfounded: tuple[bytes, ...]
    withheld: tuple[bytes, ...]
    whole_conversations: frozenset[bytes]

    @property
    def agrees(self) -> bool:
        """Tell whether the manifest is exactly what the leaves say."""
        return not (self.left_out or self.unfounded or self.withheld)


def fetch_from(relay: RelayClient) -> Fetch:
    """Return a fetcher of records from the relay."""
    return lambda hashes: fetch_records(relay, hashes)[0] if hashes else []


def recount(case: Case, manifest: Manifest, archive: ReplayedArchive, frozen_size: int, fetch: Fetch) -> Recount:
    """Recompute the manifest.

    1. The conversations that a subject is or was in are known from the membership statements, with their tags.
    2. Every session leaf of these tags that can meet the window, below the manifest's checkpoint, is looked at.
    3. Its record, whose hash the leaf holds, decides about scope; rows are held against the manifest's.
    """
    tags = subject_tags(case, archive)  # 1
    candidates = {  # 2
        leaf.object_hash: index
        for index, leaf in enumerate(archive.parsed[:frozen_size])
        if leaf.type == LeafType.LEAF_TYPE_SESSION and leaf.conversation_tag in tags and _can_meet(case, leaf)
    }
    shown = _parsed(fetch(list(candidates)))
    placed = (  # 3
        _fact(archive, record, candidates[name])
        for name, (index, record) in shown.items()
        if name in candidates and index == candidates[name]
    )
    facts = [fact for fact in placed if fact is not None]
    found = {row.record_hash: _place(row) for row in freeze(case, facts)}
    listed = {row.record_hash: _place(row) for row in manifest.sessions}
    outside = {archive.parsed[fact.leaf_index].conversation_tag for fact in facts if fact.record_hash not in found}
    return Recount(
        left_out=tuple(name for name, place in found.items() if listed.get(name) != place),
        unfounded=tuple(name for name, place in listed.items() if found.get(name) != place),
        withheld=tuple(name for name in candidates if name not in shown),
        whole_conversations=frozenset(tags - outside),
    )


def _parsed(found: Sequence[ArchivedRecord]) -> dict[bytes, tuple[int, ParsedRecord]]:
    """Return the records that parse, by hash; another one is as good as withheld."""
    parsed: dict[bytes, tuple[int, ParsedRecord]] = {}
    for one in found:
        with suppress(TapelineError):
            record = parse_record(one.record)
            parsed[record.record_hash] = one.index, record
    return parsed


def _fact(archive: ReplayedArchive, record: ParsedRecord, index: int) -> SessionFact | None:
    """Return what decides about scope; None of a record that the directory cannot place."""
    try:
        return archive.directory.session_fact(
            record, leaf_index=index, leaf_time_ms=archive.parsed[index].relay_time_ms
        )
    except TapelineError:
        return None


def subject_tags(case: Case, archive: ReplayedArchive) -> set[bytes]:
    """Return the tags of the conversations that a subject is or was in and that the case does not exclude."""
    directory = archive.directory
    conversations = {
        conversation
        for subject in case.subjects
        for conversation in directory.conversations_of(subject.firm, subject.user, former=True)
        if not case.conversations or conversation in case.conversations
    }
    return {directory.membership(conversation).tag for conversation in conversations}


def _can_meet(case: Case, leaf: Leaf) -> bool:
    """Tell whether a session of this leaf can meet the window; its end is at most a day later."""
    return leaf.relay_time_ms <= case.window.to_ms and leaf.relay_time_ms + 2 * SESSION_MS >= case.window.from_ms


def _place(row: ManifestSession) -> tuple[int, int, int]:
    return row.leaf_index, row.session_leaf_time_ms, row.not_after_ms
