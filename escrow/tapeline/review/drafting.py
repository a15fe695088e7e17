"""Writing a case: the request with a fresh key inside, which is made for it and destroyed at its closing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tapeline.base.times import DAY, Rng
from tapeline.crypto.hpke_open import HpkePrivate
from tapeline.governance.case import Case, Subject, Window

DEFAULT_DAYS = 30


@dataclass(frozen=True)
class CaseDraft:
    """What a reviewer writes.

    Attributes:
        matter, purpose, legal_basis: for approvers and custodians to read.
        requester: who wants to know; the reviewer where nobody else asked.
        subjects: whose conversations.
        window: relay time, unix milliseconds.
        conversations: ids; empty for all of the subjects'.
        retention_class: empty for every class.
        days: until the case expires.
    """

    matter: str
    purpose: str
    legal_basis: str
    requester: str
    subjects: Sequence[Subject]
    window: Window
    conversations: Sequence[bytes] = ()
    retention_class: str = ""
    days: int = DEFAULT_DAYS


def make_case(draft: CaseDraft, firm: str, now_ms: int, rng: Rng) -> tuple[Case, HpkePrivate]:
    """Return the case and the private half of its fresh key."""
    key = HpkePrivate.generate(rng)
    case = Case(
        matter=draft.matter,
        purpose=draft.purpose,
        legal_basis=draft.legal_basis,
        firm=firm,
        requester=draft.requester,
        subjects=tuple(sorted(set(draft.subjects))),
        conversations=tuple(sorted(set(draft.conversations))),
        window=draft.window,
        retention_class=draft.retention_class,
        created_ms=now_ms,
        expires_ms=now_ms + draft.days * DAY,
        hpke_public=key.public().encode(),
    )
    return case, key
