"""What the auditor reports: which check failed, what is wrong, and the name of the object that it is wrong with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from tapeline.base.errors import TapelineError
from tapeline.base.rules import Refused, Rule

Progress = Callable[[str, int, int], None]
"""Called with a stage's name, how much of it is done, and how much there is."""


class Check(Enum):
    """The auditor's own checks, beside the protocol's rules."""

    MISSING = "AUD-1"
    """A log names an object that the copy does not hold."""
    OTHER_BYTES = "AUD-2"
    """An object's hash is not the one that its leaf names."""
    ENTRY = "AUD-3"
    """A log entry is not the one that the log's tiles commit to."""
    ROOT = "AUD-4"
    """A log's entries do not lead to its checkpoint's root."""
    FORK = "AUD-5"
    """A cosigned checkpoint states another history than this copy's."""
    MIRROR = "AUD-6"
    """The archive's rosters, certificates and revocations are not the audit log's."""
    WARRANT = "AUD-7"
    """A release rests on no warrant that was in force."""
    MANIFEST = "AUD-8"
    """A manifest is not exactly the sessions in its case's scope."""
    TWICE = "AUD-9"
    """Somebody released one session twice for one warrant, differently."""
    GAP = "AUD-10"
    """A conversation's sequence, or a session's message index, has a gap or a repeat."""
    LEFT_OUT = "AUD-12"
    """A release leaves out a session whose record did not verify for its maker."""
    EXCEPTION = "AUD-13"
    """The officers except a record, a release rests on that, or an unsound record was released without."""
    UNKNOWN = "AUD-11"
    """An entry of a kind, or in a form, that the auditor cannot read."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        rule: id of a protocol rule or of a `Check`.
        what: one sentence.
        where: names the object, such as "archive leaf 17, message ab12…".
    """

    rule: str
    what: str
    where: str

    def as_dict(self) -> dict[str, str]:
        """Return the object that --json prints."""
        return {"rule": self.rule, "what": self.what, "where": self.where}


class Findings:
    """Collects findings in the order of their discovery, each once."""

    def __init__(self) -> None:
        self._all: dict[Finding, None] = {}

    def add(self, check: Check, what: str, where: str) -> None:
        """Report a failed check of the auditor's own."""
        self._all.setdefault(Finding(check.value, what, where))

    def broken(self, rule: Rule, what: str, where: str) -> None:
        """Report a broken rule of the protocol that the auditor found itself."""
        self._all.setdefault(Finding(rule.id, what, where))

    def refused(self, error: TapelineError, where: str) -> None:
        """Report what the protocol's own verification refused."""
        rule = error.rule.id if isinstance(error, Refused) else Check.UNKNOWN.value
        self._all.setdefault(Finding(rule, error.cause.removesuffix(f" [{rule}]"), where))

    def __len__(self) -> int:
        return len(self._all)

    def all(self) -> tuple[Finding, ...]:
        """Return every finding."""
        return tuple(self._all)


def short(digest: bytes) -> str:
    """Return the first 16 hex digits of a hash, enough to find the object by its file name."""
    return f"{digest[:8].hex()}…"
