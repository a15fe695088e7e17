"""Who may read which statements (governance, table: texts stay in the database, for those with the role)."""

from __future__ import annotations

PUBLIC_KINDS = frozenset({"roster", "escrow-key", "revocation"})
"""Read by everyone who has a role or runs a service; the archive holds them too."""

CASE_READERS = frozenset({"custodian", "approver", "reviewer", "auditor", "legal"})

COMPLAINT = "complaint"
COMPLAINT_READERS = frozenset({"auditor", "officer"})
"""A complaint names a user's session: it is for those who look after the services."""


def may_read(kind: str, roles: frozenset[str]) -> bool:
    """Tell whether a caller with these roles may read statements of the kind."""
    if kind == COMPLAINT:
        return not COMPLAINT_READERS.isdisjoint(roles)
    return kind in PUBLIC_KINDS or not CASE_READERS.isdisjoint(roles)
