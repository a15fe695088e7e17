"""The relay and the enroller as an operator runs them: real processes, real signals."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc.aio
import pytest
from gov_kit import DEPLOYMENT, T0, make_roster, sign_roster
from relay_device_kit import pair
from relay_kit import COMMAND, Deployment, RunningRelay, deployment, refusals

from tapeline.base.errors import TapelineError, Unavailable
from tapeline.base.remote import TRAILER, error_from_bytes
from tapeline.base.seam import system_clock, system_rng
from tapeline.base.times import DAY
from tapeline.crypto.device import EnrollerView, verify_device_entry
from tapeline.crypto.enrolment import parse_enrolment, sign_possession
from tapeline.crypto.signing import SigningKey
from tapeline.governance.person import Person
from tapeline.wire.v1.enroller_pb2 import EnrolRequest
from tapeline.wire.v1.enroller_pb2_grpc import EnrollerStub

ENROLLER = [sys.executable, "-c", "from tapeline.cli.enroller import app; app()"]
pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Deployment]:
    async with deployment(tmp_path / "relay") as made:
        yield made


async def command(base: list[str], *arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(*base, *arguments, stdout=-1, stderr=-1)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def process_of(relay: RunningRelay) -> asyncio.subprocess.Process:
    assert isinstance(relay.relay, asyncio.subprocess.Process)
    return relay.relay


async def test_init_prints_public_halves_and_never_overwrites(tmp_path: Path) -> None:
    arguments = ("init", "--data", str(tmp_path / "relay"), "--origin", "bank.example/archive", "--json")
    status, out, err = await command(COMMAND, *arguments)
    assert (status, err) == (0, "")
    part = json.loads(out)
    assert part["part"] == "relay"
    assert part["archive_log"].startswith("bank.example/archive+")
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "relay").iterdir()} == {0o600}
    assert (tmp_path / "relay").stat().st_mode & 0o777 == 0o700
    status, out, _ = await command(COMMAND, *arguments)
    assert status != 0
    assert out == ""


async def test_sigterm_lets_what_was_sent_finish_and_a_restart_goes_on(town: Deployment) -> None:
    async with town.process() as relay:
        ann, ben, conversation = await pair(relay)
        await ben.sync()
        async with ann.line() as mine:
            chain = await ann.open(mine, conversation)
            messages = [ann.message(chain, f"line {number}") for number in range(64)]
            futures = await mine.post(*(("message", message) for message in messages))
            await futures[0]
            process_of(relay).send_signal(signal.SIGTERM)
            acks = [await asyncio.wait_for(future, 20) for future in futures]
            await asyncio.wait_for(mine.ended.wait(), 20)
            assert await mine.call.code() is grpc.StatusCode.UNAVAILABLE
            told = dict(await mine.call.trailing_metadata())[TRAILER]
            assert isinstance(error_from_bytes(told), Unavailable)  # type: ignore[arg-type]
        assert await asyncio.wait_for(process_of(relay).wait(), 20) == 0
    async with town.process() as relay:
        ann.relay = ben.relay = relay
        await ann.again()
        await ben.again()
        async with ann.line() as mine, ben.line() as theirs:
            assert [await mine.send("message", message) for message in messages[:3]] == acks[:3]
            await mine.send("message", ann.message(chain, "after the restart"))
            got = await theirs.delivered(67)
            assert [delivery.message for delivery in got[2:66]] == messages
        process_of(relay).send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process_of(relay).wait(), 20) == 0


@pytest.mark.parametrize("option", [("--host", "0.0.0.0"), ("--vault", "acme=192.0.2.1:1")])
async def test_without_tls_only_loopback_is_used(town: Deployment, option: tuple[str, str]) -> None:
    rosters = ("--roster", str(town.roster_files[0]))
    status, out, err = await command(COMMAND, "serve", "--data", str(town.folder), *rosters, *option, "--json")
    assert status != 0
    assert out == ""
    assert "loopback" in err


async def test_a_second_firm_is_refused_at_the_start_and_nothing_is_written(tmp_path: Path) -> None:
    async with deployment(tmp_path / "relay", ("acme", "bolt")) as town:
        before = sorted(path.name for path in town.folder.iterdir())
        rosters = [part for path in town.roster_files for part in ("--roster", str(path))]
        status, out, err = await command(COMMAND, "serve", "--data", str(town.folder), *rosters, "--json")
        assert (status, out) != (0, "")
        assert "one firm on a relay" in err + out
        assert sorted(path.name for path in town.folder.iterdir()) == before


@asynccontextmanager
async def enroller(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    process = await asyncio.create_subprocess_exec(*ENROLLER, "serve", *arguments, "--json", stdout=-1)
    assert process.stdout is not None
    try:
        where = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
        yield process, where["grpc"]
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_an_enroller_enrols_while_codes_are_made_beside_it(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "enroller"))
    status, out, _ = await command(ENROLLER, "init", *data, "--json")
    assert status == 0
    public = bytes.fromhex(json.loads(out)["key"])
    people = [person for person in make_roster().people if person.id != "enid"]
    named = Person("enid", "Enid", frozenset({"enroller"}), "", public)
    roster = make_roster(people=(*people, named), expires_ms=max(system_clock(), T0) + DAY)
    (tmp_path / "roster.json").write_bytes(sign_roster(roster))
    data = (*data, "--roster", str(tmp_path / "roster.json"))
    async with enroller(*data) as (process, address):
        status, out, _ = await command(ENROLLER, "code", *data, "--user", "ann", "--json")
        assert status == 0
        code = parse_enrolment(json.loads(out)["code"])
        assert code.roster == roster.statement_hash
        device = SigningKey.generate(system_rng)
        request = EnrolRequest(
            code=code.code,
            device_key=device.public,
            device_name="laptop",
            possession=sign_possession(device, code.code),
        )
        async with grpc.aio.insecure_channel(address) as channel:
            entry = (await EnrollerStub(channel).Enrol(request)).entry.SerializeToString()
            request.code = "0" * 32
            with pytest.raises(TapelineError):
                await _enrol(channel, request)
        assert verify_device_entry(entry, EnrollerView(DEPLOYMENT, "acme", public)).user == "ann"
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 20) == 0


async def _enrol(channel: grpc.aio.Channel, request: EnrolRequest) -> None:
    async with refusals():
        await EnrollerStub(channel).Enrol(request)
