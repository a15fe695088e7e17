"""Codes are hashed, expire, and enrol one device; the code's string carries the trust."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import grpc.aio
import pytest
from gov_kit import CLASS, DEPLOYMENT, T0, key, make_roster, sign_roster
from record_kit import SeededRng
from relay_kit import refusals
from sqlalchemy import select

from tapeline.base.errors import LimitExceeded, MalformedInput, PermissionRefused, StateError
from tapeline.base.rules import Refused, Rule
from tapeline.base.times import DAY, HOUR, MINUTE
from tapeline.crypto.device import EnrollerView, VerifiedDevice, verify_device_entry
from tapeline.crypto.enrolment import EnrolmentCode, format_enrolment, log_key_hash, parse_enrolment, sign_possession
from tapeline.crypto.membership import verify_statement
from tapeline.crypto.signing import SigningKey
from tapeline.enroller.config import load_roster, require_enroller
from tapeline.enroller.keys import init_key, load_key
from tapeline.enroller.rpc import ENROLLER_TABLE, Enroller
from tapeline.enroller.service import FAILURES_OF_CONNECTION, FAILURES_PER_MINUTE, EnrolAttempt, EnrollerService
from tapeline.enroller.store import code, open_store
from tapeline.rpc.server import RpcPort, RpcServer, Service
from tapeline.rpc.tokens import TokenStore
from tapeline.wire.v1 import objects_pb2 as pb
from tapeline.wire.v1.enroller_pb2 import EnrolRequest
from tapeline.wire.v1.enroller_pb2_grpc import EnrollerStub, add_EnrollerServicer_to_server

ROSTER, ENROLLER = make_roster(), key("acme/enid")
LAPTOP, OTHER = (SigningKey.generate(SeededRng(name)) for name in ("laptop", "other"))


class Clock:
    now_ms = T0

    def __call__(self) -> int:
        return self.now_ms


class Desk:
    """An enroller with its database."""

    def __init__(self, path: Path) -> None:
        self.path, self.clock = path, Clock()
        self.service: EnrollerService

    async def open(self) -> None:
        self.engine = await open_store(self.path)
        rng = SeededRng("enroller")
        self.service = EnrollerService(ENROLLER, ROSTER, self.engine, self.clock, rng, device_ms=365 * DAY)

    async def enrol(self, one_time: str, device: SigningKey = LAPTOP, name: str = "laptop", **changes: bytes) -> bytes:
        values = {"possession": sign_possession(device, one_time), "connection": b"here", **changes}
        return await self.service.enrol(EnrolAttempt(one_time, device.public, name, **values))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    made = Desk(tmp_path / "codes.db")
    await made.open()
    yield made
    await made.engine.dispose()


def verified(entry: bytes) -> VerifiedDevice:
    return verify_device_entry(entry, EnrollerView(DEPLOYMENT, "acme", ENROLLER.public))


async def test_a_code_enrols_its_user(desk: Desk) -> None:
    issued = await desk.service.new_code("ann")
    assert parse_enrolment(format_enrolment(issued)) == issued
    assert (issued.roster, issued.log_key) == (ROSTER.statement_hash, log_key_hash(ROSTER.archive_log))
    device = verified(await desk.enrol(issued.code))
    assert (device.firm, device.user, device.device_key, device.device_name) == ("acme", "ann", LAPTOP.public, "laptop")
    assert device.not_before_ms < T0 < device.not_after_ms


async def test_the_same_device_gets_the_same_entry_again_also_later(desk: Desk) -> None:
    issued = await desk.service.new_code("ann", HOUR)
    first = await desk.enrol(issued.code)
    desk.clock.now_ms += 2 * HOUR
    assert await desk.enrol(issued.code) == first
    with pytest.raises(PermissionRefused):
        await desk.enrol(issued.code, OTHER)


async def test_a_code_is_used_once_in_a_race_too(desk: Desk) -> None:
    issued = await desk.service.new_code("ann")
    devices = [SigningKey.generate(SeededRng(f"racer {number}")) for number in range(8)]
    results = await asyncio.gather(*(desk.enrol(issued.code, one) for one in devices), return_exceptions=True)
    assert sum(isinstance(result, bytes) for result in results) == 1


async def test_all_devices_of_a_user_have_one_salt_and_users_have_their_own(desk: Desk) -> None:
    codes = [await desk.service.new_code(user) for user in ("ann", "ann", "ben")]
    devices = [LAPTOP, OTHER, SigningKey.generate(SeededRng("third"))]
    pairs = zip(codes, devices, strict=True)
    salts = [verified(await desk.enrol(issued.code, device)).user_salt for issued, device in pairs]
    assert salts[0] == salts[1] != salts[2]


async def test_the_code_itself_is_not_stored(desk: Desk) -> None:
    issued = await desk.service.new_code("ann")
    await desk.enrol(issued.code)
    async with desk.engine.connect() as conn:
        rows = (await conn.execute(select(code))).all()
    await desk.engine.dispose()
    assert len(rows) == 1
    for stored in desk.path.parent.iterdir():
        content = stored.read_bytes()
        assert issued.code.encode() not in content
        assert bytes.fromhex(issued.code) not in content


@pytest.mark.parametrize("broken", ["unknown", "expired"])
async def test_an_unknown_and_an_expired_code_get_one_answer(desk: Desk, broken: str) -> None:
    issued = await desk.service.new_code("ann", HOUR)
    desk.clock.now_ms += HOUR if broken == "expired" else 0
    with pytest.raises(PermissionRefused) as caught:
        await desk.enrol(issued.code if broken == "expired" else "0" * 32)
    assert caught.value.cause == "The enrolment code is unknown, used, or expired."


@pytest.mark.rule(Rule.SIGNATURE)
async def test_a_key_that_the_caller_does_not_hold_is_not_enrolled(desk: Desk) -> None:
    issued = await desk.service.new_code("ann")
    with pytest.raises(Refused) as caught:
        await desk.enrol(issued.code, possession=sign_possession(OTHER, issued.code))
    assert caught.value.rule is Rule.SIGNATURE
    verified(await desk.enrol(issued.code))


async def test_one_wrong_code_is_tried_so_often_only(desk: Desk) -> None:
    issued = await desk.service.new_code("ann")
    verified(await desk.enrol(issued.code))
    for _ in range(FAILURES_PER_MINUTE):
        with pytest.raises(PermissionRefused):
            await desk.enrol(issued.code, OTHER)
    for connection in (b"here", b"elsewhere"):
        with pytest.raises(LimitExceeded):
            await desk.enrol(issued.code, OTHER, connection=connection)
    desk.clock.now_ms += MINUTE
    with pytest.raises(PermissionRefused):
        await desk.enrol(issued.code, OTHER)


async def test_a_guesser_is_slowed_and_locks_nobody_out(desk: Desk) -> None:
    issued = await desk.service.new_code("ann")
    for guess in range(FAILURES_OF_CONNECTION):
        with pytest.raises(PermissionRefused):
            await desk.enrol(f"{guess:032x}")
    with pytest.raises(LimitExceeded):
        await desk.enrol("f" * 32)
    verified(await desk.enrol(issued.code))  # over the very same connection, as behind a TLS proxy


async def test_names_are_visible_characters(desk: Desk) -> None:
    with pytest.raises(MalformedInput):
        await desk.service.new_code("ann\x1b[2J")
    issued = await desk.service.new_code("ann")
    with pytest.raises(MalformedInput):
        await desk.enrol(issued.code, name="\u202elaptop")


async def test_the_enroller_signs_memberships(desk: Desk) -> None:
    statement = pb.MembershipStatement(
        deployment=DEPLOYMENT, salt=bytes(32), created_ms=T0, members=[pb.Member(firm="acme", user="ann")],
        firms=[pb.FirmClass(firm="acme", retention_class=CLASS)],
    )  # fmt: skip
    signed = verify_statement(desk.service.sign_membership(statement), signer_key=ENROLLER.public, previous=None)
    assert signed.signer == ENROLLER.public


async def test_the_service_answers_over_grpc(desk: Desk) -> None:
    issued = await desk.service.new_code("ann")
    add = partial(add_EnrollerServicer_to_server, Enroller(desk.service))
    server = RpcServer(
        [Service("tapeline.wire.v1.Enroller", add)],
        ENROLLER_TABLE,
        port=RpcPort("127.0.0.1", 0),
        who_is=lambda _: None,
        tokens=TokenStore(desk.clock, SeededRng("tokens")),
        clock=desk.clock,
    )
    async with grpc.aio.insecure_channel(await server.start()) as channel:
        request = EnrolRequest(
            code=issued.code,
            device_key=LAPTOP.public,
            device_name="laptop",
            possession=sign_possession(LAPTOP, issued.code),
        )
        answer = await EnrollerStub(channel).Enrol(request)
        assert verified(answer.entry.SerializeToString()).user == "ann"
        request.device_name = "x" * 65
        with pytest.raises(Refused) as caught:
            async with refusals():
                await EnrollerStub(channel).Enrol(request)
        assert caught.value.rule is Rule.WIRE_SIZE
    await server.stop()


def test_a_code_shows_nothing_in_its_repr() -> None:
    assert "a1" * 16 not in repr(EnrolmentCode("a1" * 16, bytes(64), bytes(64)))


def test_keys_are_made_once_and_read_by_their_owner_only(tmp_path: Path) -> None:
    made = init_key(tmp_path / "enroller", SeededRng("key"))
    assert load_key(tmp_path / "enroller").public == made.public
    assert (tmp_path / "enroller" / "enroller.key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(StateError):
        init_key(tmp_path / "enroller", SeededRng("again"))
    (tmp_path / "enroller" / "enroller.key").chmod(0o644)
    with pytest.raises(StateError):
        load_key(tmp_path / "enroller")


def test_the_roster_must_name_the_key(tmp_path: Path) -> None:
    (tmp_path / "roster.json").write_bytes(sign_roster(ROSTER))
    roster = load_roster(tmp_path / "roster.json")
    require_enroller(roster, ENROLLER)
    with pytest.raises(StateError):
        require_enroller(roster, LAPTOP)


@pytest.mark.rule(Rule.ROSTER_CHAIN)
def test_a_roster_that_too_few_officers_signed_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "roster.json").write_bytes(sign_roster(ROSTER, "olga"))
    with pytest.raises(Refused) as caught:
        load_roster(tmp_path / "roster.json")
    assert caught.value.rule is Rule.ROSTER_CHAIN
