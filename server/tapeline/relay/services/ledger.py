"""What the one writer judges by: the directory, conversations, sessions, and where the log ends."""

from __future__ import annotations

from dataclasses import dataclass, field

from tapeline.directory.state import DirectoryState
from tapeline.relay.services.conversations import Conversations
from tapeline.relay.services.sessions import SessionCache


@dataclass(slots=True)
class Ledger:
    """The relay's memory; changed by the writer only, after its transaction has committed.

    Attributes:
        next_index: index of the log's next leaf.
        last_time_ms: time of its last leaf; later leaves are never earlier (rule LEF-3).
        next_session: row number of the next session.
        generation: counts changes of the directory.
    """

    directory: DirectoryState
    origin: str
    conversations: Conversations = field(default_factory=Conversations)
    sessions: SessionCache = field(default_factory=SessionCache)
    next_index: int = 0
    last_time_ms: int = 0
    next_session: int = 1
    generation: int = 0

    def directory_changed(self) -> None:
        """Tell every session that it must be judged anew."""
        self.generation += 1
