"""The synchronous facade against a real deployment."""

from __future__ import annotations

from pathlib import Path

import pytest

from tapeline.base.errors import NotFound
from tapeline.base.seam import system_rng
from tapeline.client.store.keys import StoreKey
from tapeline.client.sync import SyncClient
from tapeline.testing.background import CHEAP, PASSPHRASE, BackgroundDeployment


def test_two_synchronous_clients(tapeline_deployment: BackgroundDeployment, tmp_path: Path) -> None:
    key = StoreKey.new(PASSPHRASE, system_rng, CHEAP)

    def enrol(user: str) -> SyncClient:
        return SyncClient.enrol(
            tapeline_deployment.code(user),
            relay=tapeline_deployment.relay,
            enroller=tapeline_deployment.enroller,
            store=tmp_path / user,
            passphrase=key,
        )

    with enrol("sync-ann") as ann, enrol("sync-ben") as ben:
        conversation = ann.create_conversation(["sync-ben"])
        receipt = conversation.send("hello", timeout=20)
        assert ann.logged(receipt, timeout=20).note_size > receipt.index
        heard = [message.text for message in ben.messages(timeout=2)]
        assert heard[-1] == "hello"
        assert ben.conversation(conversation.id).send("hi", timeout=20).sequence > receipt.sequence
        assert ann.alarms() == []
        with pytest.raises(NotFound):
            ann.create_conversation(["nobody-here"])
