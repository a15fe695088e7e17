"""Opening a session as one of its recipients; never importable by the relay."""

from __future__ import annotations

from dataclasses import dataclass

from tapeline.base.errors import CryptoFailure, StateError
from tapeline.base.rules import Rule, require
from tapeline.base.secret import Secret
from tapeline.crypto.group import Point
from tapeline.crypto.hpke_open import open_sealed
from tapeline.crypto.prekey_secret import PrekeySecret
from tapeline.crypto.record.parse import ParsedView
from tapeline.crypto.record.root import require_q, session_root
from tapeline.crypto.record.rows import Row, slot_info
from tapeline.crypto.record.verify import VerifiedRecord


@dataclass(frozen=True, repr=False)
class OpenedRow:
    """Both halves of a session's secret; redacted."""

    m: Point
    q: Secret


def open_as_recipient(view: ParsedView, verified: VerifiedRecord, prekey_secret: PrekeySecret) -> Secret:
    """Return the session root, 64 bytes.

    Args:
        view: the view that was judged.
        verified: the verdict on it.
        prekey_secret: of the prekey that the view's row names.

    Raises:
        Refused: OPN-1 (M is the identity), OPN-2 (q does not match cq).
        StateError: view, verdict and secret do not belong together.
    """
    opened = open_row(view, verified, prekey_secret)
    return session_root(opened.m, opened.q, verified.record_hash)


def open_row(view: ParsedView, verified: VerifiedRecord, prekey_secret: PrekeySecret) -> OpenedRow:
    """Return M and q of the reader's own row and slot."""
    row = own_row(view, verified, prekey_secret)
    shared = verified.c0.mul(prekey_secret.scalar)
    require(row.sealed != shared, Rule.OPEN_SECRET, "The secret that the row holds is the identity.")
    return OpenedRow(row.sealed - shared, _open_slot(view.device_slot or b"", row, verified, prekey_secret))


def own_row(view: ParsedView, verified: VerifiedRecord, prekey_secret: PrekeySecret) -> Row:
    """Return the row that the prekey's secret opens."""
    if view.record_hash != verified.record_hash or view.row_index is None:
        raise StateError("The view is not the one that was verified.")
    row = view.shard.rows[view.row_index]
    if prekey_secret.scalar.base_mul() != row.point:
        raise StateError("The secret is not that of the prekey that the row names.")
    return row


def _open_slot(slot: bytes, row: Row, verified: VerifiedRecord, prekey_secret: PrekeySecret) -> Secret:
    try:
        q = Secret(open_sealed(prekey_secret.hpke, slot_info(verified.context, row.prekey), slot))
    except CryptoFailure:
        q = Secret(b"")  # no q at all is as wrong as another one
    require_q(q, verified)
    return q
