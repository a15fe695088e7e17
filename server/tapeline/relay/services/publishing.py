"""Entering objects into the directory: devices, prekeys, memberships, and what is mirrored from the audit log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from tapeline.base.errors import StateError, Unavailable
from tapeline.base.hashing import tagged_hash
from tapeline.base.rules import Refused
from tapeline.base.times import Clock
from tapeline.crypto.device import VerifiedDevice
from tapeline.crypto.membership import VerifiedMembership
from tapeline.crypto.prekey import VerifiedPrekey
from tapeline.directory.checked import Checked
from tapeline.directory.devices import Person
from tapeline.directory.state import DirectoryState
from tapeline.governance.dsse import parse_envelope
from tapeline.governance.revocation import Revocation
from tapeline.relay.metrics import Metrics
from tapeline.relay.services.acks import Acknowledger
from tapeline.relay.services.conversations import Conversation, Statement
from tapeline.relay.services.device_limits import DeviceLimits, require_room, require_room_for_prekey
from tapeline.relay.services.draft import Draft, LogMoved, Placed
from tapeline.relay.services.ledger import Ledger
from tapeline.relay.storage.entries import (
    add_conversation,
    add_directory_object,
    find_directory_object,
    read_leaves_at,
)
from tapeline.rpc.errors import log_internal
from tapeline.wire.v1.objects_pb2 import Ack, Leaf, LeafType, SignedObject

Deliver = Callable[[Sequence[tuple[Placed, Ack]]], None]

_SIGNED_KINDS = {
    LeafType.LEAF_TYPE_DEVICE: "device",
    LeafType.LEAF_TYPE_PREKEY: "prekey",
    LeafType.LEAF_TYPE_MEMBERSHIP: "membership",
}
_DSSE_KINDS = {
    LeafType.LEAF_TYPE_ROSTER: "roster",
    LeafType.LEAF_TYPE_CERTIFICATE: "escrow-key",
    LeafType.LEAF_TYPE_REVOCATION: "revocation",
}

_EVERYDAY = frozenset({LeafType.LEAF_TYPE_PREKEY, LeafType.LEAF_TYPE_MEMBERSHIP})
_log = structlog.get_logger("tapeline.relay")


class Publisher:
    """Checks an object against the directory, logs it in a transaction of its own, then applies it."""

    def __init__(
        self,
        ledger: Ledger,
        engine: AsyncEngine,
        write_lock: asyncio.Lock,
        acknowledger: Acknowledger,
        deliver: Deliver,
        clock: Clock,
        metrics: Metrics,
        limits: DeviceLimits | None = None,
    ) -> None:
        self._ledger, self._engine, self._write_lock = ledger, engine, write_lock
        self._acknowledger, self._deliver = acknowledger, deliver
        self._clock, self._metrics = clock, metrics
        self._limits = limits or DeviceLimits()
        self.on_devices: Callable[[Person, int], None] = lambda *_: None

    async def publish(self, type_: LeafType, obj: bytes) -> Ack:
        """Return the acknowledgement of the object's leaf, which is the earlier one where it was published before.

        Raises:
            Refused: a rule of the directory.
            LimitExceeded: the user has as many devices, or the device as many new prekeys, as one may.
            Unavailable: it could not be stored.
        """
        async with self._write_lock:
            stored = await self._stored(type_, obj)
            if stored is not None:
                return stored
            try:
                ack = await self._append(type_, obj)
            except Refused as refusal:
                _log.warning("directory_refused", type=_type_name(type_), rule=refusal.rule)
                raise
        # Prekeys and memberships are everyday; of the others, each changes whom everybody trusts.
        (_log.debug if type_ in _EVERYDAY else _log.info)("directory_leaf", type=_type_name(type_), index=ack.index)
        return ack

    async def known(self, type_: LeafType, obj: bytes) -> Ack | None:
        """Return the acknowledgement of an object that is in the directory already."""
        return await self._stored(type_, obj)

    async def _stored(self, type_: LeafType, obj: bytes) -> Ack | None:
        object_hash = _object_hash(type_, obj)
        async with self._engine.connect() as conn:
            return await conn.run_sync(self._find, object_hash)

    def _find(self, conn: Connection, object_hash: bytes) -> Ack | None:
        index = find_directory_object(conn, object_hash)
        return None if index is None else self._acknowledger.ack(index, read_leaves_at(conn, [index])[index])

    async def _append(self, type_: LeafType, obj: bytes) -> Ack:
        ledger = self._ledger
        draft = Draft(ledger, self._clock())
        checked = ledger.directory.check(type_, obj, leaf_time_ms=draft.leaf_time_ms)
        if isinstance(checked.verified, VerifiedDevice):
            require_room(self._limits, ledger.directory, checked.verified, obj, draft.leaf_time_ms)
        if isinstance(checked.verified, VerifiedPrekey):
            device = ledger.directory.device(checked.verified.device_entry)
            require_room_for_prekey(self._limits, device, draft.leaf_time_ms)
        conversation, is_new = self._conversation(checked)
        placed = draft.place(type_, obj, checked.object_hash, conversation, checked.user_tags)
        added = conversation if is_new else None
        try:
            async with self._engine.begin() as conn:
                await conn.run_sync(_store, draft, checked.object_hash, added)
        except (SQLAlchemyError, LogMoved) as error:
            log_internal("publishing_failed", error)
            raise Unavailable("The relay could not store this.", "Send again in a moment.") from None
        ledger.directory.apply(placed.index, Leaf.FromString(placed.leaf), obj)
        if added is not None:
            ledger.conversations.add(added)
        if isinstance(checked.verified, VerifiedMembership):
            ledger.conversations.add_statement(checked.verified.conversation, statement_of(checked.verified, placed))
        draft.commit()
        ledger.directory_changed()
        self._metrics.accepted.labels(type_).inc()
        ack = self._acknowledger.ack(placed.index, placed.leaf)
        self._deliver([(placed, ack)])
        person = _whose_devices(ledger.directory, checked)
        if person is not None:
            self.on_devices(person, ledger.next_index)
        return ack

    def _conversation(self, checked: Checked) -> tuple[Conversation | None, bool]:
        """Return the conversation of a membership statement, and whether this is its genesis."""
        if checked.conversation is None or checked.conversation_tag is None:
            return None, False
        known = self._ledger.conversations.get(checked.conversation)
        if known is not None:
            return known, False
        return self._ledger.conversations.draft(checked.conversation, checked.conversation_tag), True


def _type_name(type_: LeafType) -> str:
    return LeafType.Name(type_).removeprefix("LEAF_TYPE_").lower()


def _whose_devices(directory: DirectoryState, checked: Checked) -> Person | None:
    """Return the user one of whose devices joined, by its first prekey, or was revoked; None for other objects."""
    match checked.verified:
        case VerifiedPrekey(device_entry=entry):
            fact = directory.device(entry)
            return fact.person if len(fact.prekeys) == 1 else None
        case Revocation(target_kind="device", target=target):
            known = directory.devices.get(bytes.fromhex(target))
            return None if known is None else (known[1].firm, known[1].user)
        case _:
            return None


def statement_of(verified: VerifiedMembership, placed: Placed) -> Statement:
    """Return what the relay keeps of a membership leaf."""
    return Statement(placed.index, placed.sequence, verified.statement_hash, verified.people)


def _store(conn: Connection, draft: Draft, object_hash: bytes, conversation: Conversation | None) -> None:
    if conversation is not None:
        add_conversation(conn, conversation.number, conversation.id, conversation.tag)
    draft.store(conn)
    add_directory_object(conn, draft.first_index, object_hash)


def _object_hash(type_: LeafType, obj: bytes) -> bytes:
    """Return the hash by which an object is known, before it is verified."""
    if type_ in _SIGNED_KINDS:
        return tagged_hash(_SIGNED_KINDS[type_], SignedObject.FromString(obj).body)
    if type_ in _DSSE_KINDS:
        return parse_envelope(obj, _DSSE_KINDS[type_]).statement_hash
    raise StateError("Objects of this type are not published.", "Send sessions and messages on a stream.")
