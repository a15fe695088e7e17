"""The witness over HTTP: add-checkpoint, the monitor's checkpoint, and a word of health."""

from __future__ import annotations

import asyncio

import structlog
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tapeline.base.times import SECOND, Clock
from tapeline.rpc.health import Readiness
from tapeline.transparency.addcheckpoint import MAX_BODY_BYTES
from tapeline.transparency.witness import TEXT, Witness, WitnessAnswer

_log = structlog.get_logger("tapeline.witness")
BODY_TIMEOUT_S = 10
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def witness_app(witness: Witness, clock: Clock) -> Starlette:
    """Return the application of one witness; `clock` gives unix milliseconds."""

    async def add_checkpoint(request: Request) -> Response:
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                body = await _body(request)
        except (TimeoutError, ClientDisconnect):
            return _plain("the request did not arrive in time\n", 408)
        if body is None:
            return _plain("the request is too large\n", 413)
        # In a thread, since the store waits for the disk; the store's compare-and-set orders the threads.
        answer = await run_in_threadpool(witness.add_checkpoint, body, clock() // SECOND)
        # 409 is how a log learns where to start; every second there may be a checkpoint.
        (_log.debug if answer.status in {200, 409} else _log.warning)("checkpoint_answered", status=answer.status)
        if answer.status == 503:
            _log.error("witness_went_back")
        return _response(answer)

    async def monitored(request: Request) -> Response:
        note = await run_in_threadpool(witness.monitored, request.path_params["origin_hash"])
        if note is None:
            return _plain("no checkpoint of such a log was cosigned\n", 404)
        return Response(note, media_type=TEXT, headers=_HEADERS)

    async def memory() -> str:
        return await run_in_threadpool(witness.trouble)

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok", "vkey": witness.key.encode()}, headers=_HEADERS)

    return Starlette(
        routes=[
            Route("/add-checkpoint", add_checkpoint, methods=["POST"]),
            Route("/{origin_hash}/checkpoint", monitored, methods=["GET"]),
            Route("/", health, methods=["GET"]),
            *Readiness({"memory": memory}).routes(),
        ]
    )


async def _body(request: Request) -> bytes | None:
    """Return the body, None as soon as it is larger than any request may be."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return None
    return body


def _response(answer: WitnessAnswer) -> Response:
    return Response(answer.body, answer.status, {"Content-Type": answer.content_type, **_HEADERS})


def _plain(text: str, status: int) -> Response:
    return PlainTextResponse(text, status_code=status, headers=_HEADERS)
