"""How an audit's report is shown to a person: the verdict first and last, findings grouped by what is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from tapeline.audit.finding import Finding
from tapeline.audit.report import Report
from tapeline.base.text import plural, printable
from tapeline.cli.auditroster import UNTRUSTED, Ground
from tapeline.cli.common import stdout

_PARTICULARS = re.compile(r"\b[0-9a-f]{16}…?|\b[0-9]+\b")
"""Hashes and numbers: what tells one consequence of a cause from the next."""


def grouped(findings: Iterable[Finding]) -> list[tuple[Finding, int]]:
    """Return the first finding of each kind, and how many there are: of one rule, about other objects or numbers."""
    groups: dict[tuple[str, str], tuple[Finding, int]] = {}
    for finding in findings:
        kind = (finding.rule, _PARTICULARS.sub("#", finding.what))
        first, count = groups.get(kind, (finding, 0))
        groups[kind] = (first, count + 1)
    return list(groups.values())


def show_report(report: Report, ground: Ground) -> None:
    """Print whose copy it is, each kind of finding, testimonies, figures, and the verdict."""
    verdict = Text(report.sentence(), style="bold green" if report.complete else "bold red")
    console = stdout()
    console.print(verdict, soft_wrap=True)
    for name, value in (
        ("organisation", ground.organisation),
        ("deployment", ground.deployment or "unknown: the copy lacks its founding roster"),
        ("founding roster", ground.words),
        ("witnesses", ", ".join(report.witnesses) or "none"),
    ):
        console.print(Text(f"{name:<15}  {printable(value)}"), soft_wrap=True)
    if report.findings:
        console.print(_table_of(report.findings))
    for title, reports in (("Complaints of devices", report.complaints), ("Forked sessions", report.forks)):
        if reports:
            table = Table("rule", "who", "what", "where", title=title, title_justify="left")
            for one in reports:
                table.add_row(*(Text(printable(text)) for text in (one.rule, one.who, one.what, one.where)))
            console.print(table)
    console.print(
        f"{plural(report.archive_size, 'archive leaf', 'archive leaves')}, "
        f"{plural(report.audit_size, 'audit leaf', 'audit leaves')}, "
        f"{plural(report.warrants, 'warrant')}, {plural(report.releases, 'release')}."
    )
    console.print(verdict, soft_wrap=True)
    if not ground.trusted:
        console.print(Text(UNTRUSTED, style="bold red"), soft_wrap=True)


def _table_of(findings: tuple[Finding, ...]) -> Table:
    groups = grouped(findings)
    title = plural(len(findings), "finding")
    if len(groups) < len(findings):
        title += f" of {plural(len(groups), 'kind')} (--json lists each)"
    table = Table("rule", "where", "what", title=title, title_justify="left")
    for first, count in groups:
        more = f" And {count - 1:,} more like this." if count > 1 else ""
        table.add_row(
            *(Text(printable(text)) for text in (first.rule, first.where)), Text(printable(first.what) + more)
        )
    return table
