"""The running service over gRPC and HTTP: who may call what, and what strangers see."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import httpx
import pytest
from gov_kit import key, make_roster, person, sign, sign_roster
from gov_kit import make_case as kit_case

from tapeline.agent.board import BoardClient
from tapeline.agent.remote import Remote
from tapeline.base.errors import NotFound, PermissionRefused, StateError, Unauthenticated
from tapeline.base.rules import Refused, Rule
from tapeline.base.seam import system_clock, system_rng
from tapeline.base.times import DAY
from tapeline.crypto.login import ESCROW
from tapeline.escrow.config import EscrowConfig
from tapeline.escrow.keys import init_keys
from tapeline.escrow.serve import serve
from tapeline.governance.case import Case
from tapeline.governance.roster import Roster
from tapeline.vault.keys import init_keys as init_vault
from tapeline.vault.serve import VaultConfig
from tapeline.vault.serve import serve as serve_vault
from tapeline.wire.v1 import escrow_pb2 as wire
from tapeline.wire.v1.common_pb2 import ConsistencyRequest, ConsistencyResponse


@dataclass
class Running:
    """A service that listens, and how to reach it."""

    where: dict[str, object]
    roster: Roster

    def as_(self, name: str) -> BoardClient:
        remote = Remote(str(self.where["grpc"]), key(f"acme/{name}"), origin=self.roster.audit_origin, audience=ESCROW)
        return BoardClient(remote)


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    keys = init_keys(tmp_path / "escrow", "acme.example/audit", system_rng)
    now_ms = system_clock()
    roster = make_roster(
        escrow_key=keys.service.public, audit_log=keys.log.key.encode(), expires_ms=now_ms + DAY,
        people=(*make_roster().people, person("acme", "aura", {"auditor"}, "")),
    )  # fmt: skip
    (tmp_path / "roster.json").write_bytes(sign_roster(roster))
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    config = EscrowConfig(tmp_path / "escrow", tmp_path / "roster.json")
    task = asyncio.create_task(serve(config, ready=ready.set_result, stop=stop))
    done, _ = await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
    if task in done:
        task.result()
    yield Running(ready.result(), roster)
    stop.set()
    await task


def fresh_case() -> Case:
    now_ms = system_clock()
    return kit_case(created_ms=now_ms, expires_ms=now_ms + DAY)


async def test_people_of_the_roster_post_what_is_theirs(running: Running) -> None:
    case = sign(fresh_case(), "acme/rita")
    ack = await asyncio.to_thread(running.as_("rita").post, "case", case)
    assert ack.index == 1
    with pytest.raises(Refused) as refused:
        await asyncio.to_thread(running.as_("rita").post, "case", sign(fresh_case(), "acme/carl"))
    assert refused.value.rule is Rule.CASE_SIGNATURE


@pytest.mark.parametrize(
    ("who", "call"),
    [
        ("olga", lambda board: board.bundles(bytes(64))),
        ("abel", lambda board: board.issue_warrant(bytes(64), b"")),
        ("rita", lambda board: board.post_bundle(b"", b"")),
        ("carl", lambda board: board.make_vault_key(1, "five-years")),
        ("carl", lambda board: board.ask_vault(wire.VaultReleaseRequest())),
        ("rita", lambda board: board.ceremonies()),
    ],
)
async def test_a_role_does_only_its_own(running: Running, who: str, call: object) -> None:
    with pytest.raises(PermissionRefused):
        await asyncio.to_thread(call, running.as_(who))


async def test_sizes_that_no_checkpoint_has_are_told(running: Running) -> None:
    board = running.as_("rita")
    with pytest.raises(StateError, match="cosigned checkpoint"):
        await asyncio.to_thread(board.prove, [], 2**64 - 1)
    request = ConsistencyRequest(old_size=1, new_size=2**64 - 1)
    with pytest.raises(NotFound, match="of that size"):
        await asyncio.to_thread(board._remote.ask, "Board/ProveConsistency", request, ConsistencyResponse)


async def test_a_stranger_gets_no_token(running: Running) -> None:
    with pytest.raises((Unauthenticated, PermissionRefused)):
        await asyncio.to_thread(running.as_("nobody").sync, 0)


async def test_without_a_vault_the_service_says_so(running: Running) -> None:
    with pytest.raises(StateError, match="without a vault"):
        await asyncio.to_thread(running.as_("olga").make_vault_key, 1, "five-years")


async def test_entries_say_who_asked_about_whom_so_strangers_do_not_read_them(running: Running) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.get(f"{running.where['http']}/tile/entries/000.p/1")
    assert answer.status_code == 401


async def test_a_service_with_other_keys_than_the_rosters_does_not_start(tmp_path: Path) -> None:
    init_keys(tmp_path / "escrow", "acme.example/audit", system_rng)
    (tmp_path / "roster.json").write_bytes(sign_roster(make_roster()))
    with pytest.raises(StateError, match="other keys"):
        await serve(EscrowConfig(tmp_path / "escrow", tmp_path / "roster.json"), ready=lambda _: None)


async def test_over_the_wire_too_every_refusal_of_the_vault_is_one(tmp_path: Path) -> None:
    keys = init_vault(tmp_path / "vault", system_rng)
    keys.store.close()
    (tmp_path / "roster.json").write_bytes(sign_roster(make_roster(vault_key=keys.roster.public)))
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    config = VaultConfig(tmp_path / "vault", tmp_path / "roster.json")
    task = asyncio.create_task(serve_vault(config, ready=ready.set_result, stop=stop))
    where = await ready
    seen = set()
    async with grpc.aio.insecure_channel(where["grpc"]) as channel:
        ask = channel.unary_unary(
            "/tapeline.wire.v1.Vault/GetReceipt",
            request_serializer=wire.OpaqueRequest.SerializeToString,
            response_deserializer=wire.OpaqueResponse.FromString,
        )
        for opaque in (b"", b"\xff" * 99, wire.ReceiptRequest(cq=bytes(64)).SerializeToString()):
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                await ask(wire.OpaqueRequest(opaque=opaque))
            trailers = tuple(sorted(failed.value.trailing_metadata() or ()))
            seen.add((failed.value.code(), failed.value.details(), trailers))
    assert len(seen) == 1
    stop.set()
    await task
