"""What the relay keeps in memory of every conversation: its next sequence, and who was a member when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tapeline.relay.storage.entries import ConversationRow

Person = tuple[str, str]
"""(firm, user)."""
EVERY_LEAF = 2**63
"""Above every leaf index."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A membership leaf: its place in the log and in the conversation, and the members from there on."""

    leaf_index: int
    sequence: int
    statement_hash: bytes
    people: frozenset[Person]


@dataclass(slots=True)
class Conversation:
    """One conversation; `number` is its row, `next_sequence` that of its next leaf."""

    number: int
    id: bytes
    tag: bytes
    next_sequence: int = 0
    statements: list[Statement] = field(default_factory=list)

    @property
    def newest(self) -> Statement:
        """The newest membership statement."""
        return self.statements[-1]

    def spans(self, person: Person) -> Iterator[tuple[int, int | None]]:
        """Yield (first, last) sequences that a person may see: from the leaf that adds to the leaf that removes.

        `last` is None while the person is a member.
        """
        first: int | None = None
        for statement in self.statements:
            if person in statement.people and first is None:
                first = statement.sequence
            elif person not in statement.people and first is not None:
                yield first, statement.sequence
                first = None
        if first is not None:
            yield first, None

    def shown_until(self, person: Person) -> int:
        """Return the highest leaf index of a statement that a person may see: of the one that removed them, if any.

        -1 for one who never was a member; above every leaf while they are one.
        """
        until = -1
        for statement in self.statements:
            if person in statement.people:
                until = EVERY_LEAF
            elif until == EVERY_LEAF:
                until = statement.leaf_index
        return until

    def next_visible(self, person: Person, since: int) -> tuple[int, int | None] | None:
        """Return the next visible (first, last) at or after sequence `since`; None where nothing is visible so far."""
        for first, last in self.spans(person):
            if last is None or last >= since:
                return max(first, since), last
        return None


class Conversations:
    """All conversations, by id and by person."""

    def __init__(self) -> None:
        self._by_id: dict[bytes, Conversation] = {}
        self._of: dict[Person, dict[bytes, Conversation]] = {}
        self._next_number = 1

    def load(self, rows: list[ConversationRow]) -> None:
        """Take up the stored conversations; their statements follow through `add_statement`."""
        for row in rows:
            self._by_id[row.id] = Conversation(row.number, row.id, row.tag, row.next_sequence)
            self._next_number = max(self._next_number, row.number + 1)

    def draft(self, identifier: bytes, tag: bytes) -> Conversation:
        """Return a conversation that is not yet known; `add` makes it known once it is stored."""
        return Conversation(self._next_number, identifier, tag)

    def add(self, conversation: Conversation) -> None:
        """Take up a conversation that was stored."""
        self._by_id[conversation.id] = conversation
        self._next_number = max(self._next_number, conversation.number + 1)

    def add_statement(self, identifier: bytes, statement: Statement) -> None:
        """Note a membership leaf."""
        conversation = self._by_id[identifier]
        conversation.statements.append(statement)
        for person in statement.people:
            self._of.setdefault(person, {})[identifier] = conversation

    def get(self, identifier: bytes) -> Conversation | None:
        """Return a conversation by its id."""
        return self._by_id.get(identifier)

    def of(self, person: Person) -> list[Conversation]:
        """Return the conversations that a person is or was a member of."""
        return list(self._of.get(person, {}).values())

    def __iter__(self) -> Iterator[Conversation]:
        return iter(self._by_id.values())
