"""The one interceptor: it looks up an RPC's row, then checks size, caller, rate and fields before the handler runs.

1. An RPC without a row is refused, whoever calls (fail closed).
2. A request over the row's size is not even decoded.
3. The token's key is looked up in the directory as of now, so a revoked device is out at its next call.
4. The row's auth class, rate and field limits hold.
5. Errors of the handler become a status and a trailer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, TypeAlias, cast

import grpc.aio
from google.protobuf.message import Message

from tapeline.base.errors import PermissionRefused, TapelineError, Unauthenticated
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


class _Oversized:
    """Stands for a request that was not decoded because of its size."""


class Guard(grpc.aio.ServerInterceptor):
    """Applies the table to every RPC of one server."""

    def __init__(self, table: RpcTable, *, who_is: WhoIs, tokens: TokenStore, clock: Clock) -> None:
        self._table = table
        self._who_is = who_is
        self._tokens = tokens
        self._rates = RateLimiter(clock)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Return the method's handler with the checks around it."""
        method = handler_call_details.method
        rule = self._table.get(method)
        if rule is None:
            return grpc.unary_unary_rpc_method_handler(_refuse_unlisted)
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        call = _Call(self, method, rule, cast("Metadata", handler_call_details.invocation_metadata))
        return call.wrap(handler)

    def admit(self, method: str, rule: RpcRule, metadata: Metadata | None, peer: str) -> Principal | None:
        """Return the caller, having checked its class and rate."""
        principal = self._principal(metadata)
        rule.auth.check(principal)
        self._rates.take(method, principal.key if principal else address_of(peer), rule.per_minute)
        return principal

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

    def wrap(self, handler: Handler) -> Handler:
        """Return a handler of the same kind."""
        decode = self._bounded(handler.request_deserializer)
        encode = handler.response_serializer
        if handler.request_streaming:
            wrapped = self._streaming(handler.stream_stream or handler.stream_unary)
            make = grpc.stream_stream_rpc_method_handler if handler.response_streaming else None
            if make is None:
                raise TypeError("no service here takes a stream and answers once")
            return make(wrapped, decode, encode)
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(self._streaming(handler.unary_stream), decode, encode)
        return grpc.unary_unary_rpc_method_handler(self._unary(handler.unary_unary), decode, encode)

    def _bounded(self, decode: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
        limit = self._rule.request_bytes
        return lambda data: decode(data) if len(data) <= limit else _Oversized()

    def _unary(self, behaviour: Callable[[Any, Context], Awaitable[Any]]) -> Callable[[Any, Context], Awaitable[Any]]:
        async def run(request: Any, context: Context) -> Any:
            with_errors = _Reporting(context, self._method)
            async with with_errors:
                self._admit(context)
                self._check(request)
                return await behaviour(request, context)

        return run

    def _streaming(self, behaviour: Callable[[Any, Context], Any]) -> Callable[[Any, Context], Awaitable[None]]:
        async def run(request: Any, context: Context) -> None:
            async with _Reporting(context, self._method):
                self._admit(context)
                if isinstance(request, (Message, _Oversized)):
                    self._check(request)
                    answers = behaviour(request, context)
                else:
                    answers = behaviour(self._checked(request), context)
                if hasattr(answers, "__aiter__"):
                    async with aclosing(answers):  # a call that was cut off frees what its handler holds at once
                        async for answer in answers:
                            await context.write(answer)
                else:
                    await answers

        return run

    async def _checked(self, requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for request in requests:
            self._check(request)
            yield request

    def _admit(self, context: Context) -> None:
        set_caller(self._guard.admit(self._method, self._rule, self._metadata, context.peer()))

    def _check(self, request: Any) -> None:
        limit = self._rule.request_bytes
        require(not isinstance(request, _Oversized), Rule.WIRE_SIZE, f"The request is over {limit} bytes.")
        check_fields(request, self._rule.fields)


class _Reporting:
    """Turns what is raised inside into the end of the call; cancellation and aborts pass."""

    def __init__(self, context: Context, method: str) -> None:
        self._context = context
        self._method = method

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, TapelineError):
            await abort_with(self._context, error)
        if isinstance(error, Exception) and not isinstance(error, (grpc.aio.AbortError, grpc.RpcError)):
            await abort_internal(self._context, self._method, error)


async def _refuse_unlisted(request: object, context: Context) -> None:
    del request
    await abort_with(context, PermissionRefused("This server offers no such call.", "Update this software."))


def address_of(peer: str) -> bytes:
    """Return the address of `ipv4:1.2.3.4:5` without its port, which every connection changes."""
    return peer.rpartition(":")[0].encode()
