"""Step 6: an auditor copies both logs, verifies the copy offline, and then six spoilt copies, each to be named."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

from tapeline.audit.finding import Finding
from tapeline.base.seam import system_clock
from tapeline.base.times import SECOND
from tapeline.demo.spoil import SPOILS
from tapeline.demo.stage import Stage
from tapeline.demo.step1_founding import WITNESSES
from tapeline.relay.keys import load_keys
from tapeline.transparency.note import Note
from tapeline.witness.keyfile import load_key

COPY_SECONDS = 300.0
VERIFY_SECONDS = 600.0
AUDITOR = "auditor-1"


async def audit(stage: Stage) -> None:
    """Copy, verify, spoil, verify."""
    copy = stage.folder.part("copies") / "honest"
    where = ["--relay-url", stage.addresses["relay http"], "--escrow-url", stage.addresses["escrow http"]]
    words = ["audit", "copy", str(copy), *stage.desk(AUDITOR, relay=True), *where]
    await stage.run("audit-copy", *words, within=COPY_SECONDS)
    report = await _verify(stage, "audit-verify", copy)
    outcome = stage.outcome
    outcome.stored, outcome.sessions = int(report["messages"]), int(report["sessions"])
    outcome.complete, outcome.sentence = bool(report["complete"]), str(report["sentence"])
    (stage.narrator.good if outcome.complete else stage.narrator.bad)(outcome.sentence)
    for finding in report["findings"][:5]:
        stage.narrator.bad(f"{finding['rule']} {finding['where']}: {finding['what']}")
    _tell_forks(stage, report["forks"])
    with stage.narrator.bar("spoilt copies", len(SPOILS)) as advance:
        orders = [_spoil(stage, copy, name) for name in SPOILS]
        for done, order in enumerate(asyncio.as_completed(orders), start=1):
            name, named = await order
            outcome.spoilt_named[name] = named is not None
            advance(done)
            _tell(stage, name, named)


def _tell_forks(stage: Stage, forks: list[dict[str, str]]) -> None:
    """The relay kept what the modified client signed twice in step 3."""
    stage.outcome.checks["The forked session was not in the auditor's copy."] = bool(forks)
    for fork in forks:
        stage.narrator.good(f"Kept as evidence: {fork['rule']}, {fork['who']}. {fork['what']}")


async def _verify(stage: Stage, name: str, copy: Path) -> dict[str, Any]:
    """Run the auditor: a process of its own, with a folder and the founding roster that it trusts."""
    words = ["audit", "verify", str(copy), "--roster", str(stage.roster)]
    return await stage.run(name, *words, within=VERIFY_SECONDS, statuses=(0, 1))


async def _spoil(stage: Stage, copy: Path, name: str) -> tuple[str, Finding | None]:
    spoilt = copy.with_name(name)
    await asyncio.to_thread(shutil.copytree, copy, spoilt)
    expected = await asyncio.to_thread(SPOILS[name], spoilt, lambda text: _sign(stage, text))
    report = await _verify(stage, f"audit-{name}", spoilt)
    findings = [Finding(one["rule"], one["what"], one["where"]) for one in report["findings"]]
    named = next((one for one in findings if expected.is_named([one])), None)
    return name, None if report["complete"] else named


def _sign(stage: Stage, text: bytes) -> bytes:
    """Cosign whatever the spoiler likes, with the relay's log key and both witnesses' keys."""
    now_s = system_clock() // SECOND
    log = load_keys(stage.service("relay")).log
    witnesses = [load_key(stage.service(f"witness-{name}")) for name in WITNESSES]
    return Note(text, (log.sign(text), *(witness.cosign(text, now_s) for witness in witnesses))).encode()


def _tell(stage: Stage, name: str, named: Finding | None) -> None:
    title = name.replace("_", " ")
    if named is None:
        stage.narrator.bad(f"{title}: not named")
    else:
        stage.narrator.good(f"{title}: {named.rule}, {named.where}: {named.what}")
