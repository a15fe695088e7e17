"""A relay wants a client to take directory leaves that stand nowhere, or not where the page says, or of another log."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from client_kit import altering_pages

from tapeline.base.errors import MalformedInput
from tapeline.base.rules import Refused, Rule
from tapeline.client import Client
from tapeline.client.directory.notes import NoteKeeper
from tapeline.client.transport.methods import ENROL, PROVE_CONSISTENCY, PUBLISH
from tapeline.crypto.signing import SigningKey
from tapeline.testing.background import BackgroundDeployment
from tapeline.wire.v1.relay_pb2 import SyncPage, SyncRequest


@pytest.fixture
async def behind(tapeline_deployment: BackgroundDeployment, tmp_path: Path) -> AsyncIterator[Client]:
    """A client that lacks the two leaves of another's enrolment."""
    name = tmp_path.name[:50]
    client = await tapeline_deployment.client(f"here-{name}", tmp_path / "here")
    try:
        await client._engine.device.directory.refresh()
        await (await tapeline_deployment.client(f"there-{name}", tmp_path / "there")).close()
        yield client
    finally:
        await client.close()


def another_proof(page: SyncPage) -> None:
    page.items[0].proof[0] = bytes(32)


def no_proof(page: SyncPage) -> None:
    del page.items[0].proof[:]


def before_its_page(page: SyncPage) -> None:
    page.items[0].index = 0


def beyond_its_page(page: SyncPage) -> None:
    page.next = page.items[-1].index


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        pytest.param(another_proof, Rule.REC_INCLUSION, marks=pytest.mark.rule(Rule.REC_INCLUSION)),
        pytest.param(no_proof, Rule.REC_INCLUSION, marks=pytest.mark.rule(Rule.REC_INCLUSION)),
        pytest.param(before_its_page, Rule.LOG_INCLUSION, marks=pytest.mark.rule(Rule.LOG_INCLUSION)),
        pytest.param(beyond_its_page, Rule.LOG_INCLUSION, marks=pytest.mark.rule(Rule.LOG_INCLUSION)),
    ],
)
async def test_a_forged_page_moves_nothing(behind: Client, change: Callable[[SyncPage], None], rule: Rule) -> None:
    directory = behind._engine.device.directory
    before = (directory.next, directory.state.numbers.next)

    def alter(request: SyncRequest, page: SyncPage) -> None:
        if page.items:
            change(page)

    with altering_pages(behind, alter), pytest.raises(Refused) as caught:
        await directory.refresh()
    assert caught.value.rule is rule
    assert (directory.next, directory.state.numbers.next) == before
    await directory.refresh()
    assert directory.state.numbers.next >= before[1] + 2


@pytest.mark.rule(Rule.LOG_CONSISTENCY)
async def test_a_note_of_another_history_is_refused(behind: Client) -> None:
    directory = behind._engine.device.directory
    old = directory._note  # of the last refresh
    assert old is not None

    class Forger:
        """Answers with a consistency proof of nothing."""

        async def call(self, method: object, request: object) -> object:
            answer = await directory._caller.call(method, request)  # type: ignore[arg-type]
            if method is PROVE_CONSISTENCY:
                answer.hashes[0] = bytes(32)
            return answer

    await directory.refresh()
    newest = directory.shared.notes.newest
    assert newest is not None
    assert newest.size > old.size
    keeper = NoteKeeper(directory.shared.verify_note)
    keeper.restore(old)
    with pytest.raises(Refused) as caught:
        await keeper.offer(newest.raw, Forger())  # type: ignore[arg-type]
    assert caught.value.rule is Rule.LOG_CONSISTENCY
    assert keeper.newest == old


@pytest.mark.rule(Rule.LEAF_TAG)
async def test_an_acknowledgement_of_another_leaf_confirms_no_prekey(
    behind: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller, kept = behind._engine.device.caller, []
    original = type(caller).call

    async def call(self, method: object, request: object) -> object:  # type: ignore[no-untyped-def]
        answer = await original(self, method, request)  # type: ignore[arg-type]
        if method is PUBLISH:
            kept.append(answer)
            return kept[0]  # a true acknowledgement of the relay, but of the first prekey
        return answer

    monkeypatch.setattr(type(caller), "call", call)
    await behind._engine.prekeys.publish()
    with pytest.raises(Refused) as caught:
        await behind._engine.prekeys.publish()
    assert caught.value.rule is Rule.LEAF_TAG
    assert behind._engine.prekeys.is_unconfirmed


async def test_an_entry_for_another_key_enrols_nobody(
    tapeline_deployment: BackgroundDeployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The enroller hands out a good entry, signed by itself, for a key that somebody else holds."""
    from tapeline.client import enrolment

    original, other = enrolment.call, SigningKey.generate(lambda count: b"o" * count)

    async def call(channel: object, method: object, request: object, *rest: object) -> object:
        if method is ENROL:
            request.device_key = other.public  # type: ignore[attr-defined]
            request.possession = enrolment.sign_possession(other, request.code)  # type: ignore[attr-defined]
        return await original(channel, method, request, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(enrolment, "call", call)
    with pytest.raises(MalformedInput, match="another device key"):
        await tapeline_deployment.client(f"stolen-{tmp_path.name[:40]}", tmp_path / "store")
