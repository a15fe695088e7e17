"""A complaint's way with real processes: device, relay, escrow service, audit log, and the auditor's copy."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from client_kit import altering, event, until
from deployment_kit import AUDITOR, CUSTODIANS, PASSPHRASE, Deployment, enrolment_codes, whole_deployment

from tapeline.base.rules import Rule
from tapeline.client import Client
from tapeline.client.events import Alarm
from tapeline.wire.v1.objects_pb2 import RecordView
from tapeline.wire.v1.relay_pb2 import ServerFrame


@pytest.mark.timeout(600)
async def test_what_a_device_could_not_verify_is_in_the_auditors_copy(tmp_path: Path) -> None:
    with whole_deployment(tmp_path, custodians=CUSTODIANS[:2], threshold=2) as (deployment, _):
        record, text = await _complain(deployment)
        (tmp_path / "kept-back.complaint").write_bytes(text)
        await asyncio.to_thread(_audit, deployment, record)


async def _complain(deployment: Deployment) -> tuple[bytes, bytes]:
    """Bob cannot verify a record, and waits for the escrow service's word that his complaint is logged."""
    codes = enrolment_codes(deployment, ["alice", "bob"])
    async with AsyncExitStack() as stack:
        alice, bob = [
            await stack.enter_async_context(
                await Client.enrol(
                    codes[user],
                    relay=deployment.relay,
                    enroller=deployment.enroller,
                    store=deployment.folder / f"{user}-store",
                    passphrase=PASSPHRASE,
                )
            )
            for user in ("alice", "bob")
        ]
        async with altering(bob, _spoil):
            conversation = await alice.create_conversation(["bob"])
            receipt = await conversation.send("sealed for ever")
            assert isinstance(await event(bob, Alarm), Alarm)

        async def is_logged() -> bool:
            return any(one.is_logged for one in await bob.complaints())

        await until(is_logged)
        (complaint,) = await bob.complaints()
        return receipt.record_hash, complaint.text


def _spoil(frame: ServerFrame) -> None:
    for delivery in frame.deliveries:
        if delivery.record_view:
            view = RecordView.FromString(delivery.record_view)
            view.device_slot = view.device_slot[:-1] + bytes([view.device_slot[-1] ^ 1])
            delivery.record_view = view.SerializeToString(deterministic=True)


def _audit(deployment: Deployment, record: bytes) -> None:
    # The same complaint, handed in by a person, has the leaf that it had.
    again = deployment.run("audit", "complain", "kept-back.complaint", *deployment.at_escrow(AUDITOR))
    urls = ["--relay-url", deployment.relay_http, "--escrow-url", deployment.escrow_http]
    first = deployment.run("audit", "copy", "copy", *deployment.at_both(AUDITOR), *urls)
    assert (first["archive_leaves_before"], first["audit_leaves_before"]) == (0, 0)
    updated = deployment.run("audit", "copy", "copy", *deployment.at_both(AUDITOR), *urls)
    assert updated["archive_leaves_before"] == first["archive_leaves"] <= updated["archive_leaves"]
    report = deployment.run("audit", "verify", "copy", "--roster", "roster.json")
    (complaint,) = report["complaints"]
    assert (complaint["rule"], complaint["who"]) == (Rule.REC_SHARD_HASH.id, "Bank/bob")
    assert record[:8].hex() in complaint["what"]
    assert "does verify" in complaint["what"]
    assert complaint["where"].startswith(f"audit leaf {again['audit_leaf']},")
    assert report["complete"], report["findings"]
