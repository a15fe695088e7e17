"""Step 5: a case, two approvals, a warrant, three custodians of five and the vault; what opens is what was sent."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict

from tapeline.base.rules import Rule
from tapeline.demo.processes import PartyFailed
from tapeline.demo.stage import CLASS, Stage
from tapeline.demo.step2_chat import FRAUDSTER, GHOST, Talk
from tapeline.wire.v1.content_pb2 import Content

REVIEWER = "reviewer-1"
WINDOW_SHARE = 0.7
"""The window ends after so much of the chat, so that it leaves something out."""
OPEN_SECONDS = 300.0


async def review(stage: Stage, talk: Talk) -> None:
    """File, approve, warrant, release, open, compare; then ask for more than the warrant allows."""
    case = await _file(stage, talk)
    await _approve(stage, case)
    await stage.run("reviewer-warrant", "reviewer", "warrant", case, *_workspace(stage), within=OPEN_SECONDS)
    stage.narrator.good("The relay froze the manifest, the escrow service's warrant is in the log, witnesses cosigned.")
    window = (await stage.run("approver-show", "approver", "show", case, *stage.desk("approver-1")))["window"]
    sent = talk.in_conversation(talk.channels[0], window["from_ms"], window["to_ms"])
    stage.outcome.in_scope = len(sent)
    await _release(stage, case)
    await _compare(stage, talk, case, sent)
    await _ask_beyond(stage, talk, case)


async def _file(stage: Stage, talk: Talk) -> str:
    times = sorted(one["time"] for one in talk.sent.values() if one["conversation"] == talk.channels[0].hex())
    begin, end = times[0], times[int(len(times) * WINDOW_SHARE)]
    subject = next(user for user in talk.where if user not in {FRAUDSTER, GHOST})
    words = ["--matter", "Matter 17", "--purpose", "Trade reconstruction", "--subject", subject]
    words += ["--from", _iso(begin - 1), "--to", _iso(end), "--conversation", talk.channels[0].hex()]
    where = [*stage.desk(REVIEWER), "--data", str(_data(stage))]
    filed = await stage.run("reviewer-file", "reviewer", "file", *where, *words)
    stage.narrator.say(f"{REVIEWER} files a case for one conversation and a window, with a fresh key in it.")
    return str(filed["case"])


async def _approve(stage: Stage, case: str) -> None:
    refused = await _refusal(stage.run("approve-own", "approver", "approve", case, *stage.desk(REVIEWER)))
    stage.outcome.checks["The requester's own approval was not refused."] = refused == Rule.APPROVAL_SELF.id
    _tell(stage, refused == Rule.APPROVAL_SELF.id, f"{REVIEWER} approves her own case: refused by {refused}")
    for approver in ("approver-1", "approver-2"):
        await stage.run(f"approve-{approver}", "approver", "approve", case, *stage.desk(approver))
    stage.narrator.good("Two approvers of different groups signed exactly this case.")


async def _release(stage: Stage, case: str) -> None:
    """Two custodians, then the vault, then the third; before the third, nothing opens."""
    policy = stage.folder.part("public") / "policy.toml"
    policy.write_text(f'[release]\nunattended_classes = ["{CLASS}"]\n')
    stage.narrator.say("The demo's agents answer under an unattended policy; by default a person must say yes.")
    for custodian in ("custodian-1", "custodian-2"):
        await _custodian(stage, custodian, policy)
    await stage.run("ask-vault", "reviewer", "ask-vault", case, *_workspace(stage), within=OPEN_SECONDS)
    status = await stage.run("reviewer-status", "reviewer", "status", case, *_workspace(stage))
    early = await stage.run("reviewer-open", "reviewer", "open", case, *_workspace(stage), within=OPEN_SECONDS)
    sealed = bool(status["missing"]) and early["read"] == 0 and early["sealed_sessions"] > 0
    stage.outcome.checks["Two custodians were enough, or the workspace did not say what is missing."] = sealed
    _tell(stage, sealed, f"Two custodians released. Missing: {'; '.join(status['missing'])}. {early['sentence']}")
    await _custodian(stage, "custodian-3", policy)
    stage.narrator.good("The third custodian completes the quorum.")


async def _custodian(stage: Stage, custodian: str, policy: Path) -> None:
    words = [*stage.desk(custodian, relay=True), "--data", str(stage.store(custodian)), "--policy", str(policy)]
    await stage.run(f"release-{custodian}", "custodian", "release", *words, within=OPEN_SECONDS)


async def _compare(stage: Stage, talk: Talk, case: str, sent: dict[str, dict[str, Any]]) -> None:
    out = stage.folder.part("people", REVIEWER) / "export.jsonl"
    words = [case, *_workspace(stage), "--out", str(out)]
    result = await stage.run("reviewer-export", "reviewer", "export", *words, within=OPEN_SECONDS)
    rows = [json.loads(line) for line in out.read_text().splitlines()[1:]]
    stage.outcome.opened = len(rows)
    stage.outcome.matched = sum(row["message"] in sent and _equal(row, sent[row["message"]]) for row in rows)
    others = {one["record"] for one in talk.sent.values() if one["conversation"] != talk.channels[0].hex()}
    sealed = others.isdisjoint(row["session"] for row in rows)
    stage.outcome.checks["A session outside the scope was opened."] = sealed
    stage.outcome.checks["The workspace did not call the reading complete."] = bool(result["complete"])
    _tell(stage, bool(result["complete"]), str(result["sentence"]))
    whole = stage.outcome.matched == stage.outcome.opened == len(sent)
    _tell(
        stage,
        whole,
        f"{stage.outcome.opened:,} messages opened, {stage.outcome.matched:,} of them equal byte for byte to what was "
        f"sent; {len(sent):,} were in scope.",
    )


def _equal(row: dict[str, Any], sent: dict[str, Any]) -> bool:
    """Compare an exported row with the bytes that the sender sealed: kind, body, labels, session, sender."""
    content = Content.FromString(bytes.fromhex(sent["content"]))
    kind = content.WhichOneof("body") or ""
    body = MessageToDict(getattr(content, kind), preserving_proto_field_name=True)
    told = (row["kind"], row["body"], row["labels"], row["session"], row["user"])
    return told == (kind, body, dict(content.labels), sent["record"], sent["user"])


async def _ask_beyond(stage: Stage, talk: Talk, case: str) -> None:
    """Ask a fourth custodian's agent for a session of another conversation."""
    beyond = next(one["record"] for one in talk.sent.values() if one["conversation"] != talk.channels[0].hex())
    custodian = "custodian-4"
    words = [*stage.desk(custodian, relay=True), "--data", str(stage.store(custodian)), "--case", case]
    policy = str(stage.folder.part("public") / "policy.toml")
    argv = [sys.executable, "-m", "tapeline.demo.beyond", *words, "--policy", policy, "--session", beyond, "--json"]
    refused = await _refusal(stage.supervisor.run("ask-beyond", argv, within=OPEN_SECONDS))
    # Step 3 of the gate: it is in no manifest; a relay that listed it would meet the scope instead.
    holds = refused in {Rule.GATE_MANIFEST.id, Rule.GATE_SCOPE.id}
    stage.outcome.checks["A custodian did not refuse a session outside the scope."] = holds
    _tell(stage, holds, f"{custodian} is asked for a session of another conversation: refused by {refused}")


async def _refusal(command: Any) -> str:
    """Await a command that must fail; return the rule that refused it, or what happened instead."""
    try:
        await command
    except PartyFailed as failed:
        return failed.rule or failed.cause
    return "nobody"


def _workspace(stage: Stage) -> list[str]:
    return [*stage.desk(REVIEWER, relay=True), "--data", str(_data(stage))]


def _data(stage: Stage) -> Path:
    return stage.folder.part("people", REVIEWER) / "workspace"


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")


def _tell(stage: Stage, good: bool, text: str) -> None:
    (stage.narrator.good if good else stage.narrator.bad)(text)
