"""Where a person works: their key, the services they talk to, and their own verified copies of both logs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

from tapeline.agent.archive import ArchiveReplica
from tapeline.agent.audit import AuditReplica
from tapeline.agent.board import BoardClient
from tapeline.agent.relay import CasePages, RelayClient
from tapeline.agent.remote import Remote, Waiting
from tapeline.base.errors import PermissionRefused, StateError
from tapeline.crypto.keyfile import PersonKey
from tapeline.crypto.login import ESCROW, RELAY
from tapeline.governance.person import Person
from tapeline.governance.roster import Roster


@dataclass
class Desk:
    """One person's connections and replicas; close it when done.

    Attributes:
        key: the person's own.
        founding: roster version 1, pinned.
        board: the escrow service.
        audit, archive: verified copies, empty until synced.
        case_archives: copies of the archive's directory by case, for reviewers.
    """

    key: PersonKey
    founding: Roster
    board: BoardClient
    audit: AuditReplica
    archive: ArchiveReplica
    escrow_remote: Remote
    relay_remote: Remote | None
    case_archives: dict[bytes, ArchiveReplica] = field(default_factory=dict)

    @property
    def relay(self) -> RelayClient:
        """The relay.

        Raises:
            StateError: no address was given.
        """
        if self.relay_remote is None:
            raise StateError("This step needs the relay.", "Give its address: --relay HOST:PORT.")
        return RelayClient(self.relay_remote)

    def archive_for(self, case: bytes, approvals: Sequence[bytes]) -> ArchiveReplica:
        """Return a copy of the archive's directory with the memberships that an approved case needs, up to date.

        A reviewer is shown no others. Where a conversation came into the case meanwhile, the copy is begun anew.
        """
        replica = self.case_archives.get(case)
        if replica is None or replica.quarantined:
            pinned = {self.founding.organisation: self.founding.statement_hash}
            replica = self.case_archives[case] = ArchiveReplica(pinned)
        replica.sync(CasePages(self.relay, case, approvals))
        return replica

    def me(self) -> Person:
        """Return who this key is in the newest roster, syncing the audit log first.

        Raises:
            PermissionRefused: nobody.
        """
        self.audit.sync(self.board)
        person = self.audit.roster.by_key(self.key.signing.public)
        if person is None:
            raise PermissionRefused("The roster does not name this key.", "Ask the officers, or use another key file.")
        return person

    def close(self) -> None:
        """Close the connections."""
        self.escrow_remote.close()
        if self.relay_remote is not None:
            self.relay_remote.close()


def open_desk(
    key: PersonKey, founding: bytes, escrow: str, relay: str | None = None, *, waiting: Waiting = nullcontext
) -> Desk:
    """Return the desk of a person.

    Args:
        key: opened.
        founding: roster version 1, signed; what everything is pinned to.
        escrow, relay: host:port.
        waiting: of `Remote`.

    Raises:
        Refused: GOV-2, where the roster is malformed.
    """
    roster = Roster.parse(founding)
    pinned = roster.statement_hash
    escrow_remote = Remote(escrow, key.signing, origin=roster.audit_origin, audience=ESCROW, waiting=waiting)
    relay_remote = None
    if relay is not None:
        relay_remote = Remote(relay, key.signing, origin=roster.archive_origin, audience=RELAY, waiting=waiting)
    return Desk(
        key=key,
        founding=roster,
        board=BoardClient(escrow_remote),
        audit=AuditReplica(pinned),
        archive=ArchiveReplica({roster.organisation: pinned}),
        escrow_remote=escrow_remote,
        relay_remote=relay_remote,
    )
