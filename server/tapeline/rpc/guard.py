"""The one interceptor: it looks up an RPC's row, then checks caller, rate, size and fields before the handler runs.

1. An RPC without a row is refused, whoever calls (fail closed).
2. The token's key is looked up in the directory as of now, so a revoked device is out at its next call.
3. The row's auth class, its rate, and the number of the caller's open calls hold; until then no request is received:
   gRPC keeps of a message that nobody asks for no more than a window of 64 KiB.
4. The request arrives in time; over the row's size it is not even decoded; its weight and its fields hold.
5. Errors of the handler become a status and a trailer.
"""

from __future__ import annotations

import asyncio
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import grpc.aio
from google.protobuf.message import DecodeError

from tapeline.base.errors import LimitExceeded, MalformedInput, PermissionRefused, TapelineError, Unauthenticated
from tapeline.base.rules import Rule, require
from tapeline.base.times import Clock
from tapeline.rpc.errors import abort_internal, abort_with
from tapeline.rpc.fields import check_fields
from tapeline.rpc.principal import Principal, WhoIs, set_caller
from tapeline.rpc.rate import RateLimiter
from tapeline.rpc.rules import RpcRule, RpcTable
from tapeline.rpc.tokens import Metadata, TokenStore, bearer_token

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]
Handler: TypeAlias = Any
"""grpc.RpcMethodHandler, whose stubs leave out most of its attributes."""


ANONYMOUS_ARRIVAL_S = 5.0
ARRIVAL_S = 60.0
"""How long the one request of a call may take to arrive: of somebody unknown, and of a caller who has logged in."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, None where unknown, and by what its calls are counted."""

    principal: Principal | None
    id: bytes


class Guard(grpc.aio.ServerInterceptor):
    """Applies the table to every RPC of one server."""

    def __init__(self, table: RpcTable, *, who_is: WhoIs, tokens: TokenStore, clock: Clock) -> None:
        self._table = table
        self._who_is = who_is
        self._tokens = tokens
        # Apart, so that a flood of unknown callers pushes nobody's bucket out.
        self._rates, self._anonymous_rates = RateLimiter(clock), RateLimiter(clock)
        self._open: Counter[tuple[str, bytes]] = Counter()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Return the method's handler with the checks around it."""
        method = handler_call_details.method
        rule = self._table.get(method)
        if rule is None:
            return grpc.stream_unary_rpc_method_handler(_refuse_unlisted)
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        call = _Call(self, method, rule, cast("Metadata", handler_call_details.invocation_metadata))
        return call.wrap(handler)

    def admit(self, method: str, rule: RpcRule, metadata: Metadata | None, peer: str) -> Caller:
        """Return the caller, having checked its class and counted its call."""
        principal = self._principal(metadata)
        rule.auth.check(principal)
        caller = Caller(principal, principal.key if principal else connection_of(peer))
        self._of(caller).take(method, caller.id, rule.per_minute)
        return caller

    def weigh(self, method: str, rule: RpcRule, caller: Caller, request: Any) -> None:
        """Count what a request costs beyond its call, and the key that an anonymous one names."""
        rates = self._of(caller)
        if rule.weight is not None:
            rates.take(method, caller.id, rule.per_minute, rule.weight(request) - 1)
        if rule.named_key is not None:
            rates.take(method, caller.id + rule.named_key(request), rule.per_minute_of_key)

    @contextmanager
    def opened(self, method: str, rule: RpcRule, caller: Caller) -> Iterator[None]:
        """Count a call as open while inside.

        Raises:
            LimitExceeded: the caller has as many open as it may.
        """
        slot = (method, caller.id)
        if self._open[slot] >= rule.at_once:
            raise LimitExceeded("This caller has too many such calls open.", "Wait until one has ended.")
        self._open[slot] += 1
        try:
            yield
        finally:
            self._open[slot] -= 1
            if not self._open[slot]:
                del self._open[slot]

    def _of(self, caller: Caller) -> RateLimiter:
        return self._rates if caller.principal else self._anonymous_rates

    def _principal(self, metadata: Metadata | None) -> Principal | None:
        token = bearer_token(metadata)
        if token is None:
            return None
        key = self._tokens.key_of(token)
        principal = self._who_is(key) if key is not None else None
        if principal is None:
            raise Unauthenticated("The token is unknown or expired.", "Log in again.")
        return principal


class _Call:
    """The wrapping of one call."""

    def __init__(self, guard: Guard, method: str, rule: RpcRule, metadata: Metadata | None) -> None:
        self._guard = guard
        self._method = method
        self._rule = rule
        self._metadata = metadata
        self._decode: Callable[[bytes], Any] = bytes

    def wrap(self, handler: Handler) -> Handler:
        """Return a handler that the caller sees as of the same kind.

        Every request side is taken as a stream of bytes: gRPC would otherwise receive and decode a request before any
        check, and answer one that does not decode itself, past the limits and as UNKNOWN.
        """
        self._decode = handler.request_deserializer
        encode = handler.response_serializer
        if handler.request_streaming:
            if not handler.response_streaming:
                raise TypeError("no service here takes a stream and answers once")
            return grpc.stream_stream_rpc_method_handler(self._streaming(handler.stream_stream, None), None, encode)
        if handler.response_streaming:
            run = self._streaming(handler.unary_stream, self._one)
            return grpc.stream_stream_rpc_method_handler(run, None, encode)
        return grpc.stream_unary_rpc_method_handler(self._unary(handler.unary_unary), None, encode)

    def _unary(self, behaviour: Callable[[Any, Context], Awaitable[Any]]) -> Callable[[Any, Context], Awaitable[Any]]:
        async def run(_: object, context: Context) -> Any:
            async with _Reporting(context, self._method):
                caller = self._admit(context)
                with self._guard.opened(self._method, self._rule, caller):
                    return await behaviour(await self._one(context, caller), context)

        return run

    def _streaming(
        self,
        behaviour: Callable[[Any, Context], Any],
        one: Callable[[Context, Caller], Awaitable[Any]] | None,
    ) -> Callable[[Any, Context], Awaitable[None]]:
        async def run(_: object, context: Context) -> None:
            async with _Reporting(context, self._method):
                caller = self._admit(context)
                with self._guard.opened(self._method, self._rule, caller):
                    # No name for the request: what has one in this frame lives as long as the call.
                    await _answer(
                        behaviour(await one(context, caller) if one else self._checked(context, caller), context),
                        context,
                    )

        return run

    async def _one(self, context: Context, caller: Caller) -> Any:
        """Return the one request of a call."""
        try:
            # Not by gRPC's iterator, which would keep the bytes until the call ends.
            async with asyncio.timeout(ARRIVAL_S if caller.principal else ANONYMOUS_ARRIVAL_S):
                data = await context.read()
        except TimeoutError:
            raise LimitExceeded("The request did not arrive in time.", "Send it again.") from None
        if not isinstance(data, bytes):
            raise MalformedInput("The call holds no request.", "Send one.")
        return self._request(data, caller)

    async def _checked(self, context: Context, caller: Caller) -> AsyncIterator[Any]:
        while isinstance(data := await context.read(), bytes):
            request = self._request(data, caller)
            del data
            yield request
            del request

    def _request(self, data: bytes, caller: Caller) -> Any:
        limit = self._rule.request_bytes
        require(len(data) <= limit, Rule.WIRE_SIZE, f"The request is over {limit} bytes.")
        try:
            request = self._decode(data)
        except DecodeError:
            raise MalformedInput("The request does not decode.", "Update this software.") from None
        check_fields(request, self._rule.fields)
        self._guard.weigh(self._method, self._rule, caller, request)
        return request

    def _admit(self, context: Context) -> Caller:
        caller = self._guard.admit(self._method, self._rule, self._metadata, context.peer())
        set_caller(caller.principal)
        return caller


async def _answer(answers: Any, context: Context) -> None:
    if hasattr(answers, "__aiter__"):
        async with aclosing(answers):  # a call that was cut off frees what its handler holds at once
            async for answer in answers:
                await context.write(answer)
    else:
        await answers


class _Reporting:
    """Turns what is raised inside into the end of the call; cancellation and aborts pass."""

    def __init__(self, context: Context, method: str) -> None:
        self._context = context
        self._method = method

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, TapelineError):
            # The frames that failed hold the request and what was made of it, until the collector finds the cycle.
            traceback.clear_frames(error.__traceback__)
            await abort_with(self._context, error)
        if isinstance(error, Exception) and not isinstance(error, (grpc.aio.AbortError, grpc.RpcError)):
            await abort_internal(self._context, self._method, error)


async def _refuse_unlisted(request: object, context: Context) -> None:
    del request
    await abort_with(context, PermissionRefused("This server offers no such call.", "Update this software."))


def connection_of(peer: str) -> bytes:
    """Return what tells one unknown caller from another: the whole `ipv4:127.0.0.1:5`, with the port.

    Every process of this machine, and everybody behind its TLS proxy, shares the address; a limit by address would let
    one of them lock out the others, and stop nobody who opens another connection.
    """
    return peer.encode()
