"""Where an auditor's copy comes from: the relay's export and the escrow service's board, as a logged-in auditor."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tapeline.agent.remote import Remote
from tapeline.audit.copy import ForkCopy
from tapeline.base.errors import MalformedInput
from tapeline.base.rules import Rule, require
from tapeline.base.secret import Secret
from tapeline.cli.copying import LoggedItem
from tapeline.crypto.ack import verify_ack
from tapeline.crypto.keyfile import MAX_KEY_FILE_BYTES, open_key_file
from tapeline.crypto.limits import LEAF_BYTES
from tapeline.crypto.login import ESCROW, RELAY
from tapeline.crypto.wire import parse
from tapeline.governance.auditleaf import parse_audit_leaf
from tapeline.governance.complaint import KIND, TEXT_BYTES, read_complaint_text
from tapeline.governance.roster import Roster
from tapeline.wire.v1.escrow_pb2 import AuditAck, AuditPage, AuditSync, PostRequest
from tapeline.wire.v1.objects_pb2 import Ack, AuditLeaf, Leaf
from tapeline.wire.v1.relay_pb2 import ArchivedObject, ForkEvidence, ReportsRequest, SyncRequest

PAGE = 512
MIRRORED = frozenset({"roster", "escrow-key", "revocation"})
MIRROR_SECONDS = 30.0
MAX_ROSTER_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True)
class Sources:
    """Both services and the pinned roster."""

    relay: Remote
    escrow: Remote
    pins: dict[str, bytes]

    @classmethod
    def connect(cls, roster: Path, key: Path, passphrase: Secret, *, relay: str, escrow: str) -> Sources:
        """Open the key file and prepare the logins; nothing is sent yet."""
        pinned = Roster.parse(_bounded(roster, MAX_ROSTER_BYTES).strip())
        person = open_key_file(_bounded(key, MAX_KEY_FILE_BYTES), passphrase)
        return cls(
            Remote(relay, person.signing, origin=pinned.archive_origin, audience=RELAY),
            Remote(escrow, person.signing, origin=pinned.audit_origin, audience=ESCROW),
            {pinned.organisation: pinned.statement_hash},
        )

    def archive(self, since: int) -> Iterator[LoggedItem]:
        """Yield the archive's leaves with their objects."""
        request = SyncRequest(since=since, limit=PAGE)
        for item in self.relay.stream("Review/ExportArchive", request, ArchivedObject):
            leaf = parse(Leaf, item.leaf, limit=LEAF_BYTES, what="archive leaf")
            yield LoggedItem(item.index, item.leaf, leaf.object_hash, item.object)

    def audit(self, since: int) -> Iterator[LoggedItem]:
        """Yield the audit log's leaves with their statements."""
        page = self.escrow.ask("Board/Sync", AuditSync(since=since, limit=PAGE), AuditPage)
        for item in page.items:
            yield LoggedItem(item.index, item.leaf, _audit_leaf(item.leaf).statement_hash, item.dsse)

    def forks(self, skip: int) -> Iterator[ForkCopy]:
        """Yield what the relay kept of devices that forked their sessions, without the first `skip`."""
        for item in self.relay.stream("Reports/ExportForks", ReportsRequest(since=skip), ForkEvidence):
            yield ForkCopy(item.record_hash, item.message)

    def wait_for_mirror(self, size: int) -> None:
        """Wait until the archive's checkpoint covers what the copied audit log says must be mirrored; not for ever."""
        wanted = {item.object_hash for item in self._mirrored(size)}
        deadline = time.monotonic() + MIRROR_SECONDS
        since = 0
        while wanted and time.monotonic() < deadline:
            items = list(self.archive(since))
            wanted -= {item.object_hash for item in items}
            since += len(items)
            if wanted and not items:
                time.sleep(0.2)

    def _mirrored(self, size: int) -> Iterator[LoggedItem]:
        since = 0
        while since < size:
            items = list(self.audit(since))
            if not items:
                return
            yield from (item for item in items if _audit_leaf(item.leaf).kind in MIRRORED)
            since += len(items)


def hand_in(complaint: Path, roster: Path, key: Path, passphrase: Secret, escrow: str) -> int:
    """Post a complaint to the escrow service's board and return its audit leaf's index.

    Raises:
        Refused: the complaint, or the acknowledgement, does not verify.
    """
    text = _bounded(complaint, TEXT_BYTES)
    digest = read_complaint_text(text).complaint_hash
    pinned = Roster.parse(_bounded(roster, MAX_ROSTER_BYTES).strip())
    person = open_key_file(_bounded(key, MAX_KEY_FILE_BYTES), passphrase)
    board = Remote(escrow, person.signing, origin=pinned.audit_origin, audience=ESCROW)
    ack = board.ask("Board/Post", PostRequest(kind=KIND, dsse=text), AuditAck)
    verify_ack(pinned.escrow_key, pinned.audit_origin, Ack(index=ack.index, leaf=ack.leaf, signature=ack.signature))
    leaf = _audit_leaf(ack.leaf)
    require((leaf.kind, leaf.statement_hash) == (KIND, digest), Rule.LEAF_TAG, "The leaf is another statement's.")
    return ack.index


def _audit_leaf(leaf: bytes) -> AuditLeaf:
    return parse_audit_leaf(leaf)


def _bounded(path: Path, limit: int) -> bytes:
    with path.open("rb") as handle:
        data = handle.read(limit + 1)
    if len(data) > limit:
        raise MalformedInput("A file is too large for what it should be.", "Check --roster and --key.")
    return data
