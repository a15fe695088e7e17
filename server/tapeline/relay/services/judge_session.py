"""When a session has ended (protocol, Session record): time, members, devices, the sender's prekey, epoch."""

from __future__ import annotations

from tapeline.base.rules import Rule, require
from tapeline.crypto.record.facts import DeviceFact
from tapeline.relay.services.draft import Draft
from tapeline.relay.services.sessions import Session


def require_open(session: Session, draft: Draft) -> None:
    """Refuse under MSG-1 a session that has ended.

    1. Its time is over.
    2. The conversation has a newer membership statement.
    3. The directory has changed since: see `_require_same_devices` and `_require_same_keys`.
    """
    row, ledger = session.row, draft.ledger
    require(draft.leaf_time_ms < row.not_after_ms, Rule.MSG_SESSION, "The session is over: its time has run out.")  # 1
    conversation = ledger.conversations.get(session.conversation)
    newest = conversation.newest.statement_hash if conversation else b""
    require(newest == row.membership, Rule.MSG_SESSION, "The session is over: the members have changed.")  # 2
    if session.judged_at != ledger.generation:  # 3
        _require_same_devices(session, draft)
        _require_same_keys(session, draft)
        session.judged_at = ledger.generation


def _require_same_devices(session: Session, draft: Draft) -> None:
    """Refuse a session that lacks a device its members have, or holds one that was revoked."""
    row, directory = session.row, draft.ledger.directory
    membership = directory.membership(session.conversation)
    devices = [device for member in membership.members for device in directory.devices_of(member.firm, member.user)]
    for device in devices:
        gone = device.revoked_index is not None and device.revoked_index > row.leaf_index
        # From the note's size on: a device that the record could not know would be left out for a day.
        joined = _first_prekey(device) >= row.note_size and device.device.entry_hash != row.sender_device
        require(not gone and not joined, Rule.MSG_SESSION, "The session is over: the members' devices have changed.")
    sender = next(device for device in devices if device.device.entry_hash == row.sender_device)
    renewed = any(prekey.leaf_index > row.leaf_index for prekey in sender.prekeys)
    require(not renewed, Rule.MSG_SESSION, "The session is over: the sender has a new prekey.")


def _require_same_keys(session: Session, draft: Draft) -> None:
    """Refuse a session after one of its firms has entered a new epoch, or lost its key."""
    row, directory = session.row, draft.ledger.directory
    for firm, retention_class in directory.membership(session.conversation).firms:
        for key in directory.escrow_keys(firm):
            newer = key.retention_class == retention_class and key.leaf_index > row.leaf_index
            revoked = key.revoked_index is not None and key.revoked_index > row.leaf_index
            require(not newer and not revoked, Rule.MSG_SESSION, "The session is over: an escrow key has changed.")


def _first_prekey(device: DeviceFact) -> int:
    """Return the leaf index of the device's first prekey; −1 where it has none and so misses nothing yet."""
    return min((prekey.leaf_index for prekey in device.prekeys), default=-1)
