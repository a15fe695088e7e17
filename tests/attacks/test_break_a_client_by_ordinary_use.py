"""An adversary wants a client to break: by ordinary use in an unlucky order, or by one object that does not verify."""

from __future__ import annotations

import logging
import subprocess
import sys
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from client_kit import altering_pages, event, texts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tapeline.base.rules import Refused, Rule
from tapeline.base.seam import system_rng
from tapeline.client import Client
from tapeline.client.content import Text
from tapeline.client.events import Alarm
from tapeline.client.store.keys import StoreKey
from tapeline.client.sync import SyncClient
from tapeline.crypto.device import parse_device_entry
from tapeline.directory.state import DirectoryState
from tapeline.testing.background import CHEAP, PASSPHRASE, BackgroundDeployment
from tapeline.wire.v1.objects_pb2 import LEAF_TYPE_DEVICE, Leaf, SignedObject
from tapeline.wire.v1.relay_pb2 import SyncPage, SyncRequest

SECONDS = 30.0
GUESTS = ("ben", "cyd", "dot")


async def refresh(client: Client) -> None:
    await client._engine.device.directory.refresh()


def sync(client: SyncClient) -> None:
    """What a client does by itself every now and then, at a moment that the test chooses."""
    client._loop.run(refresh(client._client))


def chat(*arguments: str, secret: Path) -> subprocess.CompletedProcess[str]:
    """Run `tapeline chat` as a person types it."""
    if not secret.exists():
        secret.touch(mode=0o600)
        secret.write_text(PASSPHRASE + "\n")
    command = [sys.executable, "-c", "from tapeline.cli.main import run; run()", "chat", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def people_of(client: SyncClient, conversation: bytes) -> set[str]:
    return {member.user for member in client.conversation(conversation).members}


@dataclass
class Office:
    """Real clients on one relay that stay for all orders of one test; `ann` owns every conversation."""

    stack: ExitStack
    deployment: BackgroundDeployment
    folder: Path
    key: StoreKey = field(default_factory=lambda: StoreKey.new(PASSPHRASE, system_rng, CHEAP))
    clients: dict[str, SyncClient] = field(default_factory=dict)

    def enrol(self, name: str) -> SyncClient:
        user = f"{name}-{self.folder.name}"[:60]
        client = SyncClient.enrol(
            self.deployment.code(user), relay=self.deployment.relay, enroller=self.deployment.enroller,
            store=self.folder / name, passphrase=self.key,
        )  # fmt: skip
        self.clients[name] = client
        return client

    def restart(self, name: str) -> None:
        self.clients[name].close()
        self.clients[name] = SyncClient.open(self.folder / name, self.key)

    def close(self) -> None:
        for client in self.clients.values():
            client.close()


@pytest.fixture
def office(tapeline_deployment: BackgroundDeployment, tmp_path: Path):
    with ExitStack() as stack:
        made = Office(stack, tapeline_deployment, tmp_path)
        stack.callback(made.close)
        for name in ("ann", *GUESTS):
            made.enrol(name)
        yield made


STEPS = st.tuples(st.sampled_from(["add", "remove", "sync", "restart"]), st.sampled_from(GUESTS))


def test_colleagues_come_and_go_in_every_order(office: Office) -> None:
    """Create, add, remove, add again, sync and restart, in any order: nobody breaks, nobody misses what is theirs."""

    @settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(STEPS, min_size=3, max_size=7))
    def in_this_order(steps: list[tuple[str, str]]) -> None:
        ann = office.clients["ann"]
        # Everybody is up to date before the conversation begins, and past its beginning before they are added.
        conversation = ann.create_conversation([])
        for name in GUESTS:
            sync(office.clients[name])
        members: set[str] = set()
        for act, name in steps:
            guest = office.clients[name]
            if act == "sync":
                sync(guest)
            elif act == "restart":
                office.restart(name)
            elif act == "add" and name not in members:
                ann.conversation(conversation.id).add([guest.user])
                members.add(name)
            elif act == "remove" and name in members:
                ann.conversation(conversation.id).remove([guest.user])
                members.remove(name)
        ann.conversation(conversation.id).send("after all that", timeout=SECONDS)
        expected = {ann.user} | {office.clients[name].user for name in members}
        for name in GUESTS:
            guest = office.clients[name]
            sync(guest)
            assert guest.alarms() == []
            if name in members:
                assert people_of(guest, conversation.id) == expected
                heard = {message.text for message in _until(guest, conversation.id, "after all that")}
                assert "after all that" in heard
                guest.conversation(conversation.id).send(f"{name} answers", timeout=SECONDS)

    in_this_order()


def _until(client: SyncClient, conversation: bytes, text: str):
    """The conversation's history once it holds a text."""
    for _ in client.events(timeout=0.05):
        pass
    found = client.conversation(conversation).history(0, 256)
    waited = 0
    while not any(isinstance(one.body, Text) and one.text == text for one in found) and waited < 200:
        for _ in client.events(timeout=0.05):
            pass
        found, waited = client.conversation(conversation).history(0, 256), waited + 1
    return found


async def test_one_object_that_does_not_verify_stops_nothing_behind_it(
    tapeline_deployment: BackgroundDeployment,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with AsyncExitStack() as stack:

        async def make(user: str) -> Client:
            name = f"{user}-{tmp_path.name}"[:60]
            return await stack.enter_async_context(await tapeline_deployment.client(name, tmp_path / user))

        alice, bob = await make("alice"), await make("bob")
        await refresh(bob)
        spoilt, victim = await make("spoilt"), await make("victim")
        verify = DirectoryState.check

        def refuse_one(state: DirectoryState, type_: int, obj: bytes, **more: int):  # type: ignore[no-untyped-def]
            """Refuse one entry, as though the log held an object that no reader can verify."""
            if type_ == LEAF_TYPE_DEVICE and parse_device_entry(obj).entry.user == spoilt.user:
                raise Refused(Rule.SIGNATURE, "as though nobody had signed it")
            return verify(state, type_, obj, **more)

        monkeypatch.setattr(DirectoryState, "check", refuse_one)
        await refresh(bob)
        told = await event(bob, Alarm)
        assert isinstance(told, Alarm)
        state = bob._engine.device.directory.state
        assert state.devices_of("bank", spoilt.user) == ()
        assert len(state.devices_of("bank", victim.user)) == 1  # it stands behind the spoilt one in the log
        assert len(await bob.alarms()) == 2  # the entry, and the prekey that depends on it
        conversation = await bob.create_conversation([alice.user, victim.user])
        await conversation.send("the rest goes on")
        assert [message.text for message in await texts(alice, 1)] == ["the rest goes on"]

        await bob.close()
        again = await stack.enter_async_context(await Client.open(tmp_path / "bob", PASSPHRASE))
        await refresh(again)
        assert len(await again.alarms()) == 2  # kept, and not told anew
        await again.conversation(conversation.id).send("after a restart")
        assert [message.text for message in await texts(alice, 1)] == ["after a restart"]
    assert caplog.records == []  # typed refusals are alarms; only faults are logged


@pytest.mark.rule(Rule.LEAF_TEXT)
async def test_an_object_shown_otherwise_than_it_was_logged_is_asked_for_again(
    tapeline_deployment: BackgroundDeployment, tmp_path: Path
) -> None:
    """The relay spoils a signature on the way, so that what ends something would count for nothing."""
    async with AsyncExitStack() as stack:

        async def make(user: str) -> Client:
            name = f"{user}-{tmp_path.name}"[:60]
            return await stack.enter_async_context(await tapeline_deployment.client(name, tmp_path / user))

        bob = await make("bob")
        await refresh(bob)
        carol = await make("carol")

        def spoil(request: SyncRequest, page: SyncPage) -> None:
            for item in page.items:
                if Leaf.FromString(item.leaf).type == LEAF_TYPE_DEVICE:
                    changed = SignedObject.FromString(item.object)
                    changed.signature = bytes(64)
                    item.object = changed.SerializeToString()

        with altering_pages(bob, spoil), pytest.raises(Refused) as refusal:
            await refresh(bob)
        assert refusal.value.rule is Rule.LEAF_TEXT
        await refresh(bob)  # an honest page heals it
        assert len(bob._engine.device.directory.state.devices_of("bank", carol.user)) == 1


async def test_an_unexpected_fault_in_one_object_is_logged_and_is_one_objects_fault(
    tapeline_deployment: BackgroundDeployment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with AsyncExitStack() as stack:

        async def make(user: str) -> Client:
            name = f"{user}-{tmp_path.name}"[:60]
            return await stack.enter_async_context(await tapeline_deployment.client(name, tmp_path / user))

        bob = await make("bob")
        await refresh(bob)
        odd, after = await make("odd"), await make("after")
        state = bob._engine.device.directory.state
        verify = state.devices.verify

        def fails_once(obj: bytes, leaf_time_ms: int) -> object:
            if parse_device_entry(obj).entry.user == odd.user:
                raise OverflowError("a secret may stand here")
            return verify(obj, leaf_time_ms)

        monkeypatch.setattr(state.devices, "verify", fails_once)
        with caplog.at_level(logging.ERROR, "tapeline.client"):
            await refresh(bob)
        assert len(state.devices_of("bank", after.user)) == 1
        causes = [one.cause for one in await bob.alarms()]
        assert any("OverflowError" in cause for cause in causes)
        logged = [record.getMessage() for record in caplog.records if record.name == "tapeline.client"]
        assert any("OverflowError at fails_once" in line for line in logged)
        assert not any("secret" in line for line in logged)


def test_a_colleague_added_late_reads_on_the_command_line(office: Office) -> None:
    ann, cyd = office.clients["ann"], office.clients["cyd"]
    name, secret = cyd.user, office.folder / "passphrase"
    older = ann.create_conversation([])
    sync(cyd)  # up to date, beyond the conversation's beginning
    office.clients.pop("cyd").close()
    older.add([name])
    older.send("welcome", timeout=SECONDS)
    places = ("--store", str(office.folder / "cyd"), "--passphrase-file", str(secret))
    shown = chat("read", "--seconds", "2", *places, secret=secret)
    assert "welcome" in shown.stdout, shown.stderr
    assert chat("send", older.id.hex()[:16], "thanks", *places, secret=secret).returncode == 0
    assert "thanks" in {one.text for one in _until(ann, older.id, "thanks")}
