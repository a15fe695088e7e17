"""A service's own login at another one, asynchronous: a challenge, signed, for a token."""

from __future__ import annotations

import grpc.aio

from tapeline.crypto.login import sign_login
from tapeline.crypto.signing import SigningKey
from tapeline.wire.v1.common_pb2 import ChallengeRequest, LoginRequest
from tapeline.wire.v1.common_pb2_grpc import LoginStub
from tapeline.wire.v1.objects_pb2 import SignedObject

TIMEOUT_S = 10.0


async def log_in(
    channel: grpc.aio.Channel, key: SigningKey, *, origin: str, audience: str
) -> tuple[tuple[str, str], ...]:
    """Return the metadata that later calls are made with.

    Args:
        channel: to the service.
        key: Ed25519 key of the roster.
        origin: of the service's challenges, as the own roster names it.
        audience: of `crypto.login`.

    Raises:
        AioRpcError: as the service told.
        PermissionRefused: the challenge is of another origin.
    """
    stub = LoginStub(channel)
    challenge = await stub.GetChallenge(ChallengeRequest(key=key.public), timeout=TIMEOUT_S)
    signed = sign_login(key, challenge, origin=origin, audience=audience)
    token = await stub.Prove(LoginRequest(login=SignedObject.FromString(signed)), timeout=TIMEOUT_S)
    return (("authorization", f"Bearer {token.token.hex()}"),)
