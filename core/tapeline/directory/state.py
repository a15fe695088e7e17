"""The directory as of a point in the archive log: one class for relay, client, custodian, vault, auditor, workspace."""

from __future__ import annotations

from collections.abc import Mapping

from tapeline.base.errors import MalformedInput
from tapeline.base.rules import Rule, require
from tapeline.crypto.device import VerifiedDevice
from tapeline.crypto.membership import VerifiedMembership
from tapeline.crypto.prekey import VerifiedPrekey
from tapeline.directory.checked import DIRECTORY, NUMBERED, Checked, require_leaf, require_no_number, require_text
from tapeline.directory.facts import FactBuilder
from tapeline.directory.order import DirectoryNumbers, LeafTimes, Sequences
from tapeline.directory.verify import verify_object
from tapeline.governance.certificate import EscrowCertificate
from tapeline.governance.roster import Roster
from tapeline.wire.v1.objects_pb2 import Leaf, LeafType

DIRECTORY_TYPES = DIRECTORY
OF_ORDER = frozenset({Rule.LEAF_SEQUENCE, Rule.LEAF_TIME, Rule.LEAF_DIRECTORY})
"""Rules about a leaf's place: where one is broken, leaves are withheld or dated falsely, whatever the object is."""


class DirectoryState(FactBuilder):
    """A replay of the archive log's leaves, each with its object where it is one of the directory.

    The caller proves inclusion of every leaf in a cosigned checkpoint; this class judges what the leaves say.
    """

    def __init__(self, *, pinned_rosters: Mapping[str, bytes], whole: bool = False, strict: bool = True) -> None:
        """Start empty.

        Args:
            pinned_rosters: statement hash of each firm's roster version 1; the archive's own firm first.
            whole: every leaf of the log will be fed, in order (relay, auditor): then indices and conversation
                sequences must leave no gap. Otherwise a part is: then they must only be in the log's order.
            strict: the directory's sequence must leave no gap; False for an auditor, who reports gaps and goes on.
        """
        self._whole = whole
        self._next_index = 0
        self._changes = 0
        super().__init__(pinned_rosters, LeafTimes(whole=whole), DirectoryNumbers(strict=strict))
        self._sequences = Sequences(whole=whole)
        self._passed_over: set[bytes] = set()

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
            Refused: LEAF_DIRECTORY, LEAF_TEXT, LEAF_TAG, LEAF_SEQUENCE, LEAF_TIME, or the rule that the object breaks.
        """
        if leaf.type in NUMBERED:
            self.numbers.check(index, leaf)
        require_text(leaf, obj)
        checked = self.check(leaf.type, obj, leaf_time_ms=leaf.relay_time_ms)
        require_leaf(leaf, checked)
        self._place(index, leaf, in_conversation=checked.conversation is not None)
        self._take(index, checked, obj, leaf.relay_time_ms)
        if leaf.type in NUMBERED:
            self.numbers.add(index)
        return checked

    def put_aside(self, index: int, leaf: Leaf) -> None:
        """Count a leaf of the directory whose object does not verify, so that those behind it can be taken.

        Raises:
            Refused: LEAF_DIRECTORY.
        """
        if leaf.type in NUMBERED:
            self.numbers.check(index, leaf)
            self.numbers.add(index)

    def pass_over(self, index: int, leaf: Leaf) -> None:
        """Take the place of a directory leaf, and nothing of its object, in a replay of the whole log.

        Of a membership that is not shown to this reader, the conversation's tag and sequence are known all the same.

        Raises:
            Refused: LEAF_DIRECTORY, LEAF_SEQUENCE or LEAF_TIME.
        """
        self.put_aside(index, leaf)
        in_conversation = leaf.type == LeafType.LEAF_TYPE_MEMBERSHIP
        self._place(index, leaf, in_conversation=in_conversation)
        if in_conversation:
            self._passed_over.add(leaf.conversation_tag)

    def note_leaf(self, index: int, leaf: Leaf) -> None:
        """Take a leaf whose object the directory does not hold: session, message, disposal.

        Raises:
            Refused: LEAF_TAG, LEAF_SEQUENCE or LEAF_TIME.
        """
        if leaf.type in DIRECTORY_TYPES:
            raise MalformedInput("A leaf of the directory comes without its object.", "Fetch the object.")
        in_conversation = leaf.type in {LeafType.LEAF_TYPE_SESSION, LeafType.LEAF_TYPE_MESSAGE}
        tag = leaf.conversation_tag
        require_no_number(leaf)
        require(
            not in_conversation or self.memberships.by_tag(tag) is not None or tag in self._passed_over,
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
        self._changes += 1
        match checked.verified:
            case Roster() as roster:
                self.rosters.add(index, roster, obj, leaf_time_ms)
            case EscrowCertificate() as certificate:
                self.escrow.add(index, certificate)
            case VerifiedDevice() as device:
                self.devices.add(index, device, leaf_time_ms)
            case VerifiedMembership() as statement:
                self.memberships.add(index, statement)
            case VerifiedPrekey() as prekey:
                self.prekeys.add(index, prekey, leaf_time_ms)
            case revocation:
                self.revocations.add(index, revocation, obj, self.devices.hashes_of)

    @property
    def next_index(self) -> int:
        """One above the highest index taken."""
        return self._next_index

    @property
    def changes(self) -> int:
        """How many objects were taken: as long as it stays, every answer stays."""
        return self._changes

    def next_sequence(self, conversation: bytes) -> int:
        """Return the sequence of the conversation's next leaf, 0 for one that is not known yet."""
        found = self.memberships.by_id(conversation)
        return 0 if found is None else self._sequences.next(found.tag)
