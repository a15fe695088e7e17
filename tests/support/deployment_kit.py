"""A whole deployment of real processes in a folder, founded through the command line alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from process_kit import Running, running, tapeline

PASSPHRASE = "correct horse battery staple"
OFFICERS = ("olga", "otto")
CUSTODIANS = ("cora", "carl", "cleo", "cyrus", "cass")
APPROVERS = (("ada", "legal"), ("abel", "works council"))
REVIEWER, AUDITOR, ENROLLER = "rita", "aude", "enroller"
CLASS = "7y"

_SIGNING = frozenset({"sign", "revoke", "leaver", "readmit", "except-record"})


@dataclass
class Deployment:
    """Addresses and files of running services."""

    folder: Path
    escrow: str = ""
    escrow_http: str = ""
    vault: str = ""
    relay: str = ""
    relay_http: str = ""
    enroller: str = ""
    processes: dict[str, Running] = field(default_factory=dict)

    def person(self, name: str) -> list[str]:
        """Return the options that every command of a person takes."""
        return ["--key", f"{name}.key", "--passphrase-file", "passphrase"]

    def at_escrow(self, name: str) -> list[str]:
        """Return the options of a person who talks to the escrow service."""
        return [*self.person(name), "--roster", "roster.json", "--escrow", self.escrow]

    def at_both(self, name: str) -> list[str]:
        """Return the options of a person who talks to relay and escrow service."""
        return [*self.at_escrow(name), "--relay", self.relay]

    def run(self, *arguments: str, expect: int = 0) -> dict[str, Any]:
        """Run one command in the deployment's folder; nobody sits there to be asked before signing."""
        if arguments[:1] == ("officer",) and arguments[1] in _SIGNING:
            arguments = (*arguments, "--yes")
        return tapeline(*arguments, cwd=self.folder, expect=expect)

    def start(self, stack: ExitStack, name: str, *arguments: str) -> dict[str, Any]:
        """Start a service and return what it says when it is ready."""
        log = self.folder / f"{name}.log"
        process = stack.enter_context(running(arguments, self.folder, log))
        self.processes[name] = process
        return process.ready()

    def begin(self, stack: ExitStack, name: str, *arguments: str) -> Running:
        """Start a command that works for a while."""
        log = self.folder / f"{name}.log"
        return stack.enter_context(running(arguments, self.folder, log))


@contextmanager
def escrow_side(folder: Path, *, custodians: Sequence[str] = CUSTODIANS) -> Iterator[tuple[Deployment, ExitStack]]:
    """Found an organisation and run witnesses, vault and escrow service; no relay listens."""
    deployment = Deployment(folder)
    with ExitStack() as stack:
        _make_keys(deployment, custodians)
        witnesses = _start_witnesses(deployment, stack)
        _found(deployment, custodians, witnesses)
        start_vault(deployment, stack)
        start_escrow(deployment, stack)
        yield deployment, stack


@contextmanager
def whole_deployment(
    folder: Path, *, custodians: Sequence[str], threshold: int
) -> Iterator[tuple[Deployment, ExitStack]]:
    """Found an organisation, run every service, and make an escrow key in a ceremony."""
    deployment = Deployment(folder)
    with ExitStack() as stack:
        _make_keys(deployment, custodians)
        _part(deployment, ENROLLER, deployment.run("enroller", "init", "--data", ENROLLER))
        _found(deployment, custodians, _start_witnesses(deployment, stack))
        start_vault(deployment, stack)
        start_relay(deployment, stack)
        start_escrow(deployment, stack)
        where = deployment.start(stack, ENROLLER, ENROLLER, "serve", "--data", ENROLLER, "--roster", "roster.json")
        deployment.enroller = where["grpc"]
        run_ceremony(deployment, stack, threshold=threshold)
        yield deployment, stack


def enrolment_codes(deployment: Deployment, users: Sequence[str]) -> dict[str, str]:
    """Return a one-time code for each user."""
    options = [option for user in users for option in ("--user", user)]
    made = deployment.run(ENROLLER, "code", "--data", ENROLLER, "--roster", "roster.json", *options)
    return dict(made["codes"])


def start_relay(deployment: Deployment, stack: ExitStack) -> None:
    """Start the relay."""
    where = deployment.start(
        stack, "relay", "relay", "serve", "--data", "relay", "--roster", "roster.json",
        "--vault", f"Bank={deployment.vault}",
    )  # fmt: skip
    deployment.relay, deployment.relay_http = where["grpc"], where["http"]


def start_vault(deployment: Deployment, stack: ExitStack) -> None:
    """Start the vault."""
    where = deployment.start(stack, "vault", "vault", "serve", "--data", "vault", "--roster", "roster.json")
    deployment.vault = where["grpc"]


def start_escrow(deployment: Deployment, stack: ExitStack) -> None:
    """Start the escrow service, on its former port where it had one."""
    port = deployment.escrow.rpartition(":")[2] or "0"
    relay = ["--relay", deployment.relay] if deployment.relay else []
    where = deployment.start(
        stack, "escrow", "escrow", "serve", "--data", "escrow", "--roster", "roster.json",
        "--vault", deployment.vault, "--port", port, *relay,
    )  # fmt: skip
    deployment.escrow, deployment.escrow_http = where["grpc"], where["http"]


def run_ceremony(deployment: Deployment, stack: ExitStack, *, threshold: int = 3) -> str:
    """Let all custodians make an escrow key, post its certificate, and return its hash."""
    opened = open_ceremony(deployment, threshold)
    working = [join_ceremony(deployment, stack, name, opened["ceremony"]) for name in opened["custodians"]]
    for process in working:
        process.result()
    return post_certificate(deployment, opened["ceremony"])


def open_ceremony(deployment: Deployment, threshold: int) -> dict[str, Any]:
    """Have an officer open a ceremony of all custodians."""
    return deployment.run(
        "officer", "ceremony", "open", *deployment.at_escrow(OFFICERS[0]),
        "--class", CLASS, "--threshold", str(threshold),
    )  # fmt: skip


def join_ceremony(deployment: Deployment, stack: ExitStack, name: str, ceremony: str) -> Running:
    """Start a custodian's process."""
    return deployment.begin(
        stack, name, "custodian", "ceremony", *deployment.at_escrow(name), "--data", name, "--ceremony", ceremony,
        "--minutes", "3",
    )  # fmt: skip


def post_certificate(deployment: Deployment, ceremony: str) -> str:
    """Have both officers sign the certificate and one post it."""
    made = deployment.run(
        "officer", "ceremony", "certificate", ceremony, *deployment.at_escrow(OFFICERS[0]), "--out", "certificate.json"
    )
    deployment.run("officer", "sign", "certificate.json", *deployment.person(OFFICERS[1]))
    deployment.run("officer", "post", "certificate.json", *deployment.at_escrow(OFFICERS[0]))
    return str(made["certificate"])


def _make_keys(deployment: Deployment, custodians: Sequence[str]) -> None:
    folder = deployment.folder
    (folder / "parts").mkdir()
    secret = folder / "passphrase"
    secret.touch(mode=0o600)
    secret.write_text(PASSPHRASE)
    for service, origin in (("relay", "bank.example/archive"), ("escrow", "bank.example/audit"), ("vault", "")):
        options = ["--origin", origin] if origin else []
        _part(deployment, service, deployment.run(service, "init", "--data", service, *options))
    for name in (*OFFICERS, *custodians, *(approver for approver, _ in APPROVERS), REVIEWER, AUDITOR):
        options = ["--out", f"{name}.key", "--name", name.title(), "--passphrase-file", "passphrase"]
        _part(deployment, name, deployment.run("key", "new", *options))


def _start_witnesses(deployment: Deployment, stack: ExitStack) -> list[dict[str, str]]:
    parts = {name: json.loads((deployment.folder / f"parts/{name}.json").read_text()) for name in ("relay", "escrow")}
    logs = deployment.folder / "logs"
    logs.write_text(parts["relay"]["archive_log"] + "\n" + parts["escrow"]["audit_log"] + "\n")
    witnesses = []
    for name, group in (("inside", "inside"), ("outside", "outside")):
        key = deployment.run("witness", "key", "--data", name, "--name", f"{name}.example/w")
        _part(deployment, name, key)
        where = deployment.start(stack, name, "witness", "serve", "--data", name, "--logs", "logs")
        witnesses.append({"name": name, "group": group, "url": where["url"], "part": f"parts/{name}.json"})
    return witnesses


def _found(deployment: Deployment, custodians: Sequence[str], witnesses: list[dict[str, str]]) -> None:
    people = [
        *(_person(name, ["officer", "legal"]) for name in OFFICERS),
        *(_person(name, ["custodian"], "custody") for name in custodians),
        *(_person(name, ["approver"], group) for name, group in APPROVERS),
        _person(REVIEWER, ["reviewer"]),
        _person(AUDITOR, ["auditor"]),
    ]
    if (deployment.folder / f"parts/{ENROLLER}.json").exists():
        people.append(_person(ENROLLER, ["enroller"]))
    lines = [
        'organisation = "Bank"',
        f'classes = ["{CLASS}"]',
        f'default_class = "{CLASS}"',
        "expires_days = 365",
        "[thresholds]\nofficers = 2\napprovals = 2\napproval_groups = 2",
        "[witness_quorum]\ntotal = 2\noutside = 1",
        "[delays]\npublication_ms = 0",
        '[parts]\nrelay = "parts/relay.json"\nescrow = "parts/escrow.json"\nvault = "parts/vault.json"',
        *(_toml("people", person) for person in people),
        *(_toml("witnesses", witness) for witness in witnesses),
    ]
    (deployment.folder / "founding.toml").write_text("\n".join(lines) + "\n")
    deployment.run("officer", "roster", "build", "--plan", "founding.toml", "--out", "roster.json")
    for officer in OFFICERS:
        deployment.run("officer", "sign", "roster.json", *deployment.person(officer))


def _person(name: str, roles: list[str], group: str = "") -> dict[str, Any]:
    return {"id": name, "roles": roles, "group": group, "part": f"parts/{name}.json"}


def _toml(table: str, row: dict[str, Any]) -> str:
    return f"[[{table}]]\n" + "\n".join(f"{name} = {json.dumps(value)}" for name, value in row.items())


def _part(deployment: Deployment, name: str, part: dict[str, Any]) -> None:
    (deployment.folder / f"parts/{name}.json").write_text(json.dumps(part))
