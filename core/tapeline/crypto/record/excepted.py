"""Rules about the directory's view that the officers may except a record from, and the judgement that heeds it.

A relay can make an honest sender break these by withholding a directory leaf. None of them is about what escrow opens
with: escrow rows, their keys, receipts, signature and proof are judged in full whatever is excepted.
"""

from __future__ import annotations

from tapeline.base.rules import Refused, Rule
from tapeline.crypto.record.facts import Facts
from tapeline.crypto.record.parse import ParsedRecord
from tapeline.crypto.record.verify import EXCEPTABLE, VerifiedRecord, verify_record


def verify_with_exceptions(
    record: ParsedRecord, facts: Facts, allowed: frozenset[Rule]
) -> tuple[VerifiedRecord, frozenset[Rule]]:
    """Judge a record in full, but for the allowed rules; return those that it breaks, too.

    Only a rule that the record was refused under is passed over, one by one, so that what is returned is exactly what
    the record is excepted from.

    Args:
        record: whole.
        facts: as for `verify_record`.
        allowed: of `EXCEPTABLE`.

    Raises:
        Refused: of a rule that is not allowed, or not met although it is.
    """
    broken: frozenset[Rule] = frozenset()
    while True:
        try:
            return verify_record(record, facts, excepted=broken), broken
        except Refused as refused:
            if refused.rule not in allowed & EXCEPTABLE or refused.rule in broken:
                raise
            broken |= {refused.rule}
