"""Officers let go: a stolen device, a leaver, a case, a warrant; each is cut off for all who could use it."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest
from deployment_kit import (
    APPROVERS,
    CUSTODIANS,
    OFFICERS,
    REVIEWER,
    Deployment,
    enrolment_codes,
    whole_deployment,
)
from process_kit import eventually

from tapeline.base.errors import TapelineError
from tapeline.client import Client

HOLDERS = CUSTODIANS[:2]
_NUMBERS = count()
PASSPHRASE = "a long passphrase"


@pytest.mark.timeout(600)
async def test_a_stolen_device_and_a_leaver_are_cut_off(tmp_path: Path) -> None:
    with whole_deployment(tmp_path, custodians=HOLDERS, threshold=2) as (deployment, _):
        await _devices(deployment)


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_a_revoked_case_and_a_revoked_warrant_are_refused_by_everybody(tmp_path: Path) -> None:
    with whole_deployment(tmp_path, custodians=HOLDERS, threshold=2) as (deployment, _):
        bob = await _enrol(deployment, "bob", "pc")
        await (await (await bob.create_conversation([])).send("a note")).logged()
        await bob.close()
        await asyncio.to_thread(_documents, deployment)


async def _devices(deployment: Deployment) -> None:
    alice, phone, bob = [
        await _enrol(deployment, *who) for who in (("alice", "laptop"), ("alice", "phone"), ("bob", "pc"))
    ]
    chat = await alice.create_conversation(["bob"])
    await (await chat.send("before")).logged()

    # One stolen device of two: the other one and the colleague go on.
    await asyncio.to_thread(_revoke, deployment, "stolen.json", "revoke", "device", "alice/phone")
    rows = await asyncio.to_thread(_until_revoked, deployment, "alice", 1)
    assert {row["name"]: row["revoked_by_leaf"] is not None for row in rows} == {"laptop": False, "phone": True}
    await _cannot_work(phone)
    await (await chat.send("the laptop goes on")).logged()

    # Alice leaves: her last device ends, none comes, and bob can still speak to those who stayed.
    await asyncio.to_thread(_revoke, deployment, "leaves.json", "leaver", "alice", "--reason", "Left.")
    await asyncio.to_thread(_until_revoked, deployment, "alice", 2)
    await _cannot_work(alice)
    (seen,) = [one for one in bob.conversations() if one.id == chat.id]
    await (await seen.send("after")).logged()
    with pytest.raises(TapelineError, match="has left Bank"):
        await _enrol(deployment, "alice", "tablet")

    await asyncio.to_thread(_revoke, deployment, "returns.json", "readmit", "alice")
    again = await _eventually_enrolled(deployment, "alice", "new laptop")
    rows = await asyncio.to_thread(_listed, deployment, "alice")
    assert [row["revoked_by_leaf"] is None for row in rows] == [False, False, True]
    for client in (again, bob, alice, phone):
        await client.close()


def _documents(deployment: Deployment) -> None:
    first, second = _file(deployment, "Matter 1"), _file(deployment, "Matter 2")
    for case in (first, second):
        deployment.run("approver", "approve", case, *deployment.at_escrow(APPROVERS[0][0]))

    _revoke(deployment, "case.json", "revoke", "case", "Matter 1")
    refused = deployment.run("approver", "approve", first, *deployment.at_escrow(APPROVERS[1][0]), expect=1)
    assert "revoked" in json.dumps(refused)

    deployment.run("approver", "approve", second, *deployment.at_escrow(APPROVERS[1][0]))
    reviewer = [*deployment.at_both(REVIEWER), "--data", "workspace"]
    eventually(lambda: not _missing(deployment, second)[0].startswith("approvals"), what="the case is approved")
    deployment.run("reviewer", "warrant", second, *reviewer)
    warrant = eventually(lambda: deployment.run("reviewer", "status", second, *reviewer)["warrant"], what="a warrant")
    assert "fits" not in warrant
    _revoke(deployment, "warrant.json", "revoke", "warrant", str(warrant)[:12])
    for name in HOLDERS:
        answer = eventually(lambda: _refused_release(deployment, name), what="the custodian refuses")  # noqa: B023
        assert "revoked" in answer
    assert "revoked" in json.dumps(deployment.run("reviewer", "ask-vault", second, *reviewer, expect=1))

    _except_and_take_back(deployment, second)

    # The reviewer takes the own case back alone; an outsider may not, and no statement is posted for them.
    third = _file(deployment, "Matter 3")
    own = ["officer", "revoke", "case", third[:10], "--reason", "Mistake."]
    assert "audit_index" in deployment.run(*own, *deployment.at_escrow(REVIEWER))
    refused = deployment.run(*own, *deployment.at_escrow(APPROVERS[0][0]), expect=1)
    assert "revokes no case" in json.dumps(refused)
    # One officer alone revokes nothing: the second signature is asked for.
    refused = deployment.run("officer", "revoke", "person", "cora", *deployment.at_escrow(OFFICERS[0]), expect=1)
    assert "2 officers must sign" in json.dumps(refused)


def _except_and_take_back(deployment: Deployment, case: str) -> None:
    """Officers except a record, which everybody who sees the case is shown, and think better of it."""
    words = ("except-record", case[:12], "ab" * 64, "--rule", "REC-25", "--reason", "The relay hid a leaf.")
    alone = ["officer", *words[:4], "REC-9", *words[5:], *deployment.at_escrow(OFFICERS[0]), "--out", "never.json"]
    assert "stays sealed" in json.dumps(deployment.run(*alone, expect=1))
    _revoke(deployment, "exception.json", *words)
    told = deployment.run("officer", "show", "exception.json", "--roster", "roster.json")
    assert len(told["signed_by"]) == 2
    eventually(lambda: len(_excepted(deployment, case)) == 1, what="the exception is public")
    _revoke(deployment, "undone.json", "revoke", "exception", str(told["statement"])[:12], "--reason", "A mistake.")
    eventually(lambda: _excepted(deployment, case) == [], what="the exception is gone")


def _excepted(deployment: Deployment, case: str) -> list[dict]:
    return deployment.run("reviewer", "status", case, *deployment.at_both(REVIEWER), "--data", "workspace")["excepted"]


def _refused_release(deployment: Deployment, name: str) -> str:
    """Return why a custodian releases nothing, or nothing where the revocation is not known there yet."""
    try:
        made = deployment.run("custodian", "release", *deployment.at_both(name), "--data", name, "--yes", expect=1)
    except AssertionError:
        return ""
    return json.dumps(made)


def _missing(deployment: Deployment, case: str) -> list[str]:
    return deployment.run("reviewer", "status", case, *deployment.at_both(REVIEWER), "--data", "workspace")["missing"]


def _file(deployment: Deployment, matter: str) -> str:
    filed = deployment.run(
        "reviewer", "file", *deployment.at_escrow(REVIEWER), "--data", "workspace", "--matter", matter,
        "--purpose", "Test", "--subject", "bob", "--from", "2020-01-01", "--to", "2099-01-01",
    )  # fmt: skip
    case = str(filed["case"])
    eventually(lambda: _is_public(deployment, case), what="the case is public")
    return case


def _is_public(deployment: Deployment, case: str) -> bool:
    cases = deployment.run("approver", "list", *deployment.at_escrow(APPROVERS[0][0]))["cases"]
    return any(one["case"] == case for one in cases)


def _revoke(deployment: Deployment, out: str, *words: str) -> None:
    """Make the statement as one officer, sign as the other, post."""
    relay = ["--relay", deployment.relay] if words[0] == "leaver" or words[:2] == ("revoke", "device") else []
    made = deployment.run("officer", *words, *deployment.at_escrow(OFFICERS[0]), *relay, "--out", out)
    assert made["missing"] == 1
    deployment.run("officer", "sign", out, *deployment.person(OFFICERS[1]), "--roster", "roster.json")
    deployment.run("officer", "post", out, *deployment.at_escrow(OFFICERS[0]))


def _listed(deployment: Deployment, user: str) -> list[dict]:
    return deployment.run("officer", "devices", user, *deployment.at_both(OFFICERS[0]))["devices"]


def _until_revoked(deployment: Deployment, user: str, count: int) -> list[dict]:
    def revoked() -> list[dict]:
        rows = _listed(deployment, user)
        return rows if sum(row["revoked_by_leaf"] is not None for row in rows) == count else []

    return eventually(revoked, what="the directory holds the revocation")


async def _enrol(deployment: Deployment, user: str, device: str) -> Client:
    code = (await asyncio.to_thread(enrolment_codes, deployment, [user, "unused"]))[user]
    return await Client.enrol(
        code, relay=deployment.relay, enroller=deployment.enroller,
        store=deployment.folder / f"client-{user}-{device}", passphrase=PASSPHRASE, device_name=device,
    )  # fmt: skip


async def _eventually_enrolled(deployment: Deployment, user: str, device: str) -> Client:
    async with asyncio.timeout(60):
        while True:
            with suppress(TapelineError):  # the readmission is not in the archive yet
                return await _enrol(deployment, user, f"{device} {next(_NUMBERS)}")


async def _cannot_work(client: Client) -> None:
    """The revoked device can no longer send: it is refused, or hears nothing."""
    with pytest.raises((TapelineError, TimeoutError)):
        async with asyncio.timeout(5):
            await (await client.create_conversation(["bob"])).send("anything")
