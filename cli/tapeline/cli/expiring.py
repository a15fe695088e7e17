"""What ends by time, said to whoever looks at what depends on it."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text

from tapeline.agent.audit import AuditReplica
from tapeline.base.seam import system_clock
from tapeline.base.text import printable
from tapeline.cli.common import stderr
from tapeline.governance.certificate import EscrowCertificate
from tapeline.governance.expiry import Expiring, of_firm, warnings_at


def ends_of(audit: AuditReplica) -> list[Expiring]:
    """Return what the firm of a synced audit log has to renew."""
    certificates = [EscrowCertificate.parse(entry.dsse) for entry in audit.of_kind(EscrowCertificate.kind)]
    return of_firm(audit.roster, certificates)


def say_what_ends(things: Iterable[Expiring], *, as_json: bool) -> list[str]:
    """Return a sentence for each that has ended or ends within 60 days; printed to standard error unless `as_json`."""
    found = [f"{one.cause} {one.thing.remedy}" for one in warnings_at(system_clock(), things)]
    if not as_json:
        for sentence in found:
            stderr().print(Text(printable(sentence), style="bold yellow"), soft_wrap=True)
    return found
