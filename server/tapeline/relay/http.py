"""The HTTP side: the log's tiles, metrics, health."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tapeline.relay.metrics import Metrics
from tapeline.relay.storage.schema import archive
from tapeline.rpc.health import Readiness
from tapeline.rpc.principal import WhoIs
from tapeline.rpc.tokens import TokenStore, bearer_token
from tapeline.tlog.http import Latest, log_routes

ENTRY_READERS = frozenset({"auditor", "custodian", "reviewer"})
"""Entry bundles say who talked with whom (governance, Scope)."""


def relay_http(
    engine: AsyncEngine, *, latest: Latest, tokens: TokenStore, who_is: WhoIs, metrics: Metrics, readiness: Readiness
) -> Starlette:
    """Return the application: `/checkpoint`, `/tile/…`, `/metrics`, `/livez`, `/readyz`."""

    async def may_read_entries(request: Request) -> bool:
        header = request.headers.get("authorization")
        token = bearer_token([("authorization", header)]) if header else None
        key = tokens.key_of(token) if token else None
        principal = who_is(key) if key else None
        return principal is not None and not ENTRY_READERS.isdisjoint(principal.roles)

    async def show_metrics(_: Request) -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return Starlette(
        routes=[
            *log_routes(engine, archive, latest=latest, authorize=may_read_entries),
            Route("/metrics", show_metrics, methods=["GET"]),
            *readiness.routes(),
        ]
    )
