"""A case that its firm's approvers approved: what opens anything of other people's conversations at the relay."""

from __future__ import annotations

from collections.abc import Sequence

from tapeline.directory.state import DirectoryState
from tapeline.governance.approvals import verify_approvals
from tapeline.governance.case import Case, verify_case


def approved_case(
    directory: DirectoryState, firm: str, case_dsse: bytes, approvals: Sequence[bytes], now_ms: int
) -> Case:
    """Return the case: a reviewer's of the firm, approved exactly so by enough approvers, none of them involved.

    Raises:
        Refused: GOV-*.
    """
    chain = directory.rosters.chain(firm)
    case = verify_case(case_dsse, chain.current, now_ms)
    verify_approvals(approvals, case, chain.current, chain.in_force(now_ms), now_ms)
    return case
