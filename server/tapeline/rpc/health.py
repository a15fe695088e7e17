"""Alive is not ready: `/livez` says that the process answers, `/readyz` whether it can do its work, and if not, why."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tapeline.rpc.errors import log_internal

Check = Callable[[], Awaitable[str]]
"""Returns why the service is not ready, in one sentence of our own; empty where it is."""

CHECK_SECONDS = 2.0
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Readiness:
    """The checks of one service, by name; the same two paths on every one."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = dict(checks)

    def routes(self) -> list[Route]:
        """Return `/livez` and `/readyz`."""
        return [Route("/livez", self._alive, methods=["GET"]), Route("/readyz", self._ready, methods=["GET"])]

    async def reasons(self) -> dict[str, str]:
        """Return what each check says, all asked at once; none may take longer than two seconds."""
        said = await asyncio.gather(*(_ask(name, check) for name, check in self._checks.items()))
        return dict(zip(self._checks, said, strict=True))

    async def _alive(self, _: Request) -> Response:
        return PlainTextResponse("alive\n", headers=_HEADERS)

    async def _ready(self, _: Request) -> Response:
        reasons = await self.reasons()
        ready = not any(reasons.values())
        body = {"ready": ready, "checks": {name: reason or "ok" for name, reason in reasons.items()}}
        return JSONResponse(body, status_code=200 if ready else 503, headers=_HEADERS)


async def _ask(name: str, check: Check) -> str:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await check()
    except TimeoutError:
        return "It did not answer in time."
    except Exception as error:  # a check that fails is a reason, never an end
        log_internal("readiness_check_failed", error, check=name)
        return "It could not be asked: see the service's log."
