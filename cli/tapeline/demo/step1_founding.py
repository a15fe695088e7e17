"""Step 1: officers found the organisation; five custodians make an escrow key that exists nowhere."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from pathlib import Path

from tapeline.base.errors import StateError
from tapeline.crypto.words import fingerprint_words
from tapeline.demo.stage import CLASS, FIRM, PEOPLE, TAPELINE, Stage
from tapeline.governance.certificate import EscrowCertificate
from tapeline.transparency.checkpoint import parse_checkpoint
from tapeline.transparency.note import split_note

WITNESSES = ("inside", "outside")
THRESHOLD = 3
CEREMONY_SECONDS = 120.0
MIRROR_SECONDS = 30.0


async def found(stage: Stage) -> None:
    """Make all keys, sign the roster, start every service, run the ceremony."""
    parts = await _make_keys(stage)
    stage.narrator.say("Every service and person made a key of its own; only the public parts are collected.")
    await _start_witnesses(stage, parts)
    await _sign_roster(stage)
    await _start_services(stage)
    custodians = [person.id for person in PEOPLE if "custodian" in person.roles]
    stage.narrator.say(
        f"{len(custodians)} custodians run the key ceremony, any {THRESHOLD} of whom can open a session."
    )
    certificate = await _run_ceremony(stage, custodians)
    words = " ".join(fingerprint_words("escrow-key", certificate.escrow_key))
    stage.narrator.good(f"The escrow key is active. Its fingerprint as words: {words}")
    stage.narrator.say("Each custodian stored its share, restored it from the store and answered a challenge with it.")
    await _wait_for_archive(stage, 2)


async def _make_keys(stage: Stage) -> dict[str, Path]:
    """Run every `init` and `key new`; return the files with the public parts."""
    commands: list[tuple[str, ...]] = [
        ("relay", "relay", "init", "--data", str(stage.service("relay")), "--origin", "bank.example/archive"),
        ("escrow", "escrow", "init", "--data", str(stage.service("escrow")), "--origin", "bank.example/audit"),
        ("vault", "vault", "init", "--data", str(stage.service("vault"))),
        ("enroller", "enroller", "init", "--data", str(stage.service("enroller"))),
    ]
    for name in WITNESSES:
        where = str(stage.service(f"witness-{name}"))
        commands.append((f"witness-{name}", "witness", "key", "--data", where, "--name", f"{name}.example/witness"))
    for person in PEOPLE:
        secret = str(stage.passphrase_file(person.id))
        out = str(stage.key(person.id))
        commands.append((person.id, "key", "new", "--out", out, "--name", person.id, "--passphrase-file", secret))
    with stage.narrator.bar("keys", len(commands)) as advance:
        results = await stage.run_all(commands)
        advance(len(commands))
    parts = {}
    for (name, *_), result in zip(commands, results, strict=True):
        parts[name] = stage.folder.part("public") / f"{name}.json"
        parts[name].write_text(json.dumps(result))
    return parts


async def _start_witnesses(stage: Stage, parts: dict[str, Path]) -> None:
    logs = stage.folder.part("public") / "logs.txt"
    vkeys = [
        json.loads(parts["relay"].read_text())["archive_log"],
        json.loads(parts["escrow"].read_text())["audit_log"],
    ]
    logs.write_text("".join(f"{vkey}\n" for vkey in vkeys))
    words = ["witness", "serve", "--logs", str(logs), "--data"]
    await asyncio.gather(
        *(stage.serve(f"witness-{name}", *words, str(stage.service(f"witness-{name}"))) for name in WITNESSES)
    )


def _field(part: Path, name: str) -> str:
    return str(json.loads(part.read_text())[name])


async def _sign_roster(stage: Stage) -> None:
    plan = stage.folder.part("public") / "roster.toml"
    plan.write_text(_plan(stage))
    await stage.run("roster", "officer", "roster", "build", "--plan", str(plan), "--out", str(stage.roster))
    for officer in ("officer-1", "officer-2"):
        await stage.run(officer, "officer", "sign", str(stage.roster), "--yes", *stage.as_person(officer))
    stage.narrator.good("Both officers signed version 1 of the roster: people, thresholds, witnesses, service keys.")


def _plan(stage: Stage) -> str:
    lines = [
        f'organisation = "{FIRM}"',
        f'classes = ["{CLASS}"]',
        f'default_class = "{CLASS}"',
        "[thresholds]\nofficers = 2\napprovals = 2\napproval_groups = 2",
        "[witness_quorum]\ntotal = 2\noutside = 1",
        "[delays]\npublication_ms = 0",  # governance, the gate, 4: zero in the demo
        '[parts]\nrelay = "relay.json"\nescrow = "escrow.json"\nvault = "vault.json"',
    ]
    for person in PEOPLE:
        roles = json.dumps(list(person.roles))
        lines.append(
            f'[[people]]\nid = "{person.id}"\nroles = {roles}\ngroup = "{person.group}"\npart = "{person.id}.json"'
        )
    lines.append('[[people]]\nid = "enroller-1"\nname = "enroller-1"\nroles = ["enroller"]\npart = "enroller.json"')
    for name in WITNESSES:
        url = stage.addresses[f"witness-{name}"]
        lines.append(f'[[witnesses]]\nname = "{name}"\ngroup = "{name}"\nurl = "{url}"\npart = "witness-{name}.json"')
    return "\n\n".join(lines) + "\n"


async def _start_services(stage: Stage) -> None:
    roster = ["--roster", str(stage.roster)]
    await stage.serve("vault", "vault", "serve", "--data", str(stage.service("vault")), *roster)
    vault = f"{FIRM}={stage.addresses['vault']}"
    await stage.serve("relay", "relay", "serve", "--data", str(stage.service("relay")), *roster, "--vault", vault)
    where = ["--relay", stage.addresses["relay"], "--vault", stage.addresses["vault"]]
    await asyncio.gather(
        stage.serve("escrow", "escrow", "serve", "--data", str(stage.service("escrow")), *roster, *where),
        stage.serve("enroller", "enroller", "serve", "--data", str(stage.service("enroller")), *roster, *where[:2]),
    )
    stage.narrator.good("Relay, escrow service, vault, enroller and two witnesses run, each a process of its own.")


async def _run_ceremony(stage: Stage, custodians: list[str]) -> EscrowCertificate:
    words = ["--class", CLASS, "--threshold", str(THRESHOLD)]
    opened = await stage.run("officer-1", "officer", "ceremony", "open", *stage.desk("officer-1"), *words)
    ceremony = str(opened["ceremony"])
    # Side by side, each in a process of its own: none can go on without the others.
    agents = [stage.supervisor.run(name, _agent(stage, name, ceremony), within=CEREMONY_SECONDS) for name in custodians]
    with stage.narrator.bar("custodians", len(custodians)) as advance:
        for done, agent in enumerate(asyncio.as_completed(agents), start=1):
            await agent
            advance(done)
    out = stage.folder.part("public") / "certificate.json"
    words = [ceremony, *stage.desk("officer-1"), "--out", str(out)]
    await stage.run("officer-1", "officer", "ceremony", "certificate", *words)
    await stage.run("officer-2", "officer", "sign", str(out), "--yes", *stage.as_person("officer-2"))
    await stage.run("officer-1", "officer", "post", str(out), *stage.desk("officer-1"))
    return EscrowCertificate.parse(out.read_bytes())


def _agent(stage: Stage, custodian: str, ceremony: str) -> list[str]:
    words = ["custodian", "ceremony", *stage.desk(custodian), "--data", str(stage.store(custodian))]
    return [*TAPELINE, *words, "--ceremony", ceremony, "--json"]


async def _wait_for_archive(stage: Stage, size: int) -> None:
    """Wait until a cosigned archive checkpoint holds roster and certificate: before, nobody can seal anything."""
    url = f"{stage.addresses['relay http']}/checkpoint"
    deadline = asyncio.get_running_loop().time() + MIRROR_SECONDS
    while asyncio.get_running_loop().time() < deadline:
        try:
            note = await asyncio.to_thread(_read, url)
            if parse_checkpoint(split_note(note)[0]).size >= size:
                return
        except OSError:
            pass  # no checkpoint yet
        await asyncio.sleep(0.1)
    raise StateError("The certificate did not reach the archive log.", "See the logs of relay and escrow service.")


def _read(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 - our own relay
        data: bytes = response.read(65536)
        return data
