"""Whatever is sent to whichever RPC: a typed refusal within seconds, by nobody's fault but the sender's.

No call ends UNKNOWN or INTERNAL, none is without an answer, and the service serves as before afterwards.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import grpc
import grpc.aio
import pytest
from fuzz_kit import ROUNDS, random_message, spoilt
from gov_kit import key, make_roster, person, sign_roster
from relay_device_kit import enrol
from relay_kit import RunningRelay, deployment, login

from tapeline.base.seam import system_clock, system_rng
from tapeline.base.times import DAY
from tapeline.crypto.login import ESCROW
from tapeline.escrow import serve as escrow_serve
from tapeline.escrow.config import EscrowConfig
from tapeline.escrow.keys import init_keys
from tapeline.relay import app as relay_app
from tapeline.rpc.rules import RpcTable
from tapeline.wire.v1 import escrow_pb2, relay_pb2

pytestmark = [pytest.mark.fuzz, pytest.mark.timeout(3600)]
Metadata = Sequence[tuple[str, str]]
SECONDS = 20.0
FAULTS = {grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL, grpc.StatusCode.DEADLINE_EXCEEDED}
RELAY = ("Bootstrap", "Directory", "Messaging", "Review", "Reports")
BOARDS = ("Board", "Ceremony")


def unlimited(table: RpcTable) -> RpcTable:
    """The same declarations without rates, so that every input is looked at."""
    return {path: replace(rule, per_minute=10**9) for path, rule in table.items()}


class Fuzz:
    """Calls every method of some services with odd requests, as several callers."""

    def __init__(self, channel: grpc.aio.Channel, callers: list[Metadata], seed: str) -> None:
        self._channel = channel
        self._callers = callers
        self._rng = random.Random(seed)
        self.faults: list[str] = []
        self.calls = 0

    async def run(self, file: object, services: Sequence[str]) -> None:
        for name in services:
            for method in file.services_by_name[name].methods:  # type: ignore[attr-defined]
                for _ in range(ROUNDS):
                    await self._call(name, method)

    async def _call(self, service: str, method: object) -> None:
        request = random_message(method.input_type, self._rng).SerializeToString()  # type: ignore[attr-defined]
        if self._rng.random() < 0.3:
            request = spoilt(request, self._rng)
        path = f"/tapeline.wire.v1.{service}/{method.name}"  # type: ignore[attr-defined]
        code = await self._answer(path, method, request)
        self.calls += 1
        if code in FAULTS:
            self.faults.append(f"{path}: {code.name} for {request.hex()[:200]}")

    async def _answer(self, path: str, method: object, request: bytes) -> grpc.StatusCode:
        metadata = self._rng.choice(self._callers)
        streams_in, streams_out = method.client_streaming, method.server_streaming  # type: ignore[attr-defined]
        try:
            if streams_in:
                call = self._channel.stream_stream(path)(iter([request]), timeout=SECONDS, metadata=metadata)
                async for _ in call:
                    break
                call.cancel()
            elif streams_out:
                async for _ in self._channel.unary_stream(path)(request, timeout=SECONDS, metadata=metadata):
                    pass
            else:
                await self._channel.unary_unary(path)(request, timeout=SECONDS, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            return error.code()
        except asyncio.CancelledError:
            return grpc.StatusCode.CANCELLED
        return grpc.StatusCode.OK


async def test_the_relay_bears_every_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_app, "RELAY_TABLE", unlimited(relay_app.RELAY_TABLE))
    async with deployment(tmp_path / "relay") as town, town.relay() as relay:
        ann = await enrol(relay, "ann")
        people = [await relay.person(name) for name in ("olga", "carl", "rita", "abel", "aura", "escrow", "enid")]
        fuzz = Fuzz(relay.channel, [[], ann.metadata, ann.metadata, *people], "relay")
        await fuzz.run(relay_pb2.DESCRIPTOR, RELAY)
        assert fuzz.faults == []
        await _still_serves(relay)


async def _still_serves(relay: RunningRelay) -> None:
    ben = await enrol(relay, "ben")
    conversation = await ben.converse()
    await ben.sync()
    assert ben.state.membership(conversation).people == {("acme", "ben")}


@pytest.fixture
async def escrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[grpc.aio.Channel]:
    monkeypatch.setattr(escrow_serve, "TABLE", unlimited(escrow_serve.TABLE))
    keys = init_keys(tmp_path / "escrow", "acme.example/audit", system_rng)
    roster = make_roster(
        escrow_key=keys.service.public, audit_log=keys.log.key.encode(), expires_ms=system_clock() + DAY,
        people=(*make_roster().people, person("acme", "aura", {"auditor"}, "")),
    )  # fmt: skip
    (tmp_path / "roster.json").write_bytes(sign_roster(roster))
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    config = EscrowConfig(tmp_path / "escrow", tmp_path / "roster.json")
    task = asyncio.create_task(escrow_serve.serve(config, ready=ready.set_result, stop=stop))
    done, _ = await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
    if task in done:
        task.result()
    async with grpc.aio.insecure_channel(str(ready.result()["grpc"])) as channel:
        yield channel
    stop.set()
    await task


async def test_the_escrow_service_bears_every_request(escrow: grpc.aio.Channel) -> None:
    people = []
    for name in ("olga", "carl", "rita", "abel", "aura", "vault"):
        people.append(await login(escrow, key(f"acme/{name}"), origin="acme.example/audit", audience=ESCROW))
    fuzz = Fuzz(escrow, [[], *people], "escrow")
    await fuzz.run(escrow_pb2.DESCRIPTOR, BOARDS)
    assert fuzz.faults == []
    assert fuzz.calls > 0
