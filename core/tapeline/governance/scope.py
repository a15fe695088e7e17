"""Scope: which sessions a case may open (governance, Scope)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tapeline.base.rules import Rule, require
from tapeline.governance.case import Case, Subject
from tapeline.governance.manifest import ManifestSession


@dataclass(frozen=True, slots=True)
class SessionFact:
    """What decides whether a session is in scope.

    Attributes:
        record_hash: 64 bytes.
        conversation: id, 64 bytes.
        sender: whose device opened the session.
        users: whose devices have a row.
        classes: retention class by firm, of the firms that hold an escrow row.
        leaf_index, leaf_time_ms: place and relay time of the session's leaf.
        not_after_ms: the end that its context names.
        messages: how many of its messages lie within the case's window; the relay counts them for the manifest.
    """

    record_hash: bytes
    conversation: bytes
    sender: Subject
    users: frozenset[Subject]
    classes: tuple[tuple[str, str], ...]
    leaf_index: int
    leaf_time_ms: int
    not_after_ms: int
    messages: int = 0


def in_scope(case: Case, session: SessionFact) -> bool:
    """Tell whether the case may open the session: people, conversation, time, firm and class all match."""
    return (
        _has_subject(case, session)
        and (not case.conversations or session.conversation in case.conversations)
        and meets_window(case, session.leaf_time_ms, session.not_after_ms)
        and _has_firm_and_class(case, session)
    )


def require_in_scope(case: Case, session: SessionFact) -> None:
    """Refuse under GAT-4 a session that the case may not open."""
    require(in_scope(case, session), Rule.GATE_SCOPE, "A session lies outside the case's scope.")


def meets_window(case: Case, leaf_time_ms: int, not_after_ms: int) -> bool:
    """Tell whether the session's interval [leaf time, not-after] and the window have a moment in common."""
    return leaf_time_ms <= case.window.to_ms and case.window.from_ms <= not_after_ms


def in_window(case: Case, message_time_ms: int) -> bool:
    """Tell whether the relay may hand out a message's ciphertext: its leaf lies inside the window."""
    return case.window.from_ms <= message_time_ms <= case.window.to_ms


def freeze(case: Case, sessions: Iterable[SessionFact]) -> list[ManifestSession]:
    """Return the manifest's rows: the sessions in scope, in the order of the log."""
    rows = [
        ManifestSession(
            record_hash=session.record_hash,
            leaf_index=session.leaf_index,
            session_leaf_time_ms=session.leaf_time_ms,
            not_after_ms=session.not_after_ms,
            messages=session.messages,
        )
        for session in sessions
        if in_scope(case, session)
    ]
    return sorted(rows, key=lambda row: row.leaf_index)


def _has_subject(case: Case, session: SessionFact) -> bool:
    subjects = set(case.subjects)
    return session.sender in subjects or not subjects.isdisjoint(session.users)


def _has_firm_and_class(case: Case, session: SessionFact) -> bool:
    held = dict(session.classes).get(case.firm)
    return held is not None and case.retention_class in {"", held}
