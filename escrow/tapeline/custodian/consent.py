"""What a person sees before saying yes: who, why, whose, how many, until when (governance, The gate, 7)."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from tapeline.base.text import printable
from tapeline.base.times import time_text
from tapeline.governance.gate_input import GateSummary


def consent_table(summary: GateSummary) -> Table:
    """Return the table; every text of others is made printable."""
    table = Table(title="A warrant asks for sessions to be opened", show_header=False, title_justify="left")
    for name, value in (
        ("Who asks", summary.requester),
        ("Reviewed by", ", ".join(summary.reviewers)),
        ("Approved by", ", ".join(summary.approvers)),
        ("Matter", summary.matter),
        ("Why", summary.purpose),
        ("Legal basis", summary.legal_basis),
        ("Whose", ", ".join(summary.subjects)),
        (
            "How many",
            f"{summary.sessions} sessions, {summary.messages} messages, {summary.conversations} conversations",
        ),
        ("From", _time(summary.window_from_ms)),
        ("Until", _time(summary.window_to_ms)),
        ("Classes", ", ".join(summary.classes)),
        ("Warrant ends", _time(summary.not_after_ms)),
        *_announced(summary),
    ):
        table.add_row(Text(name), Text(printable(value, newlines=True), overflow="fold"))
    return table


def _announced(summary: GateSummary) -> list[tuple[str, str]]:
    """Governance, table, roster: changes of approvers or witnesses are shown to custodians before they count."""
    if summary.announced_roster is None:
        return []
    return [("Attention", f"roster version {summary.announced_roster} will change approvers or witnesses")]


def _time(time_ms: int) -> str:
    return f"{time_text(time_ms)} UTC"
