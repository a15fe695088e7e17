"""From a chat to a reviewer's screen, with real processes: case, approvals, manifest, warrant, releases, opening."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from deployment_kit import (
    APPROVERS,
    CUSTODIANS,
    PASSPHRASE,
    REVIEWER,
    Deployment,
    enrolment_codes,
    whole_deployment,
)
from process_kit import eventually

from tapeline.agent.desk import Desk, open_desk
from tapeline.agent.package import documents, fetch_records, warrants_of, with_records
from tapeline.agent.passphrase_store import open_store
from tapeline.base.rules import Refused, Rule
from tapeline.base.seam import system_clock, system_rng
from tapeline.base.secret import Secret
from tapeline.base.times import Rng
from tapeline.cli.custodian_common import STORE_PURPOSE
from tapeline.client import Client
from tapeline.client import client as front_door
from tapeline.client.content import Body, Text, encode_content
from tapeline.crypto.keyfile import open_key_file
from tapeline.custodian.ceremony.steps import Custodian
from tapeline.custodian.release import Releaser
from tapeline.governance.dsse import signer
from tapeline.governance.gate_input import GateInput
from tapeline.governance.manifest import Manifest, ManifestSession
from tapeline.relay.keys import load_keys
from tapeline.wire.v1.objects_pb2 import Leaf, LeafType

SECRET = Secret(PASSPHRASE.encode())
HOLDERS = CUSTODIANS[:4]
HOSTILE = ("junk", "lunch at noon?", "dump the shares before the announcement")
LINES = ("the price is 17", "\x1b[2Jnice try", "sold")


@dataclass
class Chat:
    """What was said, by conversation id."""

    said: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    taped: str = ""
    private: str = ""


@pytest.mark.timeout(600)
async def test_a_case_is_opened_by_a_quorum_and_nobody_else(tmp_path: Path) -> None:
    with whole_deployment(tmp_path, custodians=HOLDERS, threshold=3) as (deployment, _):
        chat = await _chat(deployment)
        await asyncio.to_thread(_review, deployment, chat)
        await asyncio.to_thread(_review_a_modified_sender, deployment, chat)


def _review(deployment: Deployment, chat: Chat) -> None:
    case = _file(deployment, "alice")
    status = _reviewer(deployment, "status", case)
    assert status["missing"] == ["approvals: 0 of 2 people", "approvals: 0 of 2 groups"]
    refused = _reviewer(deployment, "warrant", case, expect=1)
    assert "not approved" in json.dumps(refused)

    for name, _ in APPROVERS:
        deployment.run("approver", "approve", case, *deployment.at_escrow(name))
    _change_ones_mind(deployment, case)
    eventually(lambda: _reviewer(deployment, "status", case)["missing"] == ["a warrant: file the approved case for it"])
    _reviewer(deployment, "warrant", case)
    status = eventually(lambda: _with_warrant(deployment, case), what="the warrant is public")
    assert status["messages"] > len(chat.said[chat.taped])  # the recording disclosure and its acknowledgement too
    assert status["missing"] == [
        f"epoch 1: 0 of 3 custodians; any 3 of {', '.join(sorted(HOLDERS))}",
        "the vault's release",
    ]

    _reviewer(deployment, "ask-vault", case)
    assert len(_release(deployment, HOLDERS[0])) == 1
    _release_by_carrying(deployment, case, HOLDERS[1], HOLDERS[2])
    two = eventually(lambda: _released(deployment, case, 2), what="two releases are logged")
    assert two["missing"] == [f"epoch 1: 2 of 3 custodians; any 1 of {', '.join(sorted(HOLDERS[2:]))}"]
    sealed = _reviewer(deployment, "open", case)
    assert (sealed["read"], sealed["complete"]) == (0, False)
    assert "still sealed" in sealed["sentence"]

    assert len(_release(deployment, HOLDERS[2])) == 1
    eventually(lambda: _released(deployment, case, 3), what="three releases are logged")
    opened = _reviewer(deployment, "show", case)
    assert opened["complete"], opened["findings"]
    assert opened["sentence"] == f"Complete: {opened['read']} of {opened['read']} messages, no gaps, " + (
        "log checked by 2 witnesses."
    )
    assert _texts(opened["lines"]) == chat.said[chat.taped]
    _refuse_what_lies_outside(deployment, case, chat)
    _close(deployment, case)


def _change_ones_mind(deployment: Deployment, case: str) -> None:
    """An approver takes the approval back, rejects, takes that back too, and approves anew."""
    name = APPROVERS[0][0]
    for command, rejected in (("withdraw", []), ("reject", [name]), ("withdraw", [])):
        deployment.run("approver", command, case, *deployment.at_escrow(name))
        status = _reviewer(deployment, "status", case)
        assert (status["approved_by"], status["rejected_by"]) == ([APPROVERS[1][0]], rejected)
        assert _cases(deployment)[0]["rejected_by"] == rejected
    assert "not approved" in json.dumps(_reviewer(deployment, "warrant", case, expect=1))
    deployment.run("approver", "approve", case, *deployment.at_escrow(name))
    again = deployment.run("approver", "approve", case, *deployment.at_escrow(name), expect=1)
    assert "stands already" in json.dumps(again)


def _review_a_modified_sender(deployment: Deployment, chat: Chat) -> None:
    """Junk and a message id used twice: the case is read all the same, nothing is hidden, and each is a finding."""
    case = _file(deployment, "carol")
    for name, _ in APPROVERS:
        deployment.run("approver", "approve", case, *deployment.at_escrow(name))
    eventually(lambda: _reviewer(deployment, "status", case)["missing"] == ["a warrant: file the approved case for it"])
    _reviewer(deployment, "warrant", case)
    eventually(lambda: _with_warrant(deployment, case), what="the warrant is public")
    _reviewer(deployment, "ask-vault", case)
    for name in HOLDERS[:3]:
        _release(deployment, name)
    eventually(lambda: _released(deployment, case, 3), what="three releases are logged")
    opened = _reviewer(deployment, "show", case)
    assert (opened["complete"], opened["read"]) == (False, opened["expected"])
    assert len(opened["findings"]) == 2
    assert "content does not decode" in opened["findings"][0]
    assert opened["findings"][1].startswith("message id used twice: carol")
    assert _texts(opened["lines"]) == [("carol", text) for text in ("none of your business", *HOSTILE[1:])]
    assert [json.loads(line)["undecoded"] for line in opened["lines"] if "undecoded" in line] == ["////"]
    exported = _reviewer(deployment, "export", case, "--out", "hostile.jsonl")
    assert exported["findings"] == opened["findings"]


def _release_by_carrying(deployment: Deployment, case: str, name: str, carrier: str) -> None:
    """A custodian without a network answers a file; another one posts the sealed bundle."""
    _reviewer(deployment, "package", case, "--out", "warrant.package")
    offline = [*deployment.person(name), "--roster", "roster.json", "--data", name]
    made = deployment.run("custodian", "file", "release", "warrant.package", *offline, "--out", "bundles", "--yes")
    (bundle,) = made["bundles"]
    deployment.run("custodian", "file", "post", bundle, *deployment.at_escrow(carrier))


def _refuse_what_lies_outside(deployment: Deployment, case: str, chat: Chat) -> None:
    """A session that is not in the manifest, and one that a colluding relay put there, open at no custodian."""
    with closing(_desk(deployment, HOLDERS[3])) as desk:
        desk.audit.sync(desk.board)
        entry, _ = warrants_of(desk.audit, bytes.fromhex(case))[-1]
        package = with_records(documents(desk.audit, desk.board, entry), desk.relay)
        desk.archive.sync(desk.relay)
        foreign = _foreign_session(desk, bytes.fromhex(chat.private))
        extra, note = fetch_records(desk.relay, [foreign, *(row.record_hash for row in _rows(package.manifest))])

        smuggled = type(package)()
        smuggled.CopyFrom(package)
        del smuggled.records[:]
        smuggled.records.extend(extra)
        smuggled.archive_note = note
        desk.archive.sync(desk.relay)
        gate = GateInput.from_package(smuggled, desk.archive.state, pinned_roster=desk.founding.statement_hash)
        releaser = _releaser(deployment, HOLDERS[3])
        with pytest.raises(Refused) as refused:
            releaser._release_epoch(1, gate, system_clock())
        assert refused.value.rule is Rule.GATE_MANIFEST

        colluding = type(package)()
        colluding.CopyFrom(smuggled)
        colluding.manifest = _false_manifest(deployment, package.manifest, extra)
        gate = GateInput.from_package(colluding, desk.archive.state, pinned_roster=desk.founding.statement_hash)
        with pytest.raises(Refused) as refused:
            releaser._release_epoch(1, gate, system_clock())
        assert refused.value.rule is Rule.GATE_SCOPE


def _false_manifest(deployment: Deployment, manifest: bytes, records: list) -> bytes:
    """Return a manifest over more than the scope, truly signed by the relay's key."""
    honest = Manifest.parse(manifest)
    known = {row.record_hash: row for row in honest.sessions}
    rows = []
    for one in records:
        leaf = Leaf.FromString(one.leaf)
        made = ManifestSession(leaf.object_hash, one.index, leaf.relay_time_ms, _not_after(one.record), 1)
        rows.append(known.get(leaf.object_hash, made))
    rows.sort(key=lambda row: row.leaf_index)
    false = Manifest(honest.case, tuple(rows), honest.archive_note, honest.created_ms)
    return false.sign([signer(load_keys(deployment.folder / "relay").relay)])


def _not_after(record: bytes) -> int:
    from tapeline.crypto.record.parse import parse_record

    return parse_record(record).context.not_after_ms


def _close(deployment: Deployment, case: str) -> None:
    """An export names itself in the closing; afterwards the key is gone, and with it the case."""
    exported = _reviewer(deployment, "export", case, "--out", "out.jsonl")
    assert exported["complete"]
    shutil.copytree(deployment.folder / "workspace", deployment.folder / "copy of the workspace")
    deployment.run(
        "reviewer", "close", case, *deployment.at_escrow(REVIEWER), "--data", "workspace", "--result", "Nothing found.",
        "--export", "out.jsonl",
    )  # fmt: skip
    gone = _reviewer(deployment, "open", case, expect=1)
    assert "no key of that case" in json.dumps(gone)
    with closing(_desk(deployment, REVIEWER)) as desk:

        def kinds() -> list[str]:
            desk.audit.sync(desk.board)
            found = [entry.kind for entry in desk.audit.entries]
            return found if "closing" in found else []

        logged = eventually(kinds, what="the closing is logged")
    assert {"roster", "escrow-key", "case", "approval", "manifest", "warrant"} <= set(logged)
    assert (logged.count("release"), logged.count("vault-release"), logged.count("opening")) == (3, 1, 2)
    _refuse_after_closing(deployment, case)


def _refuse_after_closing(deployment: Deployment, case: str) -> None:
    """Nobody releases any more, and a copy of the workspace from before opens nothing."""
    copied = [*deployment.at_both(REVIEWER), "--data", "copy of the workspace"]
    assert "closed" in json.dumps(deployment.run("reviewer", "open", case, *copied, expect=1))
    assert _release(deployment, HOLDERS[3]) == []
    status = _reviewer(deployment, "status", case)
    assert (status["ended"], status["closed"], status["missing"]) == ("closed", True, [])
    assert _cases(deployment) == []
    everything = deployment.run("approver", "list", "--all", *deployment.at_escrow(APPROVERS[0][0]))["cases"]
    assert [one["ended"] for one in everything] == ["closed"]


def _file(deployment: Deployment, subject: str) -> str:
    filed = deployment.run(
        "reviewer", "file", *deployment.at_escrow(REVIEWER), "--data", "workspace", "--matter", "Matter 17",
        "--purpose", "Trade reconstruction", "--subject", subject, "--from", "2020-01-01", "--to", "2099-01-01",
    )  # fmt: skip
    eventually(lambda: case_is_public(deployment, filed["case"]), what="the case is public")
    return str(filed["case"])


def case_is_public(deployment: Deployment, case: str) -> bool:
    """Tell whether approvers can see a case."""
    return any(one["case"] == case for one in _cases(deployment))


def _cases(deployment: Deployment) -> list[dict]:
    return deployment.run("approver", "list", *deployment.at_escrow(APPROVERS[0][0]))["cases"]


def _reviewer(deployment: Deployment, command: str, case: str, *more: str, expect: int = 0) -> dict:
    options = [*deployment.at_both(REVIEWER), "--data", "workspace"]
    return deployment.run("reviewer", command, case, *options, *more, expect=expect)


def _with_warrant(deployment: Deployment, case: str) -> dict | None:
    status = _reviewer(deployment, "status", case)
    return status if status["warrant"] else None


def _released(deployment: Deployment, case: str, count: int) -> dict | None:
    status = _reviewer(deployment, "status", case)
    return status if len(status["epochs"][0]["released_by"]) == count and status["vault_released"] else None


def _release(deployment: Deployment, name: str) -> list[dict]:
    return deployment.run("custodian", "release", *deployment.at_both(name), "--data", name, "--yes")["released"]


def _texts(lines: list[str]) -> list[tuple[str, str]]:
    rows = [json.loads(line) for line in lines[1:]]
    return [(row["user"], row["body"]["text"]) for row in rows if row["kind"] == "text"]


def _rows(manifest: bytes) -> tuple[ManifestSession, ...]:
    return Manifest.parse(manifest).sessions


def _foreign_session(desk: Desk, conversation: bytes) -> bytes:
    """Return the record hash of a session of that conversation, read from the log's public entries."""
    from tapeline.review.leaves import fetch_leaves

    checkpoint = desk.archive.checkpoint
    assert checkpoint is not None
    tag = desk.archive.state.membership(conversation).tag
    leaves = fetch_leaves(desk.relay.deployment().tiles_url, desk.relay.bearer(), checkpoint)
    parsed = [Leaf.FromString(leaf) for leaf in leaves]
    return next(
        one.object_hash for one in parsed if one.type == LeafType.LEAF_TYPE_SESSION and one.conversation_tag == tag
    )


def _releaser(deployment: Deployment, name: str) -> Releaser:
    key = open_key_file((deployment.folder / f"{name}.key").read_bytes(), SECRET)
    store = open_store(deployment.folder / name, SECRET, STORE_PURPOSE, system_rng)
    return Releaser(Custodian(name, key.signing), store, frozenset(), lambda _: True, system_rng)


def _desk(deployment: Deployment, name: str) -> Desk:
    key = open_key_file((deployment.folder / f"{name}.key").read_bytes(), SECRET)
    founding = (deployment.folder / "roster.json").read_bytes()
    return open_desk(key, founding, deployment.escrow, deployment.relay)


def _modified(body: Body, labels: Mapping[str, str], rng: Rng) -> tuple[bytes, bytes]:
    """What a modified client seals: junk, and every text under one id."""
    if isinstance(body, Text) and body.text == "junk":
        return rng(16), b"\xff\xff\xff"
    return encode_content(body, labels, lambda _: b"i" * 16)


async def _chat(deployment: Deployment) -> Chat:
    """Three people, two conversations: one with the subject, one without."""
    users = ("alice", "bob", "carol")
    codes = await asyncio.to_thread(enrolment_codes, deployment, users)
    clients = {
        user: await Client.enrol(
            codes[user],
            relay=deployment.relay,
            enroller=deployment.enroller,
            store=deployment.folder / f"client-{user}",
            passphrase="a long passphrase",
        )
        for user in users
    }
    chat = Chat()
    try:
        taped = await clients["alice"].create_conversation(["bob"])
        private = await clients["carol"].create_conversation(["bob"])
        chat.taped, chat.private = taped.id.hex(), private.id.hex()
        said = chat.said.setdefault(chat.taped, [])
        for line in LINES:
            receipt = await taped.send(line)
            said.append(("alice", line))
        await receipt.logged()
        await private.send("none of your business")
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(front_door, "encode_content", _modified)
            for line in HOSTILE:
                receipt = await private.send(line)
        await receipt.logged()
    finally:
        for client in clients.values():
            await client.close()
    return chat
