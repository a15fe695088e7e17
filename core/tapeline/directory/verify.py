"""Which table verifies which type of object, and what the object's leaf must then say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapeline.base.errors import MalformedInput
from tapeline.directory.checked import Checked
from tapeline.wire.v1.objects_pb2 import LeafType

if TYPE_CHECKING:
    from tapeline.directory.state import DirectoryState


def verify_object(state: DirectoryState, leaf_type: int, obj: bytes, leaf_time_ms: int) -> Checked:
    """Return the object, verified against the state.

    Raises:
        Refused: the rule that the object breaks.
        MalformedInput: the type is none of the directory's.
    """
    if leaf_type == LeafType.LEAF_TYPE_ROSTER:
        roster = state.rosters.verify(obj)
        return Checked(leaf_type, roster.statement_hash, roster)
    if leaf_type == LeafType.LEAF_TYPE_CERTIFICATE:
        certificate = state.escrow.verify(obj, state.prekeys.has_key)
        return Checked(leaf_type, certificate.statement_hash, certificate)
    if leaf_type == LeafType.LEAF_TYPE_REVOCATION:
        revocation = state.revocations.verify(obj)
        return Checked(leaf_type, revocation.statement_hash, revocation)
    if leaf_type == LeafType.LEAF_TYPE_DEVICE:
        device = state.devices.verify(obj, leaf_time_ms)
        return Checked(leaf_type, device.entry_hash, device)
    if leaf_type == LeafType.LEAF_TYPE_PREKEY:
        prekey = state.prekeys.verify(obj, leaf_time_ms)
        return Checked(leaf_type, prekey.prekey_hash, prekey)
    if leaf_type == LeafType.LEAF_TYPE_MEMBERSHIP:
        return _membership(state, obj, leaf_time_ms)
    raise MalformedInput("The leaf is of no type of the directory.", "Feed it to note_leaf.")


def _membership(state: DirectoryState, obj: bytes, leaf_time_ms: int) -> Checked:
    statement = state.memberships.verify(obj, state.deployment, leaf_time_ms)
    return Checked(
        LeafType.LEAF_TYPE_MEMBERSHIP,
        statement.statement_hash,
        statement,
        conversation=statement.conversation,
        conversation_tag=statement.tag,
        user_tags=state.memberships.user_tags(statement),
    )
