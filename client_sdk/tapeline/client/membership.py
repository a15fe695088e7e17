"""Making membership statements: the genesis of a conversation, and its changes."""

from __future__ import annotations

from collections.abc import Iterable

from tapeline.base.errors import MalformedInput, NotFound
from tapeline.base.rules import Rule, require
from tapeline.base.text import printable
from tapeline.client.device import Device
from tapeline.client.leafcheck import parse_leaf
from tapeline.client.transport.methods import PUBLISH
from tapeline.crypto.ack import verify_ack
from tapeline.crypto.ids import conversation_id
from tapeline.crypto.limits import SALT_BYTES
from tapeline.crypto.membership import Member, VerifiedMembership, parse_statement, sign_statement
from tapeline.wire.v1.objects_pb2 import FirmClass, LeafType, MembershipStatement, SignedObject
from tapeline.wire.v1.objects_pb2 import Member as WireMember
from tapeline.wire.v1.relay_pb2 import PublishRequest

PersonName = str | tuple[str, str]
"""A user of the own firm by name, or (firm, user)."""


class MembershipMaker:
    """Signs and publishes statements in the name of one device."""

    def __init__(self, device: Device) -> None:
        self._device = device

    async def create(self, people: Iterable[PersonName]) -> bytes:
        """Publish the genesis of a new conversation with these people and oneself, who may change it; return its id."""
        await self._device.directory.refresh()
        own = self._device.person
        members = {self._person(name): False for name in people} | {own: True}
        statement = MembershipStatement(
            deployment=self._device.entry.deployment,
            members=_wire(Member(firm, user, may) for (firm, user), may in members.items()),
            firms=self._firms(members),
            salt=self._device.rng(SALT_BYTES),
            signer=self._device.entry.entry_hash,
            created_ms=self._device.clock(),
        )
        return conversation_id(await self._publish(statement))

    async def change(
        self, current: VerifiedMembership, add: Iterable[PersonName], remove: Iterable[PersonName]
    ) -> None:
        """Publish the statement that follows `current`."""
        members = {(one.firm, one.user): one.may_change for one in current.members}
        for person in map(self._person, add):
            members.setdefault(person, False)
        for person in map(self._person, remove):
            members.pop(person, None)
        statement = MembershipStatement(
            deployment=current.deployment,
            conversation=current.conversation,
            sequence=current.sequence + 1,
            previous=current.statement_hash,
            members=_wire(Member(firm, user, may) for (firm, user), may in members.items()),
            firms=self._firms(members),
            signer=self._device.entry.entry_hash,
            created_ms=self._device.clock(),
        )
        await self._publish(statement)

    def _person(self, name: PersonName) -> tuple[str, str]:
        person = (self._device.entry.firm, name) if isinstance(name, str) else name
        try:
            self._device.directory.state.user_salt(*person)
        except NotFound:
            who = printable("/".join(person))
            raise NotFound(f"{who} is not enrolled.", "Check the name, or have the enroller send a code.") from None
        return person

    def _firms(self, members: Iterable[tuple[str, str]]) -> list[FirmClass]:
        firms = sorted({firm for firm, _ in members})
        if not firms:
            raise MalformedInput("A conversation has members.", "Leave at least one.")
        state = self._device.directory.state
        return [FirmClass(firm=firm, retention_class=state.roster(firm).default_class) for firm in firms]

    async def _publish(self, statement: MembershipStatement) -> bytes:
        """Publish, and return the statement's hash when a cosigned note holds it and the directory knows it."""
        signed = sign_statement(self._device.key, statement)
        statement_hash = parse_statement(signed).statement_hash
        request = PublishRequest(type=LeafType.LEAF_TYPE_MEMBERSHIP, object=SignedObject.FromString(signed))
        ack = await self._device.caller.call(PUBLISH, request)
        state = self._device.directory.state
        verify_ack(state.relay_key, state.roster().archive_origin, ack)
        leaf = parse_leaf(ack.leaf)
        require(leaf.object_hash == statement_hash, Rule.LEAF_TAG, "The acknowledgement is of another leaf.")
        await self._device.directory.ensure(ack.index + 1)
        return statement_hash


def _wire(members: Iterable[Member]) -> list[WireMember]:
    ordered = sorted(members, key=lambda one: (one.firm, one.user))
    return [WireMember(firm=one.firm, user=one.user, may_change=one.may_change) for one in ordered]
