"""Who needs to see which membership statements: they name people, and carry the salts that make tags readable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tapeline.governance.case import Case
from tapeline.relay.services.conversations import EVERY_LEAF, Conversation, Conversations, Person
from tapeline.rpc.principal import Principal

SEE_ALL = frozenset({"custodian", "auditor"})
"""Roles that need every membership: a custodian's agent judges any record by them, an auditor all records."""


@dataclass(frozen=True, slots=True)
class Need:
    """The statements that a caller may see: of each conversation, by tag, those up to a leaf index.

    A chain is shown from its genesis, since nothing else verifies what follows.
    """

    until: Mapping[bytes, int]
    everything: bool = False

    def covers(self, tag: bytes, leaf_index: int) -> bool:
        """Tell whether the membership leaf of a conversation's tag at that index may be shown."""
        return self.everything or leaf_index <= self.until.get(tag, -1)


ALL = Need({}, everything=True)
NONE = Need({})


def of_member(person: Person, conversations: Iterable[Conversation]) -> Need:
    """Return what a user's devices need: everything up to now where a member, up to the removal where removed."""
    return Need({one.tag: one.shown_until(person) for one in conversations})


def of_caller(who: Principal, conversations: Conversations) -> Need:
    """Return what a caller may see without a case."""
    if who.device_entry is not None:
        person = (who.firm, who.name)
        return of_member(person, conversations.of(person))
    return ALL if who.roles & SEE_ALL else NONE


def of_case(case: Case, conversations: Conversations) -> Need:
    """Return what an approved case needs: the conversations that it is about, whole."""
    return Need({one.tag: EVERY_LEAF for one in about(case, conversations)})


def about(case: Case, conversations: Conversations) -> list[Conversation]:
    """Return the conversations that a case names, or all of its subjects', in which its firm ever took part.

    The others stay closed: no session of theirs is in the case's scope.
    """
    named = [conversations.get(one) for one in case.conversations]
    found = named if case.conversations else _of_subjects(case, conversations)
    return [one for one in found if one is not None and _took_part(case.firm, one)]


def may_ask(who: Principal, conversation: Conversation) -> bool:
    """Tell whether a caller may be shown one conversation's newest statement.

    A member may, custodians and auditors, and an enroller of a member's firm, who is told the id by those who want a
    statement signed: it needs the statement before, and no list of who talks with whom.
    """
    people = conversation.newest.people
    if who.device_entry is not None:
        return (who.firm, who.name) in people
    return bool(who.roles & SEE_ALL) or ("enroller" in who.roles and who.firm in {firm for firm, _ in people})


def _of_subjects(case: Case, conversations: Conversations) -> list[Conversation]:
    found = {one.id: one for subject in case.subjects for one in conversations.of((subject.firm, subject.user))}
    return list(found.values())


def _took_part(firm: str, conversation: Conversation) -> bool:
    return any(firm == member for statement in conversation.statements for member, _ in statement.people)
