"""Whoever puts a service's folder back to an older copy wants it to have forgotten: it notices, and stops.

Real processes on real copies, as `cp -a` makes them.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import httpx
import pytest
from process_kit import Running, eventually, tapeline
from relay_kit import refusals
from services_kit import Firm, enrol, firm

from tapeline.base.errors import PermissionRefused, StateError
from tapeline.base.seam import system_clock, system_rng
from tapeline.crypto.login import VAULT
from tapeline.escrow.keys import load_keys
from tapeline.rpc.session import log_in
from tapeline.testing.founding import CLASS, make_escrow_key
from tapeline.wire.v1.escrow_pb2 import OpaqueRequest, VaultKeyRequest, VaultUpdate
from tapeline.wire.v1.escrow_pb2_grpc import VaultStub


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Firm]:
    made = firm(tmp_path)
    yield made
    made.end()


def checks(url: str) -> dict[str, str]:
    return dict(httpx.get(f"{url}/readyz", trust_env=False, timeout=10).json()["checks"])


def copied(bank: Firm, service: str) -> Path:
    return Path(shutil.copytree(bank.folder / service, bank.folder / f"{service}-older"))


def put_back(bank: Firm, service: str, older: Path) -> None:
    shutil.rmtree(bank.folder / service)
    shutil.copytree(older, bank.folder / service)


async def test_to_have_a_code_taken_twice(bank: Firm) -> None:
    witness = bank.start("witness").ready()
    bank.found_again(witness["url"])
    relay = bank.start("relay").ready()
    made = tapeline(
        "enroller", "code", "--data", "enroller", "--roster", "roster.json", "--user", "ann", cwd=bank.folder
    )
    older = copied(bank, "enroller")
    first = bank.start("enroller", "--relay", relay["grpc"])
    await enrol(made["code"], relay, first.ready(), bank.folder / "ann")
    assert first.stop() == 0

    put_back(bank, "enroller", older)
    again = bank.start("enroller", "--relay", relay["grpc"])
    where = again.ready()
    await asyncio.to_thread(
        eventually, lambda: "older copy" in checks(where["http"])["memory"], what="the archive's word"
    )
    with pytest.raises(StateError, match="older copy"):
        await enrol(made["code"], relay, where, bank.folder / "thief")
    assert "enroller_went_back" in again.log.read_text()
    assert again.stop() == 0

    accepted = bank.start("enroller", "--relay", relay["grpc"], "--accept-older-copy")
    where = accepted.ready()
    await asyncio.to_thread(eventually, lambda: set(checks(where["http"]).values()) == {"ok"}, what="readiness")


async def as_escrow(bank: Firm, channel: grpc.aio.Channel) -> tuple[tuple[str, str], ...]:
    """Log in at the vault with the escrow service's key."""
    key = load_keys(bank.folder / "escrow").service
    return await log_in(channel, key, origin=bank.founding.roster.audit_origin, audience=VAULT)


async def test_to_have_the_vault_forget_a_key(bank: Firm) -> None:
    older = copied(bank, "vault")
    first = bank.start("vault")
    founding = bank.founding
    async with grpc.aio.insecure_channel(first.ready()["grpc"]) as channel:
        caller = await as_escrow(bank, channel)
        made = await VaultStub(channel).MakeKey(VaultKeyRequest(epoch=1, retention_class=CLASS), metadata=caller)
        epoch = make_escrow_key(founding, made.v_public, rng=system_rng, now_ms=system_clock())
        update = VaultUpdate(rosters=[founding.envelope], certificates=[epoch.envelope])
        assert (await VaultStub(channel).Learn(update, metadata=caller)).certificates == 1
    assert first.stop() == 0

    put_back(bank, "vault", older)
    again = bank.start("vault")
    where = again.ready()
    async with grpc.aio.insecure_channel(where["grpc"]) as channel:
        caller = await as_escrow(bank, channel)
        with pytest.raises(StateError, match="lacks the key of epoch 1"):
            async with refusals():
                await VaultStub(channel).Learn(update, metadata=caller)
        with pytest.raises(PermissionRefused):
            async with refusals():
                await VaultStub(channel).GetReceipt(OpaqueRequest(opaque=b"anything"))
        with pytest.raises(StateError, match="older than the logs"):
            async with refusals():  # or it would make a second V for an epoch that has one
                await VaultStub(channel).MakeKey(VaultKeyRequest(epoch=1, retention_class=CLASS), metadata=caller)
    assert "lacks the key" in checks(where["http"])["memory"]
    assert again.stop() == 0

    accepted = bank.start("vault", "--accept-older-copy")
    async with grpc.aio.insecure_channel(accepted.ready()["grpc"]) as channel:
        caller = await as_escrow(bank, channel)
        await VaultStub(channel).Learn(update, metadata=caller)
        request = VaultKeyRequest(epoch=2, retention_class=CLASS)
        second = (await VaultStub(channel).MakeKey(request, metadata=caller)).v_public
    assert accepted.stop() == 0

    plain = bank.start("vault")
    where = plain.ready()
    async with grpc.aio.insecure_channel(where["grpc"]) as channel:
        caller = await as_escrow(bank, channel)
        await VaultStub(channel).Learn(update, metadata=caller)
        assert (await VaultStub(channel).MakeKey(request, metadata=caller)).v_public == second
    assert checks(where["http"])["memory"] == "ok"


def test_to_have_a_witness_begin_at_nothing(bank: Firm) -> None:
    first = bank.start("witness")
    first.ready()
    first.kill()
    for path in (bank.folder / "witness").glob("witness.db*"):
        path.unlink()
    error = bank.refused("witness")
    assert "memory is missing" in error["cause"]
    assert "--accept-older-copy" in error["remedy"]
    assert not list((bank.folder / "witness").glob("witness.db*"))
    accepted: Running = bank.start("witness", "--accept-older-copy")
    assert accepted.ready()["vkey"] == bank.witness
    assert accepted.stop() == 0
    assert bank.start("witness").ready()["vkey"] == bank.witness


@asynccontextmanager
async def growing(bank: Firm, relay: dict[str, Any], user: str) -> AsyncIterator[None]:
    """Let a device enrol while the block runs: the archive grows by its entry, cosigned or not."""
    made = tapeline(
        "enroller", "code", "--data", "enroller", "--roster", "roster.json", "--user", user, cwd=bank.folder
    )
    enroller = bank.start("enroller")
    enrolling = asyncio.create_task(enrol(made["code"], relay, enroller.ready(), bank.folder / user))
    try:
        yield
    finally:
        enrolling.cancel()
        with suppress(asyncio.CancelledError):
            await enrolling
        assert enroller.stop() == 0


def size_of(where: dict[str, Any]) -> int:
    answer = httpx.get(f"{where['http']}/checkpoint", trust_env=False, timeout=10)
    return int(answer.text.splitlines()[1]) if answer.status_code == 200 else 0


async def becomes(holds: Any, what: str) -> None:
    await asyncio.to_thread(eventually, holds, what=what)


async def test_to_have_the_archive_forget_while_no_witness_looks(bank: Firm) -> None:
    witness = bank.start("witness")
    url = witness.ready()["url"]
    port = url.rpartition(":")[2]
    bank.found_again(url)
    relay = bank.start("relay")
    where = relay.ready()
    await becomes(lambda: size_of(where) >= 1, "the first checkpoint")
    assert relay.stop() == 0
    older = copied(bank, "relay")
    relay = bank.start("relay")
    where = relay.ready()
    async with growing(bank, where, "ann"):
        await becomes(lambda: size_of(where) >= 2, "growth")
    assert relay.stop() == 0
    witness.kill()

    put_back(bank, "relay", older)
    relay = bank.start("relay")
    relay.ready()  # nobody is there to tell that it is older
    bank.start("witness", "--port", port).ready()
    assert await asyncio.to_thread(relay.process.wait, 60) == 1
    assert "shorter than its last checkpoint" in relay.log.read_text()


async def test_to_have_a_witness_cosign_from_an_older_memory(bank: Firm) -> None:
    witness = bank.start("witness")
    url = witness.ready()["url"]
    port = url.rpartition(":")[2]
    bank.found_again(url)
    relay = bank.start("relay")
    where = relay.ready()
    await becomes(lambda: size_of(where) >= 1, "the first checkpoint")
    assert witness.stop() == 0
    older = copied(bank, "witness")
    witness = bank.start("witness", "--port", port)
    witness.ready()
    async with growing(bank, where, "ann"):
        await becomes(lambda: size_of(where) >= 2, "growth")
    assert witness.stop() == 0

    put_back(bank, "witness", older)
    witness = bank.start("witness", "--port", port)
    witness.ready()
    before = size_of(where)
    async with growing(bank, where, "ben"):
        await becomes(lambda: "older" in checks(url)["memory"], "the witness's notice")
        assert size_of(where) == before
    assert "witness_went_back" in relay.log.read_text()
    assert witness.stop() == 0
    bank.start("witness", "--port", port, "--accept-older-copy").ready()
    await becomes(lambda: size_of(where) > before, "a checkpoint beyond")
    assert checks(url)["memory"] == "ok"
    assert relay.stop() == 0
