"""Opening a session as a reviewer: M from the custodians' partials, q from the vault; never importable by the relay."""

from __future__ import annotations

from tapeline.base.secret import Secret
from tapeline.crypto.group import Point
from tapeline.crypto.record.root import require_q, session_root
from tapeline.crypto.record.verify import VerifiedRecord


def open_with_m(verified: VerifiedRecord, m: Point, q: Secret) -> Secret:
    """Return the session root, 64 bytes.

    Args:
        verified: the record, judged in full.
        m: as combined from verified partials; no identity, by its type.
        q: as the vault released it.

    Raises:
        Refused: OPN-2 (q does not match cq).
    """
    require_q(q, verified)
    return session_root(m, q, verified.record_hash)
