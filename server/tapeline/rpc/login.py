"""The Login service of relay and escrow service: a signed challenge for a short-lived token (governance, Roles)."""

from __future__ import annotations

import grpc.aio

from tapeline.base.errors import PermissionRefused, Unauthenticated
from tapeline.base.times import Clock, Rng
from tapeline.crypto.limits import KEY_BYTES
from tapeline.crypto.login import verify_login
from tapeline.crypto.wire import encode, fixed
from tapeline.rpc.challenges import Challenges
from tapeline.rpc.principal import WhoIs
from tapeline.rpc.tokens import TokenStore
from tapeline.wire.v1.common_pb2 import Challenge, ChallengeRequest, LoginRequest, LoginToken
from tapeline.wire.v1.common_pb2_grpc import LoginServicer


class LoginService(LoginServicer):
    """Answers GetChallenge and Prove.

    Args:
        origin: origin of the service's log, which the caller's roster names.
        audience: `crypto.login.RELAY` or `ESCROW`.
        who_is: looks a key up as of now.
        tokens: shared with the guard of the same server.
    """

    def __init__(
        self, *, origin: str, audience: str, who_is: WhoIs, tokens: TokenStore, clock: Clock, rng: Rng
    ) -> None:
        self._origin = origin
        self._audience = audience
        self._who_is = who_is
        self._tokens = tokens
        self._clock = clock
        self._challenges = Challenges(clock, rng)

    async def GetChallenge(  # noqa: N802
        self, request: ChallengeRequest, context: grpc.aio.ServicerContext[ChallengeRequest, Challenge]
    ) -> Challenge:
        """Return a challenge for any key: whether the key is known is not told before it is proven."""
        del context
        nonce, expires_ms = self._challenges.make(fixed(request.key, KEY_BYTES, "login key"))
        return Challenge(nonce=nonce, origin=self._origin, expires_ms=expires_ms)

    async def Prove(  # noqa: N802
        self, request: LoginRequest, context: grpc.aio.ServicerContext[LoginRequest, LoginToken]
    ) -> LoginToken:
        """Return a token for a proven key of the directory or roster."""
        del context
        now = self._clock()
        login = verify_login(encode(request.login), origin=self._origin, audience=self._audience, now_ms=now)
        if not self._challenges.redeem(login.nonce, login.key, login.expires_ms):
            raise PermissionRefused("The login answers no open challenge.", "Ask for a new challenge.")
        principal = self._who_is(login.key)
        if principal is None:
            raise Unauthenticated(
                "The key is not in the directory, expired, or revoked.",
                "Employees enrol a device: tapeline chat enrol. Others ask an officer whether the roster names them.",
            )
        token, expires_ms = self._tokens.issue(login.key)
        return LoginToken(token=token, expires_ms=expires_ms, roles=sorted(principal.roles))
