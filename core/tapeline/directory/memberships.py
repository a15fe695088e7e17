"""Memberships: who may change a conversation, and that all its members, firms and classes are real ones."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from tapeline.base.errors import NotFound
from tapeline.base.rules import Refused, Rule, require
from tapeline.crypto.ids import tag, user_id
from tapeline.crypto.limits import KEY_BYTES
from tapeline.crypto.membership import UnverifiedMembership, VerifiedMembership, parse_statement, verify_statement
from tapeline.directory.devices import Devices, Person
from tapeline.directory.rosters import Rosters


class Memberships:
    """Statements by hash and by conversation, in the order of the log."""

    def __init__(self, rosters: Rosters, devices: Devices) -> None:
        self._rosters = rosters
        self._devices = devices
        self._chains: dict[bytes, list[tuple[int, VerifiedMembership]]] = {}
        self._by_hash: dict[bytes, tuple[int, VerifiedMembership]] = {}
        self._by_tag: dict[bytes, bytes] = {}
        self._by_person: dict[Person, dict[bytes, None]] = {}

    def verify(self, obj: bytes, deployment: bytes, leaf_time_ms: int) -> VerifiedMembership:
        """Return the statement: it extends its conversation, by one who may, with enrolled members, right classes.

        Raises:
            Refused: MEMBERSHIP_CHAIN, MEMBERSHIP_SIGNER, MEMBERSHIP_PEOPLE, MEMBERSHIP_FIRMS, DEVICE_EXPIRED,
                SIGNATURE, or of the wire format.
        """
        claimed = parse_statement(obj)
        previous = self._newest(claimed.conversation)
        require(
            claimed.statement.deployment == deployment,
            Rule.MEMBERSHIP_CHAIN,
            "The membership statement is another deployment's.",
        )
        signer_key = self._signer_key(claimed, leaf_time_ms)
        statement = verify_statement(obj, signer_key=signer_key, previous=previous)
        require(
            self._may_sign(statement, previous, leaf_time_ms),
            Rule.MEMBERSHIP_SIGNER,
            "The signer has no right to change this conversation.",
        )
        require(
            all(self._devices.salt(person) is not None for person in statement.people),
            Rule.MEMBERSHIP_PEOPLE,
            "A member is not enrolled.",
        )
        require(
            all(self._is_class_of(firm, chosen) for firm, chosen in statement.firms),
            Rule.MEMBERSHIP_FIRMS,
            "A firm's retention class is not the one that its roster sets.",
        )
        return statement

    def add(self, index: int, statement: VerifiedMembership) -> None:
        """Take a verified statement."""
        self._chains.setdefault(statement.conversation, []).append((index, statement))
        self._by_hash[statement.statement_hash] = (index, statement)
        self._by_tag[statement.tag] = statement.conversation
        for person in statement.people:
            self._by_person.setdefault(person, {})[statement.conversation] = None

    def user_tags(self, statement: VerifiedMembership) -> tuple[bytes, ...]:
        """Return the sorted tags of the users whom the statement adds or removes."""
        previous = self._newest(statement.conversation)
        changed = statement.people ^ (frozenset() if previous is None else previous.people)
        return tuple(sorted(self._tag(statement.deployment, person) for person in changed))

    def by_hash(self, statement_hash: bytes) -> tuple[int, VerifiedMembership] | None:
        """Return leaf index and statement."""
        return self._by_hash.get(statement_hash)

    def newest(self, conversation: bytes, *, below: int | None = None) -> tuple[int, VerifiedMembership]:
        """Return the newest statement of a conversation, or the newest below an index, with its leaf index.

        Raises:
            NotFound: no such conversation, or none of its statements lies below.
        """
        chain = self._chains.get(conversation, [])
        count = len(chain) if below is None else bisect_left(chain, below, key=lambda item: item[0])
        if count == 0:
            raise NotFound("The conversation is not known.", "Fetch the newest directory leaves.", retryable=True)
        return chain[count - 1]

    def next_after(self, index: int, conversation: bytes) -> int | None:
        """Return the leaf index of the conversation's first statement above an index, None where there is none."""
        chain = self._chains.get(conversation, [])
        place = bisect_right(chain, index, key=lambda item: item[0])
        return chain[place][0] if place < len(chain) else None

    def by_id(self, conversation: bytes) -> VerifiedMembership | None:
        """Return the newest statement of a conversation, None where it is not known."""
        return self._newest(conversation)

    def by_tag(self, conversation_tag: bytes) -> bytes | None:
        """Return the conversation whose leaves have this tag."""
        return self._by_tag.get(conversation_tag)

    def of(self, person: Person, *, former: bool = False) -> list[bytes]:
        """Return the conversations that a user is in now, with those that the user was in where `former`."""
        ever = self._by_person.get(person, {})
        return [one for one in ever if former or person in self._chains[one][-1][1].people]

    def _newest(self, conversation: bytes) -> VerifiedMembership | None:
        chain = self._chains.get(conversation)
        return chain[-1][1] if chain else None

    def _signer_key(self, claimed: UnverifiedMembership, leaf_time_ms: int) -> bytes:
        """Return the Ed25519 key of the device or enroller that the statement names."""
        signer = claimed.statement.signer
        if len(signer) == KEY_BYTES:
            return signer  # an enroller's key; `_may_sign` asks whose
        known = self._devices.get(signer)
        if known is None:
            raise Refused(Rule.MEMBERSHIP_SIGNER, "The statement's signer is not in the directory.")
        device = known[1]
        self._devices.require_usable(
            device, leaf_time_ms, Rule.MEMBERSHIP_SIGNER, "The statement's signer is a revoked device."
        )
        return device.device_key

    def _may_sign(self, statement: VerifiedMembership, previous: VerifiedMembership | None, at_ms: int) -> bool:
        """Tell whether the signer has the right, by the statement before; a genesis needs a member."""
        known = self._devices.get(statement.signer)
        if known is None:
            return self._is_enroller_at_home(statement, previous, at_ms)
        device = known[1]
        rights = (statement if previous is None else previous).member(device.firm, device.user)
        return rights is not None and (previous is None or rights.may_change)

    def _is_enroller_at_home(
        self, statement: VerifiedMembership, previous: VerifiedMembership | None, at_ms: int
    ) -> bool:
        """Tell whether an enroller signed for its own firm's people alone, in a conversation that the firm is in.

        Another firm's conversation stays closed to it: who would enter uninvited gets a row in every later session.
        """
        firms = {firm for firm, _ in _changed(statement, previous)}
        if len(firms) != 1:
            return False
        firm = firms.pop()
        is_inside = previous is None or firm in dict(previous.firms)
        return is_inside and self._rosters.knows(firm) and self._devices.is_enroller(firm, statement.signer, at_ms)

    def _is_class_of(self, firm: str, retention_class: str) -> bool:
        return self._rosters.knows(firm) and self._rosters.current(firm).default_class == retention_class

    def _tag(self, deployment: bytes, person: Person) -> bytes:
        return tag(self._devices.salt(person) or b"", user_id(deployment, *person))


def _changed(statement: VerifiedMembership, previous: VerifiedMembership | None) -> frozenset[Person]:
    """Return the people whom the statement adds, removes, or gives other rights."""
    before = frozenset() if previous is None else frozenset(previous.members)
    return frozenset((one.firm, one.user) for one in frozenset(statement.members) ^ before)
