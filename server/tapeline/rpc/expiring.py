"""What ends by time, said in a service's log when it starts."""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from tapeline.governance.certificate import EscrowCertificate
from tapeline.governance.expiry import of_firm, warnings_at
from tapeline.governance.roster import Roster

_log = structlog.get_logger("tapeline.rpc")


def log_expiry(roster: Roster, certificates: Iterable[EscrowCertificate], now_ms: int) -> None:
    """Warn of the roster and the escrow keys that have ended or end within 60 days."""
    for one in warnings_at(now_ms, of_firm(roster, certificates)):
        _log.warning("ends_soon" if one.stage else "ended", what=one.thing.what.rstrip(","), days=one.days)
