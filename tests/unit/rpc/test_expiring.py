"""A service says when it starts what of its firm ends soon, and nothing while all is far off."""

from __future__ import annotations

from gov_kit import T0, make_certificate, make_roster
from structlog.testing import capture_logs

from tapeline.base.times import DAY
from tapeline.rpc.expiring import log_expiry


def test_what_ends_soon_and_what_has_ended_is_logged() -> None:
    roster = make_roster(expires_ms=T0 - DAY)
    with capture_logs() as lines:
        log_expiry(roster, [make_certificate(roster, active_from_ms=T0 - 300 * DAY, not_after_ms=T0 + 20 * DAY)], T0)
    assert [(one["event"], one["log_level"], one["days"]) for one in lines] == [
        ("ended", "warning", 0),
        ("ends_soon", "warning", 20),
    ]
    assert "roster of acme" in lines[0]["what"]


def test_what_is_far_off_is_not() -> None:
    roster = make_roster()
    with capture_logs() as lines:
        log_expiry(roster, [make_certificate(roster)], T0)
    assert lines == []
