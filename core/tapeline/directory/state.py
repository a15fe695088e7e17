"""The directory as of a point in the archive log: one class for relay, client, custodian, vault, auditor, workspace."""

from __future__ import annotations

from collections.abc import Mapping

from tapeline.base.errors import MalformedInput, NotFound
from tapeline.base.rules import Refused, Rule, refusing, require
from tapeline.crypto.device import VerifiedDevice
from tapeline.crypto.membership import VerifiedMembership
from tapeline.crypto.prekey import VerifiedPrekey
from tapeline.crypto.record.facts import DeviceFact, EscrowFact, Facts
from tapeline.crypto.record.parse import ParsedRecord, ParsedView
from tapeline.directory.checked import Checked, require_leaf
from tapeline.directory.devices import Devices, Person
from tapeline.directory.escrow_keys import EscrowKeys
from tapeline.directory.memberships import Memberships
from tapeline.directory.order import LeafTimes, Sequences
from tapeline.directory.prekeys import Prekeys
from tapeline.directory.revocations import Revocations
from tapeline.directory.rosters import Rosters
from tapeline.directory.verify import verify_object
from tapeline.governance.case import Subject
from tapeline.governance.certificate import EscrowCertificate
from tapeline.governance.roster import Roster
from tapeline.governance.scope import SessionFact
from tapeline.transparency.cosigned import CosignedCheckpoint
from tapeline.transparency.quorum import Policy
from tapeline.wire.v1.objects_pb2 import Leaf, LeafType

MAX_NOTES = 256
DIRECTORY_TYPES = frozenset(
    {
        LeafType.LEAF_TYPE_ROSTER,
        LeafType.LEAF_TYPE_CERTIFICATE,
        LeafType.LEAF_TYPE_REVOCATION,
        LeafType.LEAF_TYPE_DEVICE,
        LeafType.LEAF_TYPE_PREKEY,
        LeafType.LEAF_TYPE_MEMBERSHIP,
    }
)
EVERYTHING = 2**63
"""An index above every leaf."""


class DirectoryState:
    """A replay of the archive log's leaves, each with its object where it is one of the directory.

    The caller proves inclusion of every leaf in a cosigned checkpoint; this class judges what the leaves say.
    """

    def __init__(self, *, pinned_rosters: Mapping[str, bytes], whole: bool = False) -> None:
        """Start empty.

        Args:
            pinned_rosters: statement hash of each firm's roster version 1; the archive's own firm first.
            whole: every leaf of the log will be fed, in order (relay, auditor): then indices and conversation
                sequences must leave no gap. Otherwise a part is: then they must only be in the log's order.
        """
        self._whole = whole
        self._next_index = 0
        self.rosters = Rosters(pinned_rosters)
        self.revocations = Revocations(self.rosters)
        self.devices = Devices(self.rosters, self.revocations)
        self.escrow = EscrowKeys(self.rosters, self.revocations)
        self.prekeys = Prekeys(self.devices, self.escrow)
        self.memberships = Memberships(self.rosters, self.devices)
        self._times = LeafTimes(whole=whole)
        self._sequences = Sequences(whole=whole)
        self._device_facts: dict[bytes, tuple[tuple[int, int | None], DeviceFact]] = {}
        self._notes: dict[bytes, CosignedCheckpoint] = {}

    # --- replay --------------------------------------------------------------------------------------------------

    def check(self, type: int, obj: bytes, *, leaf_time_ms: int) -> Checked:  # noqa: A002 (the contract's name)
        """Verify an object against the state, as of the end of the log, and return what its leaf must say.

        Raises:
            Refused: the rule that the object breaks.
            MalformedInput: no object of the directory.
        """
        return verify_object(self, type, obj, leaf_time_ms)

    def apply(self, index: int, leaf: Leaf, obj: bytes) -> Checked:
        """Verify a leaf with its object and take both; nothing is taken where anything is refused.

        Raises:
            Refused: LEAF_TAG, LEAF_SEQUENCE, LEAF_TIME, or the rule that the object breaks.
        """
        checked = self.check(leaf.type, obj, leaf_time_ms=leaf.relay_time_ms)
        require_leaf(leaf, checked)
        self._place(index, leaf, in_conversation=checked.conversation is not None)
        self._take(index, checked, obj, leaf.relay_time_ms)
        return checked

    def note_leaf(self, index: int, leaf: Leaf) -> None:
        """Take a leaf whose object the directory does not hold: session, message, disposal.

        Raises:
            Refused: LEAF_TAG, LEAF_SEQUENCE or LEAF_TIME.
        """
        if leaf.type in DIRECTORY_TYPES:
            raise MalformedInput("A leaf of the directory comes without its object.", "Fetch the object.")
        in_conversation = leaf.type in {LeafType.LEAF_TYPE_SESSION, LeafType.LEAF_TYPE_MESSAGE}
        require(
            not in_conversation or self.memberships.by_tag(leaf.conversation_tag) is not None,
            Rule.LEAF_TAG,
            "A leaf's tag is no known conversation's.",
        )
        self._place(index, leaf, in_conversation=in_conversation)

    def _place(self, index: int, leaf: Leaf, *, in_conversation: bool) -> None:
        if self._whole and index != self._next_index:
            raise MalformedInput("A leaf does not follow the one before.", "Feed the log's leaves in order.")
        self._times.check(index, leaf.relay_time_ms)
        if in_conversation:
            self._sequences.check(index, leaf)
            self._sequences.add(index, leaf)
        self._times.add(index, leaf.relay_time_ms)
        self._next_index = max(self._next_index, index + 1)

    def _take(self, index: int, checked: Checked, obj: bytes, leaf_time_ms: int) -> None:
        match checked.verified:
            case Roster() as roster:
                self.rosters.add(index, roster, obj, leaf_time_ms)
            case EscrowCertificate() as certificate:
                self.escrow.add(index, certificate)
            case VerifiedDevice() as device:
                self.devices.add(index, device)
            case VerifiedMembership() as statement:
                self.memberships.add(index, statement)
            case VerifiedPrekey() as prekey:
                self.prekeys.add(index, prekey, leaf_time_ms)
            case revocation:
                self.revocations.add(index, revocation, obj)

    @property
    def next_index(self) -> int:
        """One above the highest index taken."""
        return self._next_index

    @property
    def latest_time_ms(self) -> int:
        """Relay time of the highest leaf taken, 0 before the first."""
        return self._times.latest_ms

    def next_sequence(self, conversation: bytes) -> int:
        """Return the sequence of the conversation's next leaf, 0 for one that is not known yet."""
        found = self.memberships.by_id(conversation)
        return 0 if found is None else self._sequences.next(found.tag)

    # --- look-up -------------------------------------------------------------------------------------------------

    def roster(self, firm: str | None = None) -> Roster:
        """Return a firm's newest roster; without a name, that of the archive's own firm."""
        return self.rosters.home.current if firm is None else self.rosters.current(firm)

    @property
    def deployment(self) -> bytes:
        """The deployment's id, 32 bytes."""
        return self.rosters.home.current.deployment

    @property
    def relay_key(self) -> bytes:
        """The Ed25519 key of acknowledgements and manifests."""
        return self.rosters.home.current.relay_key

    def archive_policy(self) -> Policy:
        """Return the newest roster's policy for archive notes; `verify_archive_note` also heeds the delay."""
        return self.rosters.home.current.archive_policy()

    def verify_archive_note(self, note: bytes) -> CosignedCheckpoint:
        """Return the checkpoint, cosigned by the quorum in force at its own time; a few hundred are remembered.

        Raises:
            Refused: NOTE_SYNTAX, NOTE_SIGNATURE or NOTE_QUORUM.
        """
        found = self._notes.get(note)
        if found is None:
            found = self.rosters.home.verify_archive_note(note)
            if len(self._notes) >= MAX_NOTES:
                del self._notes[next(iter(self._notes))]
            self._notes[note] = found
        return found

    def device(self, entry_hash: bytes) -> DeviceFact:
        """Return a device with all its prekeys.

        Raises:
            NotFound: no such entry.
        """
        return self._device_fact(entry_hash, None)

    def devices_of(self, firm: str, user: str, *, below: int | None = None) -> tuple[DeviceFact, ...]:
        """Return a user's devices, in the order of the log, with what lies below an index."""
        facts = (self._device_fact(entry_hash, below) for entry_hash in self.devices.hashes_of((firm, user)))
        return tuple(fact for fact in facts if below is None or fact.leaf_index < below)

    def devices_by_key(self, device_key: bytes) -> list[VerifiedDevice]:
        """Return the entries with this Ed25519 key, oldest first."""
        return self.devices.by_key(device_key)

    def user_salt(self, firm: str, user: str) -> bytes:
        """Return the salt of a user's tag, 32 bytes.

        Raises:
            NotFound: not enrolled.
        """
        salt = self.devices.salt((firm, user))
        if salt is None:
            raise NotFound("The user is not enrolled.", "Check the name, or fetch the newest directory leaves.")
        return salt

    def find_user(self, name: str) -> list[Person]:
        """Return the users of that name as (firm, user), one for each firm that has one."""
        return self.devices.find(name)

    def membership(self, conversation: bytes, *, below: int | None = None) -> VerifiedMembership:
        """Return a conversation's newest statement, or the newest below an index.

        Raises:
            NotFound: no such conversation, or none of its statements lies below.
        """
        return self.memberships.newest(conversation, below=below)[1]

    def conversation_by_tag(self, tag: bytes) -> bytes | None:
        """Return the id of the conversation whose leaves have this tag."""
        return self.memberships.by_tag(tag)

    def conversations_of(self, firm: str, user: str, *, former: bool = False) -> list[bytes]:
        """Return the conversations that a user is in, with those that the user was in where `former`."""
        return self.memberships.of((firm, user), former=former)

    def escrow_keys(self, firm: str) -> tuple[EscrowFact, ...]:
        """Return all certified keys of a firm, superseded or not as of the newest leaf's time."""
        return tuple(self.escrow.facts(firm, below=EVERYTHING, at_ms=self._times.latest_ms))

    def current_escrow(self, firm: str, retention_class: str, at_ms: int, below: int | None = None) -> EscrowFact:
        """Return the firm's key of that class that a sender must use at a time, certified below an index.

        Raises:
            NotFound: there is none.
        """
        limit = EVERYTHING if below is None else below
        usable = [
            key
            for key in self.escrow.facts(firm, below=limit, at_ms=at_ms)
            if key.retention_class == retention_class
            and key.active_from_ms <= at_ms < key.not_after_ms
            and not key.superseded
            and (key.revoked_index is None or key.revoked_index >= limit)
        ]
        if not usable:
            raise NotFound(
                "The firm has no current escrow key of that class.", "Wait for the ceremony.", retryable=True
            )
        return max(usable, key=lambda key: key.epoch)

    def certificate_of(self, escrow_key_id: bytes) -> EscrowCertificate:
        """Return the certificate of an escrow key.

        Raises:
            NotFound: no such key is certified.
        """
        found = self.escrow.by_key_id(escrow_key_id)
        if found is None:
            raise NotFound("The escrow key is not certified.", "Fetch the newest directory leaves.", retryable=True)
        return found

    # --- facts ---------------------------------------------------------------------------------------------------

    def facts(
        self,
        *,
        conversation: bytes,
        membership: bytes,
        sender_device: bytes,
        note: CosignedCheckpoint,
        leaf_index: int,
        leaf_time_ms: int,
    ) -> Facts:
        """Return what a record is judged by: the view below the note's size, and what changed up to its leaf.

        Args:
            conversation: id that the context names.
            membership: hash of the statement that the context names.
            sender_device: hash of the entry that the context names.
            note: verified, see `verify_archive_note`.
            leaf_index, leaf_time_ms: the record's own leaf, real or expected.

        Raises:
            Refused: REC_DEPLOYMENT (no such statement in that conversation) or REC_SENDER (no such device).
            NotFound: the conversation is not known.
        """
        statement_index, statement = self._statement(conversation, membership)
        newest = self.memberships.newest(conversation, below=leaf_index)[1]
        devices = [
            self._device_fact(entry_hash, note.size)
            for member in statement.members
            for entry_hash in self.devices.hashes_of((member.firm, member.user))
        ]
        return Facts(
            deployment=self.deployment,
            archive_note=note.raw,
            note_size=note.size,
            note_time_ms=note.median_time_ms,
            leaf_index=leaf_index,
            leaf_time_ms=leaf_time_ms,
            membership=statement,
            membership_leaf_index=statement_index,
            newest_membership=newest.statement_hash,
            sender=self._sender(sender_device, note.size),
            devices=tuple(device for device in devices if device.leaf_index < note.size),
            escrow=tuple(
                key
                for firm, _ in statement.firms
                for key in self.escrow.facts(firm, below=note.size, at_ms=note.median_time_ms)
            ),
        )

    def facts_of(self, record: ParsedRecord | ParsedView, *, leaf_index: int, leaf_time_ms: int) -> Facts:
        """Return the facts for a parsed record, after verifying the archive note that its context names.

        Raises:
            Refused: REC_NOTE, and as `facts`.
        """
        with refusing(Rule.REC_NOTE, "The record's archive note is not cosigned, or is another log's."):
            self.verify_archive_note(record.archive_note)
        return self.facts(
            conversation=record.conversation,
            membership=record.membership,
            sender_device=record.sender_device,
            note=self.verify_archive_note(record.archive_note),
            leaf_index=leaf_index,
            leaf_time_ms=leaf_time_ms,
        )

    def session_fact(
        self, record: ParsedRecord, *, leaf_index: int, leaf_time_ms: int, messages: int = 0
    ) -> SessionFact:
        """Return what decides whether a case may open the record; the record itself is not verified here.

        Raises:
            Refused: REC_SENDER, or REC_GHOST_ROW where a row's prekey is not in the directory.
        """
        context = record.context
        sender = self._sender(record.sender_device, EVERYTHING).device
        return SessionFact(
            record_hash=record.record_hash,
            conversation=record.conversation,
            sender=Subject(sender.firm, sender.user),
            users=frozenset(self._row_user(row.prekey) for row in record.rows),
            classes=tuple(zip(context.firms, context.retention_classes, strict=False)),
            leaf_index=leaf_index,
            leaf_time_ms=leaf_time_ms,
            not_after_ms=context.not_after_ms,
            messages=messages,
        )

    def _statement(self, conversation: bytes, statement_hash: bytes) -> tuple[int, VerifiedMembership]:
        found = self.memberships.by_hash(statement_hash)
        if found is None or found[1].conversation != conversation:
            raise Refused(Rule.REC_DEPLOYMENT, "The record names a membership statement that its conversation lacks.")
        return found

    def _sender(self, entry_hash: bytes, below: int) -> DeviceFact:
        if self.devices.get(entry_hash) is None:
            raise Refused(Rule.REC_SENDER, "The record's sender device is not in the directory.")
        return self._device_fact(entry_hash, below)

    def _row_user(self, prekey_hash: bytes) -> Subject:
        owner = self.prekeys.owner(prekey_hash)
        known = None if owner is None else self.devices.get(owner)
        if known is None:
            raise Refused(Rule.REC_GHOST_ROW, "A row names a prekey that is not in the directory.")
        return Subject(known[1].firm, known[1].user)

    def _device_fact(self, entry_hash: bytes, below: int | None) -> DeviceFact:
        """Return a device as it looks below an index; the last answer for each device is kept, since most repeat."""
        known = self.devices.get(entry_hash)
        if known is None:
            raise NotFound("The device is not in the directory.", "Fetch the newest directory leaves.", retryable=True)
        index, device = known
        revoked = self.revocations.index_of(device.firm, "device", entry_hash)
        key = (self.prekeys.count_below(entry_hash, below), revoked)
        cached = self._device_facts.get(entry_hash)
        if cached is not None and cached[0] == key:
            return cached[1]
        fact = DeviceFact(device, index, self.prekeys.first(entry_hash, key[0]), revoked)
        self._device_facts[entry_hash] = (key, fact)
        return fact
