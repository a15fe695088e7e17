"""One directory for all clients of a process: the replayed state, the newest note, what was proven once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from tapeline.base.errors import StateError, TapelineError
from tapeline.base.hashing import HASH_BYTES
from tapeline.base.rules import Refused, Rule, refusing, require
from tapeline.client.directory.bootstrap import Bootstrap, Pins, is_refused_note
from tapeline.client.directory.notes import NoteKeeper
from tapeline.client.faults import as_error
from tapeline.client.store.leaves import DirectoryRow
from tapeline.crypto.device import parse_device_entry
from tapeline.crypto.membership import parse_statement
from tapeline.crypto.wire import parse
from tapeline.directory.checked import NOT_OF_THE_OBJECT
from tapeline.directory.state import DirectoryState
from tapeline.transparency.cosigned import CosignedCheckpoint
from tapeline.wire.v1.objects_pb2 import Leaf, LeafType

MAX_LEAF = 4 * 1024
_PROVEN = 65_536


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A logged object that did not verify, and why: its leaf's index and the error to tell."""

    leaf_index: int
    error: TapelineError


class SharedDirectory:
    """The replay of directory leaves that several clients feed and read.

    Sharing is safe: nothing enters but leaves whose inclusion under a cosigned note was proven, and every client
    still asks the relay for its own view, so one that is shown less does not borrow what another was shown for its
    own completeness (`DirectorySync.next`). All clients must be of one deployment and firm.
    """

    def __init__(self) -> None:
        self._pins: Pins | None = None
        self._bootstrap: Bootstrap | None = None
        self._state: DirectoryState | None = None
        self._leaves: dict[int, bytes] = {}
        self._entries: dict[bytes, DirectoryRow] = {}
        self._proven: dict[int, bytes] = {}
        self.proving = asyncio.Lock()
        self.version = 0
        self.notes = NoteKeeper(self.verify_note)

    def join(self, firm: str, pins: Pins) -> None:
        """Take part with what an enrolment pinned.

        Raises:
            StateError: the directory is another deployment's.
        """
        if self._pins is None:
            self._pins = pins
            self._state = DirectoryState(pinned_rosters={firm: pins.roster})
        if self._pins != pins:
            raise StateError("The shared directory is another deployment's.", "Use one for each deployment.")

    @property
    def state(self) -> DirectoryState:
        """The replayed state."""
        if self._state is None:
            raise StateError("The directory is not started.", "Open the client first.")
        return self._state

    @property
    def has_roster(self) -> bool:
        """Tell whether the replay holds the firm's roster, which everything else is judged by."""
        return self._state is not None and bool(self._state.rosters.firms())

    def use_bootstrap(self, bootstrap: Bootstrap) -> None:
        """Judge notes by these rosters too, until the replay has caught up with them."""
        self._bootstrap = bootstrap

    def verify_note(self, raw: bytes) -> CosignedCheckpoint:
        """Return a note as verified by the witnesses in force.

        Raises:
            Refused: NOTE_SYNTAX, NOTE_SIGNATURE or NOTE_QUORUM.
        """
        if self._bootstrap is None or not self.has_roster:
            return (self._bootstrap or self.state).verify_archive_note(raw)
        try:
            return self.state.verify_archive_note(raw)
        except Refused as refused:
            # Witnesses may have changed while we were away: the new roster's leaf lies under their own note. What
            # the replay holds, it dates: of a roster that it knows, only its own answer counts.
            if not is_refused_note(refused):
                raise
            return self._bootstrap.verify_archive_note(raw, after=len(self.state.rosters.home))

    def believes(self, raw: bytes) -> bool:
        """Tell whether the replay's own rosters judge a note sound."""
        try:
            self.state.verify_archive_note(raw)
        except Refused:
            return False
        return True

    def has(self, index: int, leaf: bytes) -> bool:
        """Tell whether this leaf was taken before.

        Raises:
            Refused: LOG_CONSISTENCY, another leaf was proven at that index.
        """
        known = self._leaves.get(index)
        require(known in {None, leaf}, Rule.LOG_CONSISTENCY, "Two leaves were proven at one index: the log forked.")
        return known is not None

    def apply(self, rows: Iterable[DirectoryRow]) -> list[Quarantined]:
        """Take proven rows in the order of the log; those taken before are left out.

        An object that does not verify is put aside, whatever went wrong, and what is behind it is judged without it.
        It is tried again whenever it is shown again: what it lacked may be known then.

        Returns:
            What was put aside.

        Raises:
            Refused: LEAF_DIRECTORY, a hole in the directory's sequence; LOG_CONSISTENCY, as `has`.
        """
        aside: list[Quarantined] = []
        for row in rows:
            if self.has(row.leaf_index, row.leaf):
                continue
            leaf = parse(Leaf, row.leaf, limit=MAX_LEAF, what="leaf")
            try:
                self.state.apply(row.leaf_index, leaf, row.object)
            except Exception as fault:
                if isinstance(fault, Refused) and fault.rule in NOT_OF_THE_OBJECT:
                    raise  # a leaf before this one is withheld, or this one is shown otherwise than it was logged
                self.state.put_aside(row.leaf_index, leaf)
                aside.append(Quarantined(row.leaf_index, as_error("Verifying a directory object", fault)))
                continue
            self._leaves[row.leaf_index] = row.leaf
            self._note_entry(row)
            self.version += 1
        return aside

    def lacks_before(self, row: DirectoryRow) -> tuple[bytes, int] | None:
        """Tell which conversation's statements from which leaf on must be taken before a membership row, if any.

        One who is added to an older conversation was not shown its statements before.
        """
        if self.has(row.leaf_index, row.leaf) or Leaf.FromString(row.leaf).type != LeafType.LEAF_TYPE_MEMBERSHIP:
            return None
        claimed = parse_statement(row.object)
        known = self.state.memberships.by_id(claimed.conversation)
        following = 0 if known is None else known.sequence + 1
        if claimed.statement.sequence <= following:
            return None
        since = 0 if known is None else self.state.memberships.newest(claimed.conversation)[0] + 1
        return claimed.conversation, since

    def entry_chain(self, entry_hash: bytes) -> list[DirectoryRow]:
        """Return the rows of a device entry and of its issuers up to the enroller's.

        Raises:
            StateError: the entry is not in the directory yet.
        """
        chain, wanted = [], entry_hash
        while len(wanted) == HASH_BYTES:
            row = self._entries.get(wanted)
            if row is None:
                raise StateError("The device's entry is under no cosigned note yet.", "Try again.", retryable=True)
            chain.append(row)
            wanted = parse_device_entry(row.object).entry.issuer
        return chain

    def _note_entry(self, row: DirectoryRow) -> None:
        leaf = Leaf.FromString(row.leaf)
        if leaf.type == LeafType.LEAF_TYPE_DEVICE:
            self._entries[leaf.object_hash] = row

    def is_proven(self, index: int, leaf: bytes) -> bool:
        """Tell whether the inclusion of this leaf was proven under a cosigned note, by whichever client."""
        return self._proven.get(index) == leaf

    def note_proven(self, index: int, leaf: bytes) -> None:
        """Remember a proven leaf for the other clients; the oldest is forgotten."""
        self._proven[index] = leaf
        if len(self._proven) > _PROVEN:
            del self._proven[next(iter(self._proven))]

    def verified_context_note(self, raw: bytes) -> CosignedCheckpoint:
        """Return the note of a record's context.

        Raises:
            Refused: REC_NOTE, not cosigned; LOG_CONSISTENCY, of another history than ours.
        """
        with refusing(Rule.REC_NOTE, "The record's archive note is not cosigned, or is another log's."):
            self.verify_note(raw)
        note = self.verify_note(raw)
        self.notes.require_same_history(note)
        return note
