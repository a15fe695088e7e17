"""What a run of the demo comes to: the one JSON object, and whether all of it is as it should be."""

from __future__ import annotations

from dataclasses import dataclass, field

FRAUDS = (
    "escrow_copy_of_another_secret",
    "ghost_escrow_key",
    "affine_rogue_prekey",
    "ghost_member",
    "replayed_record",
    "second_ciphertext",
    "directory_cut_short",
    "time_beyond_the_calendar",
)


@dataclass
class Outcome:
    """Figures of one run; a step that did not happen leaves its field as it is, which is not as it should be.

    Attributes:
        sent: messages that the clients sent and the relay acknowledged.
        stored: message leaves in the archive.
        sessions: session leaves in the archive.
        in_scope: sent messages in the scope of the case.
        opened: messages that the reviewer opened.
        matched: opened and byte-equal to what was sent.
        plaintext_hits: finds of the search in files and memory of the servers; -1 until it was made.
        control_found: what the same search had to find in the sender's process, was found.
        frauds_refused: by name.
        spoilt_named: by name.
        complete, sentence: of the audit.
        unread: lines of the transcripts that could not be read.
        checks: further conditions of the story by their sentence.
        seconds: by step.
    """

    sent: int = 0
    stored: int = 0
    sessions: int = 0
    in_scope: int = 0
    opened: int = 0
    matched: int = 0
    plaintext_hits: int = -1
    control_found: bool = False
    frauds_refused: dict[str, bool] = field(default_factory=dict)
    spoilt_named: dict[str, bool] = field(default_factory=dict)
    complete: bool = False
    sentence: str = ""
    unread: int = 0
    checks: dict[str, bool] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def faults(self) -> list[str]:
        """Return what is not as it should be, a sentence each."""
        judged = {
            "Nothing was sent.": self.sent > 0,
            "The archive does not hold exactly what was sent.": self.stored == self.sent,
            "No session was opened.": self.sessions > 0,
            "No message was in the scope of the case.": self.in_scope > 0,
            "The reviewer did not open exactly the messages in scope.": self.opened == self.in_scope,
            "An opened message is not what was sent.": self.matched == self.opened,
            "Plaintexts or secrets were found where they must not be.": self.plaintext_hits == 0,
            "The search did not find what it had to find in the sender's process.": self.control_found,
            "A fraud was not refused.": self._all(self.frauds_refused, FRAUDS),
            "A spoilt copy was not named.": self._all(self.spoilt_named, None),
            "The audit was not complete.": self.complete,
            **self.checks,
        }
        return [sentence for sentence, holds in judged.items() if not holds]

    @staticmethod
    def _all(found: dict[str, bool], names: tuple[str, ...] | None) -> bool:
        return bool(found) and all(found.values()) and (names is None or set(names) <= set(found))

    def as_dict(self) -> dict[str, object]:
        """Return the object that --json prints in its last line."""
        return {
            "sent": self.sent,
            "stored": self.stored,
            "sessions": self.sessions,
            "in_scope": self.in_scope,
            "opened": self.opened,
            "matched": self.matched,
            "plaintext_hits": self.plaintext_hits,
            "frauds_refused": self.frauds_refused,
            "spoilt_named": self.spoilt_named,
            "audit": {"complete": self.complete, "sentence": self.sentence},
            "unread": self.unread,
            "seconds": self.seconds,
            "faults": self.faults(),
        }
