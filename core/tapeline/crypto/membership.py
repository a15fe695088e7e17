"""Membership of a conversation: a chain of signed statements, each naming the hash of the one before (protocol, Keys).

Here are the checks that need only the chain: form, signature, order. Who has the right to sign, which users exist and
which classes their firms allow is known to the directory, which calls this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tapeline.base.rules import Rule, require
from tapeline.crypto.ids import check_name, conversation_id, object_hash, tag
from tapeline.crypto.limits import DEPLOYMENT_BYTES, FIRMS, MEMBERS, SALT_BYTES, STATEMENT_BYTES
from tapeline.crypto.objects import open_object, seal_object
from tapeline.crypto.signing import SigningKey, verify_signature
from tapeline.crypto.wire import at_most, encode, fixed
from tapeline.wire.v1 import objects_pb2 as pb

KIND = "membership"


@dataclass(frozen=True, order=True)
class Member:
    """One member: a user of a firm, with or without the right to sign the next statement."""

    firm: str
    user: str
    may_change: bool = False


@dataclass(frozen=True)
class UnverifiedMembership:
    """A parsed statement; `statement.signer` names the device entry (64 bytes) or enroller key (32) to look up."""

    statement: pb.MembershipStatement
    statement_hash: bytes
    conversation: bytes
    body: bytes
    signature: bytes


@dataclass(frozen=True)
class VerifiedMembership:
    """A statement whose form, signature and place in its chain were checked."""

    statement_hash: bytes
    deployment: bytes
    conversation: bytes
    tag: bytes
    salt: bytes
    sequence: int
    members: tuple[Member, ...]
    firms: tuple[tuple[str, str], ...]
    created_ms: int
    signer: bytes

    def member(self, firm: str, user: str) -> Member | None:
        """Return the member of that name, or None."""
        return next((one for one in self.members if (one.firm, one.user) == (firm, user)), None)

    @property
    def people(self) -> frozenset[tuple[str, str]]:
        """The members as (firm, user)."""
        return frozenset((one.firm, one.user) for one in self.members)


def sign_statement(key: SigningKey, statement: pb.MembershipStatement) -> bytes:
    """Return the statement as a signed object; `statement.signer` must already name the holder of `key`."""
    return seal_object(key, KIND, encode(statement))


def parse_statement(obj: bytes) -> UnverifiedMembership:
    """Parse strictly, so that signer and predecessor can be looked up; nothing is verified yet."""
    signed, statement = open_object(obj, pb.MembershipStatement, what="membership statement", limit=STATEMENT_BYTES)
    fixed(statement.deployment, DEPLOYMENT_BYTES, "deployment id")
    at_most(len(statement.members), MEMBERS, "members")
    at_most(len(statement.firms), FIRMS, "firms")
    statement_hash = object_hash(KIND, signed.body)
    genesis = statement.sequence == 0
    return UnverifiedMembership(
        statement=statement,
        statement_hash=statement_hash,
        conversation=conversation_id(statement_hash) if genesis else statement.conversation,
        body=signed.body,
        signature=signed.signature,
    )


def verify_statement(obj: bytes, *, signer_key: bytes, previous: VerifiedMembership | None) -> VerifiedMembership:
    """Return the statement, verified against its signer's key and its predecessor.

    Args:
        obj: a SignedObject of kind "membership".
        signer_key: Ed25519 key of the device or enroller that `statement.signer` names; the caller judges its right.
        previous: the conversation's newest statement; None for a genesis.

    Raises:
        Refused: SIG-1, MEM-1 (chain), MEM-3 (people), MEM-4 (firms), or of the wire format.
    """
    unverified = parse_statement(obj)
    statement = unverified.statement
    verify_signature(
        signer_key, KIND, unverified.body, unverified.signature, "The statement's signature is not its signer's."
    )
    require(_extends(statement, previous), Rule.MEMBERSHIP_CHAIN, "The statement does not extend the newest one.")
    members = _members(statement.members)
    firms = _firms(statement.firms, members)
    salt = previous.salt if previous else fixed(statement.salt, SALT_BYTES, "conversation salt")
    return VerifiedMembership(
        statement_hash=unverified.statement_hash,
        deployment=statement.deployment,
        conversation=unverified.conversation,
        tag=tag(salt, unverified.conversation),
        salt=salt,
        sequence=statement.sequence,
        members=members,
        firms=firms,
        created_ms=statement.created_ms,
        signer=statement.signer,
    )


def _extends(statement: pb.MembershipStatement, previous: VerifiedMembership | None) -> bool:
    if previous is None:
        return (statement.sequence, statement.conversation, statement.previous) == (0, b"", b"")
    return (
        statement.sequence == previous.sequence + 1
        and statement.previous == previous.statement_hash
        and statement.conversation == previous.conversation
        and statement.deployment == previous.deployment
        and not statement.salt
    )


def _members(listed: Sequence[pb.Member]) -> tuple[Member, ...]:
    members = tuple(
        Member(check_name(one.firm, "firm"), check_name(one.user, "user"), one.may_change) for one in listed
    )
    names = [(one.firm, one.user) for one in members]
    require(
        names == sorted(set(names)) and bool(names),
        Rule.MEMBERSHIP_PEOPLE,
        "The members are none, doubled, or not sorted by firm and user.",
    )
    return members


def _firms(listed: Sequence[pb.FirmClass], members: Sequence[Member]) -> tuple[tuple[str, str], ...]:
    firms = tuple((one.firm, check_name(one.retention_class, "retention class")) for one in listed)
    require(
        [firm for firm, _ in firms] == sorted({one.firm for one in members}),
        Rule.MEMBERSHIP_FIRMS,
        "The statement's firms are not exactly those of its members, sorted.",
    )
    return firms
