"""Calls to a service with a login: a signed challenge for a token, renewed when it expires."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from tapeline.base.address import silence_of
from tapeline.base.errors import StateError, TapelineError, Unauthenticated, Unavailable
from tapeline.base.remote import TRAILER, error_from_bytes
from tapeline.crypto.login import sign_login
from tapeline.crypto.signing import SigningKey
from tapeline.rpc.address import loopback_target
from tapeline.wire.v1 import common_pb2 as common
from tapeline.wire.v1.objects_pb2 import SignedObject

T = TypeVar("T")
A = TypeVar("A", bound=Message)
A2 = TypeVar("A2", bound=Message)
Metadata = tuple[tuple[str, str], ...]
Waiting = Callable[[str], AbstractContextManager[object]]
_PACKAGE = "/tapeline.wire.v1."
MAX_MESSAGE = 64 * 1024 * 1024
_OPTIONS = [("grpc.max_receive_message_length", MAX_MESSAGE), ("grpc.max_send_message_length", MAX_MESSAGE)]


class Remote:
    """One service, as one person (or service) sees it; blocking.

    Args:
        address: host:port; without TLS, so a loopback address.
        key: Ed25519 roster key to log in with.
        origin: origin of the service's log, from the caller's own roster.
        audience: `crypto.login.RELAY` or `ESCROW`.
        timeout_s: of each call.
        waiting: entered around each call, so that one that takes long can be spoken of; told the address.
    """

    def __init__(
        self,
        address: str,
        key: SigningKey,
        *,
        origin: str,
        audience: str,
        timeout_s: float = 60.0,
        waiting: Waiting = nullcontext,
    ) -> None:
        loopback_target(address)
        self._channel = grpc.insecure_channel(address, options=_OPTIONS)
        self._timeout_s = timeout_s
        self._address, self._waiting = address, waiting
        self._key = key
        self._origin = origin
        self._audience = audience
        self._metadata: Metadata | None = None

    def ask(self, path: str, request: Message, answer: type[A]) -> A:
        """Return the answer of a unary call such as "Board/Post"; logs in first, and once more where need be.

        Raises:
            Refused, TapelineError: as the service told.
            Unavailable: no answer.
        """
        return self._with_login(lambda metadata: self._unary(path, request, answer, metadata))

    def stream(self, path: str, request: Message, answer: type[A]) -> Iterator[A]:
        """Yield the answers of a streaming call; raises as `ask`."""
        # Read to the end at once: an error midway is then told like any other.
        return iter(self._with_login(lambda metadata: self._read_all(path, request, answer, metadata)))

    def bearer(self) -> str:
        """Return the value of an HTTP authorization header; logs in anew, so that it is fresh."""
        self._metadata = None
        return self._with_login(lambda metadata: metadata[0][1])

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def _with_login(self, call: Callable[[Metadata], T]) -> T:
        try:
            return self._once(call)
        except Unauthenticated:
            self._metadata = None
            return self._once(call)

    def _once(self, call: Callable[[Metadata], T]) -> T:
        try:
            with self._waiting(self._address):
                if self._metadata is None:
                    self._metadata = self._login()
                return call(self._metadata)
        except grpc.RpcError as error:
            raise told_error(error) from None

    def _unary(self, path: str, request: A2, answer: type[A], metadata: Metadata) -> A:
        stub = self._channel.unary_unary(
            _PACKAGE + path, request_serializer=type(request).SerializeToString, response_deserializer=answer.FromString
        )
        return stub(request, metadata=metadata, timeout=self._timeout_s)

    def _read_all(self, path: str, request: A2, answer: type[A], metadata: Metadata) -> list[A]:
        stub = self._channel.unary_stream(
            _PACKAGE + path, request_serializer=type(request).SerializeToString, response_deserializer=answer.FromString
        )
        return list(stub(request, metadata=metadata, timeout=self._timeout_s))

    def _login(self) -> Metadata:
        asked = common.ChallengeRequest(key=self._key.public)
        challenge = self._unary("Login/GetChallenge", asked, common.Challenge, ())
        signed = sign_login(self._key, challenge, origin=self._origin, audience=self._audience)
        request = common.LoginRequest(login=SignedObject.FromString(signed))
        token = self._unary("Login/Prove", request, common.LoginToken, ())
        return (("authorization", f"Bearer {token.token.hex()}"),)


def told_error(error: grpc.RpcError) -> TapelineError:
    """Return what a failed call told: the refusal of its trailer, or what its status means."""
    trailer = dict(error.trailing_metadata() or ()).get(TRAILER) if isinstance(error, grpc.Call) else None
    if isinstance(trailer, bytes):
        return error_from_bytes(trailer)
    code = error.code() if isinstance(error, grpc.Call) else None
    if code in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}:
        return Unavailable(*silence_of(error.details() if isinstance(error, grpc.Call) else None))
    return StateError("The service failed.", "Look at its log.")
