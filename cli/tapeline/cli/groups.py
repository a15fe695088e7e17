"""Which groups of subcommands there are, for whom, and which extra each needs."""

from __future__ import annotations

from typing import NamedTuple


class Group(NamedTuple):
    """One group: its module is `tapeline.cli.<name>` and exposes `app`."""

    name: str
    panel: str
    help: str
    extra: str = ""


_PEOPLE, _SERVERS, _ANYONE = "People", "Servers", "Everyone"

GROUPS = (
    Group("demo", _ANYONE, "Run the whole story with real processes on this machine.", "all"),
    Group("chat", _ANYONE, "Chat as an employee: enrol a device, send, read."),
    Group("key", _ANYONE, "Make and show the key file of a person, change its passphrase."),
    Group("audit", _ANYONE, "Copy both logs and the archive, and verify them offline with no secret.", "relay"),
    Group("officer", _PEOPLE, "Found the organisation, sign rosters and certificates.", "escrow"),
    Group("custodian", _PEOPLE, "Hold a share: ceremony, releases.", "escrow"),
    Group("approver", _PEOPLE, "Read cases, approve or reject them.", "escrow"),
    Group("reviewer", _PEOPLE, "File a case, follow its warrant, read what was released.", "escrow"),
    Group("relay", _SERVERS, "The message relay and its archive log.", "relay"),
    Group("enroller", _SERVERS, "The enroller, which signs users' first devices.", "relay"),
    Group("escrow", _SERVERS, "The escrow service: ceremony board, cases, audit log.", "escrow"),
    Group("vault", _SERVERS, "The vault of the post-quantum leg.", "escrow"),
    Group("witness", _SERVERS, "A witness, which cosigns checkpoints.", "relay"),
)
