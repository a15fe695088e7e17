"""Whether a session is still open, by the directory as of now."""

from __future__ import annotations

from tapeline.directory import ending
from tapeline.relay.services.draft import Draft
from tapeline.relay.services.sessions import Session


def require_open(session: Session, draft: Draft) -> None:
    """Refuse under MSG-1 a session that has ended; what ends it is asked anew only when the directory has changed."""
    ledger = draft.ledger
    if session.judged_at != ledger.generation:
        session.endings = ending.endings(ledger.directory, session.row.opened)
        session.judged_at = ledger.generation
    ending.require_open(session.endings, draft.next_index, draft.leaf_time_ms)
