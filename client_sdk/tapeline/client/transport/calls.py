"""Unary calls: deadline, error mapping, login and one renewal of it."""

from __future__ import annotations

from typing import TypeVar

import grpc
import grpc.aio

from tapeline.base.address import NOT_GRPC, silence_of
from tapeline.base.errors import TapelineError, Unauthenticated
from tapeline.base.remote import TRAILER, error_from_bytes
from tapeline.base.times import MINUTE, Clock
from tapeline.client.errors import RelayUnreachable
from tapeline.client.transport.methods import GET_CHALLENGE, PROVE_LOGIN, Method, WireMessage
from tapeline.crypto.login import RELAY, sign_login
from tapeline.crypto.signing import SigningKey
from tapeline.wire.v1.common_pb2 import ChallengeRequest, LoginRequest
from tapeline.wire.v1.objects_pb2 import SignedObject

Q = TypeVar("Q", bound=WireMessage)
A = TypeVar("A", bound=WireMessage)
Metadata = tuple[tuple[str, str], ...]
_RENEW_MS = MINUTE


async def call(channel: grpc.aio.Channel, method: Method[Q, A], request: Q, metadata: Metadata = ()) -> A:
    """Make one call.

    Raises:
        RelayUnreachable: no connection, no answer in time, or the server fails.
        TapelineError: what the server's refusal says, raised again as here.
    """
    stub = channel.unary_unary(
        method.path,
        request_serializer=method.question.SerializeToString,
        response_deserializer=method.answer.FromString,
    )
    try:
        answer: A = await stub(request, timeout=method.seconds, metadata=metadata)
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from None
    return answer


def from_rpc_error(error: grpc.aio.AioRpcError) -> TapelineError:
    """Return our error for a failed call: the server's refusal where it sent one."""
    for name, value in error.trailing_metadata() or ():
        if name == TRAILER and isinstance(value, bytes):
            return error_from_bytes(value)
    if error.code() is grpc.StatusCode.UNAUTHENTICATED:
        return Unauthenticated("The server does not know this login.", "Log in again.")
    if NOT_GRPC in (error.details() or ""):
        return RelayUnreachable(*silence_of(error.details()))
    return RelayUnreachable(
        f"The server does not answer ({error.code().name}).", "Nothing is lost; it is tried again by itself."
    )


class Caller:
    """Calls in the name of one device; logs in when first needed, and again when the token ends."""

    def __init__(self, channel: grpc.aio.Channel, key: SigningKey, origin: str, clock: Clock) -> None:
        self.channel = channel
        self._key = key
        self._origin = origin
        self._clock = clock
        self._token: bytes = b""
        self._expires_ms = 0

    async def call(self, method: Method[Q, A], request: Q) -> A:
        """Make a call with a token; see `call` for its errors."""
        try:
            return await call(self.channel, method, request, await self.metadata())
        except Unauthenticated:
            # Tokens live in the server's memory: a restarted relay knows none of them.
            self.forget_login()
            return await call(self.channel, method, request, await self.metadata())

    async def metadata(self) -> Metadata:
        """Return the call metadata with a token that lasts, logging in where needed."""
        if self._clock() + _RENEW_MS >= self._expires_ms:
            await self._log_in()
        return (("authorization", f"Bearer {self._token.hex()}"),)

    def forget_login(self) -> None:
        """Drop the token; the next call logs in."""
        self._expires_ms = 0

    async def _log_in(self) -> None:
        challenge = await call(self.channel, GET_CHALLENGE, ChallengeRequest(key=self._key.public))
        signed = SignedObject.FromString(sign_login(self._key, challenge, origin=self._origin, audience=RELAY))
        token = await call(self.channel, PROVE_LOGIN, LoginRequest(login=signed))
        self._token, self._expires_ms = token.token, token.expires_ms
