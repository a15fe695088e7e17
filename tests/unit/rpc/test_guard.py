"""The guard before real handlers on a real server: who may call, how much, how often, and what errors tell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial

import grpc
import grpc.aio
import pytest
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from record_kit import SeededRng
from relay_kit import refusals

from tapeline.base.errors import (
    LimitExceeded,
    MalformedInput,
    NotFound,
    PermissionRefused,
    StateError,
    Unauthenticated,
    Unavailable,
)
from tapeline.base.rules import Refused, Rule
from tapeline.crypto.login import RELAY, sign_login
from tapeline.crypto.signing import SigningKey
from tapeline.rpc.fields import Field
from tapeline.rpc.login import LoginService
from tapeline.rpc.principal import ANONYMOUS, DEVICE, Principal, caller, with_role
from tapeline.rpc.rules import LOGIN_RULES, RpcRule
from tapeline.rpc.server import RpcPort, RpcServer, ServerLimits, Service
from tapeline.rpc.tokens import TOKEN_MS, TokenStore
from tapeline.wire.v1 import relay_pb2 as pb
from tapeline.wire.v1.common_pb2 import ChallengeRequest, LoginRequest
from tapeline.wire.v1.common_pb2_grpc import LoginStub, add_LoginServicer_to_server
from tapeline.wire.v1.objects_pb2 import SignedObject
from tapeline.wire.v1.relay_pb2_grpc import (
    DirectoryServicer,
    DirectoryStub,
    MessagingServicer,
    MessagingStub,
    ReviewServicer,
    ReviewStub,
    add_DirectoryServicer_to_server,
    add_MessagingServicer_to_server,
    add_ReviewServicer_to_server,
)

SECRET = "the user's own words"
DEVICE_KEY, PERSON_KEY = (SigningKey.generate(SeededRng(name)) for name in ("device", "person"))
PREFIX = "/tapeline.wire.v1."
TABLE = {
    **LOGIN_RULES,
    f"{PREFIX}Directory/Sync": RpcRule(DEVICE, 64),
    f"{PREFIX}Directory/GetConversation": RpcRule(ANONYMOUS, 512, {"conversation": Field(64)}),
    f"{PREFIX}Directory/Prove": RpcRule(
        with_role("auditor"),
        512,
        {"indices": Field(count=2)},
        per_minute=75,
        weight=lambda request: 1 + 20 * len(request.indices),
    ),
    f"{PREFIX}Directory/ProveConsistency": RpcRule(ANONYMOUS, 64, per_minute=3),
    f"{PREFIX}Messaging/Connect": RpcRule(
        DEVICE, 256, {"submit": Field(inside={"items": Field(count=2, inside={"message": Field(10)})})}
    ),
    f"{PREFIX}Review/ExportArchive": RpcRule(with_role("auditor"), 64),
}


class Clock:
    now_ms = 1_700_000_000_000

    def __call__(self) -> int:
        return self.now_ms


class Directory(DirectoryServicer):
    async def Sync(self, request, context):  # type: ignore[no-untyped-def]
        return pb.SyncPage(next=len(caller().name))

    async def GetConversation(self, request, context):  # type: ignore[no-untyped-def]
        if request.conversation == b"boom":
            raise ValueError(SECRET)
        raise NotFound("No such conversation.", "Look elsewhere.")

    async def Prove(self, request, context):  # type: ignore[no-untyped-def]
        from tapeline.wire.v1.common_pb2 import ProofResponse

        return ProofResponse(note=caller().name.encode())

    async def ProveConsistency(self, request, context):  # type: ignore[no-untyped-def]
        from tapeline.wire.v1.common_pb2 import ConsistencyResponse

        return ConsistencyResponse()


class Messaging(MessagingServicer):
    async def Connect(self, request_iterator, context):  # type: ignore[no-untyped-def]
        async for frame in request_iterator:
            if frame.HasField("subscribe"):
                raise ValueError(SECRET)
            yield pb.ServerFrame(note=caller().name.encode())


class Review(ReviewServicer):
    async def ExportArchive(self, request, context):  # type: ignore[no-untyped-def]
        yield pb.ArchivedObject(index=1)
        raise StateError("Cut short.", "Ask again.")


class Running:
    def __init__(self, limits: ServerLimits | None = None) -> None:
        self.clock = Clock()
        self.known: dict[bytes, Principal] = {
            DEVICE_KEY.public: Principal(DEVICE_KEY.public, "acme", "ann", device_entry=b"e" * 64),
            PERSON_KEY.public: Principal(PERSON_KEY.public, "acme", "aura", frozenset({"auditor"})),
        }
        rng = SeededRng("tokens")
        tokens = TokenStore(self.clock, rng)
        login = LoginService(
            origin="log.example", audience=RELAY, who_is=self.known.get, tokens=tokens, clock=self.clock, rng=rng
        )
        services = [
            Service("tapeline.wire.v1.Login", partial(add_LoginServicer_to_server, login)),
            Service("tapeline.wire.v1.Directory", partial(add_DirectoryServicer_to_server, Directory())),
            Service("tapeline.wire.v1.Messaging", partial(add_MessagingServicer_to_server, Messaging())),
            Service("tapeline.wire.v1.Review", partial(add_ReviewServicer_to_server, Review())),
        ]
        self.server = RpcServer(
            services,
            TABLE,
            port=RpcPort("127.0.0.1", 0, limits),
            who_is=self.known.get,
            tokens=tokens,
            clock=self.clock,
        )
        self.address = ""
        self.channel: grpc.aio.Channel

    async def login(self, key: SigningKey) -> list[tuple[str, str]]:
        stub = LoginStub(self.channel)
        async with refusals():
            challenge = await stub.GetChallenge(ChallengeRequest(key=key.public))
            answer = sign_login(key, challenge, origin="log.example", audience=RELAY)
            token = await stub.Prove(LoginRequest(login=SignedObject.FromString(answer)))
        return [("authorization", f"Bearer {token.token.hex()}")]


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    async with _running() as made:
        yield made


@asynccontextmanager
async def _running() -> AsyncIterator[Running]:
    made = Running()
    made.address = await made.server.start()
    async with grpc.aio.insecure_channel(made.address) as made.channel:
        yield made
    await made.server.stop()


@pytest.fixture
def events() -> Iterator[list[structlog.typing.EventDict]]:
    with structlog.testing.capture_logs() as captured:
        yield captured


async def test_a_device_and_a_person_call_what_is_theirs(running: Running) -> None:
    from tapeline.wire.v1.common_pb2 import ProofRequest

    device, person = await running.login(DEVICE_KEY), await running.login(PERSON_KEY)
    stub = DirectoryStub(running.channel)
    assert (await stub.Sync(pb.SyncRequest(), metadata=device)).next == 3
    assert (await stub.Prove(ProofRequest(), metadata=person)).note == b"aura"
    for call in (stub.Sync(pb.SyncRequest(), metadata=person), stub.Prove(ProofRequest(), metadata=device)):
        with pytest.raises(PermissionRefused):
            await _result(call)


async def test_without_a_login_or_with_a_false_token_nothing_is_called(running: Running) -> None:
    stub = DirectoryStub(running.channel)
    for header in (None, "Bearer " + "00" * 32, "Bearer zz", "Basic x", "Bearer " + "zz" * 32):
        metadata = [("authorization", header)] if header else None
        with pytest.raises(Unauthenticated):
            await _result(stub.Sync(pb.SyncRequest(), metadata=metadata))


async def test_a_false_token_is_refused_even_where_none_is_needed(running: Running) -> None:
    stub = DirectoryStub(running.channel)
    with pytest.raises(Unauthenticated):
        await _result(stub.GetConversation(pb.ConversationRequest(), metadata=[("authorization", "Bearer 00")]))


async def test_tokens_expire_and_die_with_their_key(running: Running) -> None:
    stub, metadata = DirectoryStub(running.channel), await running.login(DEVICE_KEY)
    running.clock.now_ms += TOKEN_MS
    with pytest.raises(Unauthenticated):
        await _result(stub.Sync(pb.SyncRequest(), metadata=metadata))
    metadata = await running.login(DEVICE_KEY)
    await stub.Sync(pb.SyncRequest(), metadata=metadata)
    del running.known[DEVICE_KEY.public]
    with pytest.raises(Unauthenticated):
        await _result(stub.Sync(pb.SyncRequest(), metadata=metadata))


async def test_a_challenge_is_answered_once_in_time_by_its_key(running: Running) -> None:
    stub = LoginStub(running.channel)
    challenge = await stub.GetChallenge(ChallengeRequest(key=DEVICE_KEY.public))
    other = sign_login(PERSON_KEY, challenge, origin="log.example", audience=RELAY)
    answer = sign_login(DEVICE_KEY, challenge, origin="log.example", audience=RELAY)
    challenge.expires_ms += 1
    longer = sign_login(DEVICE_KEY, challenge, origin="log.example", audience=RELAY)
    for refused in (other, longer):
        with pytest.raises(PermissionRefused):
            await _result(stub.Prove(LoginRequest(login=SignedObject.FromString(refused))))
    request = LoginRequest(login=SignedObject.FromString(answer))
    await stub.Prove(request)
    with pytest.raises(PermissionRefused):
        await _result(stub.Prove(request))


async def test_an_rpc_that_is_not_listed_is_refused_to_everyone(running: Running) -> None:
    metadata = await running.login(PERSON_KEY)
    with pytest.raises(PermissionRefused):
        await _result(ReviewStub(running.channel).GetRecords(pb.RecordsRequest(), metadata=metadata))
    with pytest.raises(PermissionRefused):
        await _result(running.channel.unary_unary("/nobody.knows/This")(b""))


@pytest.mark.rule(Rule.WIRE_SIZE)
@pytest.mark.parametrize("request_", [b"c" * 65, b"c" * 600])
async def test_a_field_or_request_over_its_bound_is_refused(running: Running, request_: bytes) -> None:
    stub = DirectoryStub(running.channel)
    with pytest.raises(Refused) as caught:
        await _result(stub.GetConversation(pb.ConversationRequest(conversation=request_)))
    assert caught.value.rule is Rule.WIRE_SIZE


@pytest.mark.rule(Rule.WIRE_SIZE)
@pytest.mark.parametrize(("count", "size"), [(3, 1), (2, 11), (1, 400)])
async def test_frames_of_a_stream_are_held_to_their_bounds(running: Running, count: int, size: int) -> None:
    metadata = await running.login(DEVICE_KEY)
    call = MessagingStub(running.channel).Connect(metadata=metadata)
    fitting = pb.SubmitBatch(items=[pb.Submission(ticket=1, message=b"m" * 10)])
    await call.write(pb.ClientFrame(submit=fitting))
    assert (await call.read()).note == b"ann"
    batch = pb.SubmitBatch(items=[pb.Submission(ticket=1, message=b"m" * size)] * count)
    await call.write(pb.ClientFrame(submit=batch))
    with pytest.raises(Refused) as caught:
        await _result(call.read())
    assert caught.value.rule is Rule.WIRE_SIZE


async def test_who_asks_too_often_waits(running: Running) -> None:
    from tapeline.wire.v1.common_pb2 import ConsistencyRequest

    stub = DirectoryStub(running.channel)
    for _ in range(3):
        await stub.ProveConsistency(ConsistencyRequest())
    with pytest.raises(LimitExceeded):
        await _result(stub.ProveConsistency(ConsistencyRequest()))
    running.clock.now_ms += 20_000
    await stub.ProveConsistency(ConsistencyRequest())


async def test_a_typed_error_travels_whole(running: Running) -> None:
    with pytest.raises(NotFound) as caught:
        await _result(DirectoryStub(running.channel).GetConversation(pb.ConversationRequest()))
    assert (caught.value.cause, caught.value.remedy) == ("No such conversation.", "Look elsewhere.")
    stream = ReviewStub(running.channel).ExportArchive(pb.SyncRequest(), metadata=await running.login(PERSON_KEY))
    assert (await stream.read()).index == 1
    with pytest.raises(StateError):
        await _result(stream.read())


async def test_an_unexpected_error_tells_nothing_of_its_text(
    running: Running, events: list[structlog.typing.EventDict]
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await DirectoryStub(running.channel).GetConversation(pb.ConversationRequest(conversation=b"boom"))
    call = MessagingStub(running.channel).Connect(metadata=await running.login(DEVICE_KEY))
    await call.write(pb.ClientFrame(subscribe=pb.Subscribe()))
    with pytest.raises(grpc.aio.AioRpcError) as streamed:
        await call.read()
    for error in (caught.value, streamed.value):
        assert (error.code(), error.details()) == (grpc.StatusCode.INTERNAL, "internal error")
        assert SECRET not in str(error.trailing_metadata())
    assert [event["error"] for event in events] == ["ValueError", "ValueError"]
    assert SECRET not in str(events)


async def test_health_and_reflection_answer(running: Running) -> None:
    health = health_pb2_grpc.HealthStub(running.channel)
    answer = await health.Check(health_pb2.HealthCheckRequest(service="tapeline.wire.v1.Directory"))
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    stub = reflection_pb2_grpc.ServerReflectionStub(running.channel)
    asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
    call = stub.ServerReflectionInfo(asked, metadata=await running.login(DEVICE_KEY))
    names = {service.name for service in (await call.read()).list_services_response.service}
    assert {"tapeline.wire.v1.Directory", "grpc.health.v1.Health"} <= names


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.com"])
async def test_without_tls_only_loopback_is_listened_on(host: str) -> None:
    with pytest.raises(StateError):
        RpcPort(host, 0)


async def test_a_taken_port_is_told() -> None:
    taken = RpcPort("127.0.0.1", 0)
    with pytest.raises(Unavailable):
        RpcPort("127.0.0.1", int(taken.address.rpartition(":")[2]))
    await taken.close()


async def test_what_stays_open_needs_a_login_and_is_counted(running: Running) -> None:
    watch = health_pb2_grpc.HealthStub(running.channel).Watch
    reflect = reflection_pb2_grpc.ServerReflectionStub(running.channel).ServerReflectionInfo
    for call in (watch(health_pb2.HealthCheckRequest()), reflect(iter([reflection_pb2.ServerReflectionRequest()]))):
        with pytest.raises(Unauthenticated):
            await _result(call.read())
    metadata = await running.login(DEVICE_KEY)
    watches = [watch(health_pb2.HealthCheckRequest(), metadata=metadata) for _ in range(4)]
    for one in watches:
        assert (await one.read()).status == health_pb2.HealthCheckResponse.SERVING
    with pytest.raises(LimitExceeded):
        await _result(watch(health_pb2.HealthCheckRequest(), metadata=metadata).read())
    watches[0].cancel()
    async with asyncio.timeout(10):
        while True:
            try:
                another = watch(health_pb2.HealthCheckRequest(), metadata=metadata)
                assert (await _result(another.read())).status == health_pb2.HealthCheckResponse.SERVING
                break
            except LimitExceeded:  # the server has not heard of the end yet
                await asyncio.sleep(0.01)


async def test_what_does_not_decode_is_the_senders_fault(
    running: Running, events: list[structlog.typing.EventDict]
) -> None:
    metadata, junk = await running.login(DEVICE_KEY), b"\xff" * 9
    calls = [
        running.channel.unary_unary(f"{PREFIX}Directory/GetConversation")(junk),
        running.channel.unary_unary("/grpc.health.v1.Health/Check")(junk),
        running.channel.stream_stream(f"{PREFIX}Messaging/Connect")(iter([junk]), metadata=metadata).read(),
        running.channel.unary_stream(f"{PREFIX}Review/ExportArchive")(
            junk, metadata=await running.login(PERSON_KEY)
        ).read(),
    ]
    for call in calls:
        with pytest.raises(MalformedInput):
            await _result(call)
    assert events == []


async def test_what_does_not_decode_is_counted_as_well(running: Running) -> None:
    ask = running.channel.unary_unary(f"{PREFIX}Directory/ProveConsistency")
    for _ in range(3):
        with pytest.raises(MalformedInput):
            await _result(ask(b"\xff" * 9))
    with pytest.raises(LimitExceeded):
        await _result(ask(b"\xff" * 9))


async def test_nothing_is_received_before_the_login_is_known(running: Running) -> None:
    """The caller opens a call and never sends its request: it is refused at once, not held."""
    sent = asyncio.Event()

    async def never() -> AsyncIterator[bytes]:
        await sent.wait()
        yield b""

    call = running.channel.stream_unary(f"{PREFIX}Directory/Sync")(never())
    with pytest.raises(Unauthenticated):
        async with asyncio.timeout(5):
            await _result(call)
    sent.set()


async def test_an_unknown_caller_sends_its_request_or_is_let_go(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tapeline.rpc.guard.ANONYMOUS_ARRIVAL_S", 0.2)
    sent = asyncio.Event()

    async def never() -> AsyncIterator[bytes]:
        await sent.wait()
        yield b""

    call = running.channel.stream_unary(f"{PREFIX}Directory/GetConversation")(never())
    with pytest.raises(LimitExceeded):
        async with asyncio.timeout(5):
            await _result(call)
    sent.set()
    with pytest.raises(NotFound):  # and the server goes on
        await _result(DirectoryStub(running.channel).GetConversation(pb.ConversationRequest()))


async def test_a_request_counts_by_what_it_costs(running: Running) -> None:
    from tapeline.wire.v1.common_pb2 import ProofRequest

    stub, metadata = DirectoryStub(running.channel), await running.login(PERSON_KEY)
    await stub.Prove(ProofRequest(indices=[1, 2]), metadata=metadata)  # one for the call, and 20 for each index
    await stub.Prove(ProofRequest(indices=[1]), metadata=metadata)
    with pytest.raises(LimitExceeded):
        await _result(stub.Prove(ProofRequest(indices=[1, 2]), metadata=metadata))
    await stub.Prove(ProofRequest(), metadata=metadata)


async def test_one_caller_uses_up_nobody_elses_challenges(running: Running) -> None:
    """Not by asking for random keys, nor for the victim's: neither over its own connection nor over a shared one."""
    stub, rng = LoginStub(running.channel), SeededRng("flood")
    for number in range(2000):
        key = DEVICE_KEY.public if number % 2 else rng(32)
        with suppress(grpc.aio.AioRpcError):
            await stub.GetChallenge(ChallengeRequest(key=key))
    with pytest.raises(LimitExceeded):
        await _result(stub.GetChallenge(ChallengeRequest(key=DEVICE_KEY.public)))
    await running.login(PERSON_KEY)
    async with grpc.aio.insecure_channel(running.address, options=[("grpc.use_local_subchannel_pool", 1)]) as other:
        running.channel = other
        await running.login(DEVICE_KEY)


async def test_connections_are_capped() -> None:
    made = Running(ServerLimits(connections=4))
    address = await made.server.start()
    host, port = address.split(":")
    async with grpc.aio.insecure_channel(address) as made.channel:
        await made.login(DEVICE_KEY)
        opened = [await asyncio.open_connection(host, int(port)) for _ in range(8)]
        greeted = [reader async for reader in _greeted(opened)]
        assert len(greeted) <= 4
        await made.login(DEVICE_KEY)  # whoever is in stays in
        for _, writer in opened:
            writer.close()
    await made.server.stop()


async def _greeted(opened):  # type: ignore[no-untyped-def]
    """Yield the connections that the server greets with its HTTP/2 settings."""
    for reader, writer in opened:
        writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
        with suppress(TimeoutError, ConnectionError, asyncio.IncompleteReadError):
            async with asyncio.timeout(1):
                await reader.readexactly(9)
                yield reader


async def _result(call):  # type: ignore[no-untyped-def]
    async with refusals():
        return await call
