"""Any process of the vault's machine wants it to make keys, take rosters and read packages of 64 MiB for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc.aio
import pytest
from gov_kit import CLASS, key, make_roster, sign_roster
from relay_kit import refusals

from tapeline.base.errors import PermissionRefused, StateError, Unauthenticated
from tapeline.base.seam import system_rng
from tapeline.crypto.login import ESCROW, VAULT
from tapeline.crypto.signing import SigningKey
from tapeline.escrow.vault_client import VaultClient
from tapeline.governance.roster import Roster
from tapeline.rpc.session import log_in
from tapeline.vault.keys import init_keys
from tapeline.vault.serve import VaultConfig, serve
from tapeline.wire.v1 import escrow_pb2 as wire
from tapeline.wire.v1.escrow_pb2_grpc import VaultStub

CALLS = {
    "MakeKey": wire.VaultKeyRequest(epoch=1, retention_class=CLASS),
    "Learn": wire.VaultUpdate(rosters=[b"junk"]),
    "Release": wire.VaultReleaseRequest(warrant_package=bytes(30 * 1024 * 1024)),
}


class Scene:
    """A vault that listens."""

    def __init__(self, address: str, roster: Roster) -> None:
        self.address, self.roster = address, roster

    async def caller(self, channel: grpc.aio.Channel, signing: SigningKey) -> tuple[tuple[str, str], ...]:
        async with refusals():
            return await log_in(channel, signing, origin=self.roster.audit_origin, audience=VAULT)


@pytest.fixture
async def vault(tmp_path: Path) -> AsyncIterator[Scene]:
    keys = init_keys(tmp_path / "vault", system_rng)
    keys.store.close()
    roster = make_roster(vault_key=keys.roster.public)
    (tmp_path / "roster.json").write_bytes(sign_roster(roster))
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    config = VaultConfig(tmp_path / "vault", tmp_path / "roster.json")
    task = asyncio.create_task(serve(config, ready=ready.set_result, stop=stop))
    yield Scene((await ready)["grpc"], roster)
    stop.set()
    await task


async def asked(channel: grpc.aio.Channel, name: str, metadata: tuple[tuple[str, str], ...] = ()) -> object:
    async with refusals(), asyncio.timeout(20):
        return await getattr(VaultStub(channel), name)(CALLS[name], metadata=metadata)


@pytest.mark.parametrize("name", CALLS)
async def test_without_a_login(vault: Scene, name: str) -> None:
    options = [("grpc.max_send_message_length", 64 * 1024 * 1024)]
    async with grpc.aio.insecure_channel(vault.address, options=options) as channel:
        with pytest.raises(Unauthenticated):
            await asked(channel, name)
        with pytest.raises(Unauthenticated):  # a key that no roster names
            await vault.caller(channel, key("acme/nobody"))


@pytest.mark.parametrize("name", ["MakeKey", "Learn"])
async def test_with_a_persons_key(vault: Scene, name: str) -> None:
    async with grpc.aio.insecure_channel(vault.address) as channel:
        for person in ("rita", "olga", "carl"):
            with pytest.raises(PermissionRefused):
                await asked(channel, name, await vault.caller(channel, key(f"acme/{person}")))


async def test_with_an_answer_to_the_escrow_services_challenge(vault: Scene) -> None:
    async with grpc.aio.insecure_channel(vault.address) as channel:
        with pytest.raises(PermissionRefused):
            async with refusals():
                await log_in(channel, key("acme/escrow"), origin=vault.roster.audit_origin, audience=ESCROW)


async def test_the_escrow_service_is_served_also_after_its_token_has_ended(vault: Scene) -> None:
    client = VaultClient(vault.address, key("acme/escrow"), vault.roster.audit_origin)
    request = wire.VaultKeyRequest(epoch=1, retention_class=CLASS)
    first = await client.make_key(request)
    client._metadata = (("authorization", "Bearer " + "00" * 32),)
    assert await client.make_key(request) == first
    await client.close()


async def test_an_escrow_service_of_another_key_is_told_why(vault: Scene) -> None:
    client = VaultClient(vault.address, key("acme/rita"), vault.roster.audit_origin)
    with pytest.raises((PermissionRefused, StateError)):
        await client.make_key(wire.VaultKeyRequest(epoch=1, retention_class=CLASS))
    await client.close()
