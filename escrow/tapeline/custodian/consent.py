"""What a person sees before saying yes: who, why, whose, how many, until when (governance, The gate, 7)."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from tapeline.base.text import plural, printable
from tapeline.base.times import time_text
from tapeline.governance.gate_input import GateSummary


def consent_table(summary: GateSummary) -> Table:
    """Return the table; every text of others is made printable."""
    table = Table(title="A warrant asks for sessions to be opened", show_header=False, title_justify="left")
    for name, value in (
        ("Who asks", summary.requester),
        ("Reviewed by", ", ".join(summary.reviewers)),
        ("Approved by", ", ".join(summary.approvers)),
        *_named("Rejected by", summary.rejected_by),
        *_named("Withdrawn by", summary.withdrawn_by),
        ("Matter", summary.matter),
        ("Why", summary.purpose),
        ("Legal basis", summary.legal_basis),
        ("Whose", ", ".join(summary.subjects)),
        (
            "How many",
            ", ".join(
                (
                    plural(summary.sessions, "session"),
                    plural(summary.messages, "message"),
                    plural(summary.conversations, "conversation"),
                )
            ),
        ),
        *_left_out(summary),
        *_excepted(summary),
        ("From", _time(summary.window_from_ms)),
        ("Until", _time(summary.window_to_ms)),
        ("Classes", ", ".join(summary.classes)),
        ("Warrant ends", _time(summary.not_after_ms)),
        *_announced(summary),
    ):
        table.add_row(Text(name), Text(printable(value, newlines=True), overflow="fold"))
    return table


def _named(title: str, people: Sequence[str]) -> list[tuple[str, str]]:
    return [(title, ", ".join(people))] if people else []


def _left_out(summary: GateSummary) -> list[tuple[str, str]]:
    """Name the sessions that stay sealed since their records do not verify."""
    if not summary.left_out:
        return []
    lines = [f"{plural(len(summary.left_out), 'session')} whose record does not verify, not released:"]
    return [("Left out", "\n".join([*lines, *(one.sentence for one in summary.left_out)]))]


def _excepted(summary: GateSummary) -> list[tuple[str, str]]:
    """Warn of the sessions that are among those released although their records do not verify."""
    if not summary.excepted:
        return []
    count = plural(len({one.record_hash for one in summary.excepted}), "session")
    lines = [f"{count} whose record does not verify would be released, as the officers except it:"]
    return [("Warning", "\n".join([*lines, *(one.sentence for one in summary.excepted)]))]


def _announced(summary: GateSummary) -> list[tuple[str, str]]:
    """Governance, table, roster: changes of approvers or witnesses are shown to custodians before they count."""
    if summary.announced_roster is None:
        return []
    return [("Attention", f"roster version {summary.announced_roster} will change approvers or witnesses")]


def _time(time_ms: int) -> str:
    return f"{time_text(time_ms)} UTC"
