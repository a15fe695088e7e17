"""What a check of a directory object tells the one who logs it: the fields that its leaf must have."""

from __future__ import annotations

from dataclasses import dataclass

from tapeline.base.hashing import tagged_hash
from tapeline.base.rules import Rule, require
from tapeline.crypto.device import VerifiedDevice
from tapeline.crypto.membership import VerifiedMembership
from tapeline.crypto.prekey import VerifiedPrekey
from tapeline.governance.certificate import EscrowCertificate
from tapeline.governance.revocation import Revocation
from tapeline.governance.roster import Roster
from tapeline.wire.v1.objects_pb2 import Leaf, LeafType

Verified = Roster | EscrowCertificate | Revocation | VerifiedDevice | VerifiedPrekey | VerifiedMembership


NUMBERED = frozenset(
    {
        LeafType.LEAF_TYPE_ROSTER,
        LeafType.LEAF_TYPE_CERTIFICATE,
        LeafType.LEAF_TYPE_REVOCATION,
        LeafType.LEAF_TYPE_DEVICE,
        LeafType.LEAF_TYPE_PREKEY,
    }
)
"""Types of the directory's sequence. Memberships are shown by need, and numbered in their conversations instead."""


DIRECTORY = NUMBERED | {LeafType.LEAF_TYPE_MEMBERSHIP}
"""Types whose objects the directory replays."""
NOT_OF_THE_OBJECT = frozenset({Rule.LEAF_DIRECTORY, Rule.LEAF_TEXT})
"""Refusals of what the relay shows, not of what was logged: nothing behind is taken until it shows the right thing."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A verified object of the directory.

    Attributes:
        type: `LeafType` number.
        object_hash: 64 bytes.
        conversation: id of a membership statement's conversation, else None.
        conversation_tag: 16 bytes, else None.
        user_tags: 16 bytes each, sorted: the members that a membership statement adds or removes.
        verified: the object.
    """

    type: int
    object_hash: bytes
    verified: Verified
    conversation: bytes | None = None
    conversation_tag: bytes | None = None
    user_tags: tuple[bytes, ...] = ()


def text_hash_of(type_: int, obj: bytes) -> bytes:
    """Return what a leaf says of its object's bytes: H("text", object) for the directory, nothing for other types.

    An object's hash leaves its signatures out. Without this, whoever shows an object could spoil its signature, and a
    revocation would not be taken by a reader who goes on behind what does not verify.
    """
    return tagged_hash("text", obj) if type_ in DIRECTORY else b""


def require_text(leaf: Leaf, obj: bytes) -> None:
    """Refuse under LEF-5 bytes other than those that were logged: a reader asks again, and goes no further."""
    require(
        leaf.text_hash == text_hash_of(leaf.type, obj), Rule.LEAF_TEXT, "The object is not the one that was logged."
    )


def require_leaf(leaf: Leaf, checked: Checked) -> None:
    """Refuse under LEF-1 a leaf that is not its object's."""
    require(
        (leaf.type, leaf.object_hash) == (checked.type, checked.object_hash),
        Rule.LEAF_TAG,
        "A leaf's type or hash is not that of its object.",
    )
    require(
        leaf.conversation_tag == (checked.conversation_tag or b"") and tuple(leaf.user_tags) == checked.user_tags,
        Rule.LEAF_TAG,
        "A leaf's tags are not those of its object.",
    )
    require(
        checked.conversation is not None or leaf.conversation_sequence == 0,
        Rule.LEAF_TAG,
        "A leaf outside a conversation has a sequence.",
    )
    require_no_number(leaf)


def require_no_number(leaf: Leaf) -> None:
    """Refuse under LEF-1 a number of the directory's sequence on a leaf of another type."""
    require(
        leaf.type in NUMBERED or leaf.directory_sequence == 0,
        Rule.LEAF_TAG,
        "A leaf outside the directory's sequence has a number of it.",
    )
