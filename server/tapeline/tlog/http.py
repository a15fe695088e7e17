"""The log's public resources over HTTP (C2SP tlog-tiles, APIs): checkpoint, hash tiles, guarded entry bundles."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tapeline.base.errors import MalformedInput, NotFound
from tapeline.tlog.coding import compressed, takes_gzip
from tapeline.tlog.storage import LogTables, SqlTiles, read_leaves
from tapeline.transparency.cosigned import CosignedCheckpoint
from tapeline.transparency.tiles import ENTRIES, TILE_WIDTH, TileId, encode_bundle, parse_tile_path, tile_width

Authorize = Callable[[Request], Awaitable[bool]]
Latest = Callable[[], CosignedCheckpoint | None]

_IMMUTABLE = "max-age=31536000, immutable"
_PLAIN = {"X-Content-Type-Options": "nosniff"}


def log_routes(engine: AsyncEngine, tables: LogTables, *, latest: Latest, authorize: Authorize) -> list[Route]:
    """Return the routes `/checkpoint` and `/tile/…` of one log.

    Args:
        engine: where the log lives.
        tables: of `log_tables`.
        latest: `LogPublisher.latest`.
        authorize: tells whether a request may read entries, which say who talked with whom (governance, Scope).
    """
    site = _Site(engine, tables, latest, authorize)
    return [
        Route("/checkpoint", site.checkpoint, methods=["GET"]),
        Route("/tile/{rest:path}", site.tile, methods=["GET"]),
    ]


class _Site:
    """The handlers; no answer repeats anything of its request."""

    def __init__(self, engine: AsyncEngine, tables: LogTables, latest: Latest, authorize: Authorize) -> None:
        self._engine, self._tables = engine, tables
        self._latest, self._authorize = latest, authorize

    async def checkpoint(self, _: Request) -> Response:
        cosigned = self._latest()
        if cosigned is None:
            return _missing("no checkpoint is cosigned yet\n")
        # tlog-tiles, Checkpoints: mutable, so not cached beyond a few seconds.
        return Response(cosigned.raw, media_type="text/plain; charset=utf-8", headers=_headers("max-age=1"))

    async def tile(self, request: Request) -> Response:
        rest = request.path_params["rest"]
        try:
            tile = parse_tile_path(f"tile/{rest}")
        except MalformedInput:
            return _missing("no such tile\n")
        # The router's pattern ends in `$`, which forgives a trailing newline: a second URL for the same tile.
        if not request.scope["path"].endswith(rest):
            return _missing("no such tile\n")
        if tile.level == ENTRIES and not await self._authorize(request):
            return _refused(request)
        cosigned = self._latest()
        # Only what a shown checkpoint covers: the rest is not promised to anyone yet.
        if cosigned is None or tile.width > tile_width(tile.level, tile.index, cosigned.size):
            return _missing("no such tile\n")
        return await self._found(tile, takes_gzip(request.headers.get("accept-encoding", "")))

    async def _found(self, tile: TileId, may_compress: bool) -> Response:
        cache = f"private, {_IMMUTABLE}" if tile.level == ENTRIES else f"public, {_IMMUTABLE}"
        try:
            async with self._engine.connect() as conn:
                data = await conn.run_sync(self._read, tile)
        except NotFound:
            return _missing("no such tile\n")
        # tlog-tiles, APIs: tiles may be compressed. In a thread, since a bundle may hold 16 MiB.
        smaller = await asyncio.to_thread(compressed, data) if may_compress else None
        headers = {**_headers(cache), "Vary": "Accept-Encoding"}
        if smaller is not None:
            headers["Content-Encoding"] = "gzip"
        return Response(smaller or data, media_type="application/octet-stream", headers=headers)

    def _read(self, conn: Connection, tile: TileId) -> bytes:
        if tile.level == ENTRIES:
            return encode_bundle(read_leaves(conn, self._tables, tile.index * TILE_WIDTH, tile.width))
        return SqlTiles(conn, self._tables).read_tile(tile.level, tile.index, tile.width)


def _headers(cache: str) -> dict[str, str]:
    return {"Cache-Control": cache, **_PLAIN}


def _missing(text: str) -> Response:
    return PlainTextResponse(text, status_code=404, headers=_headers("no-store"))


def _refused(request: Request) -> Response:
    if "authorization" not in request.headers:
        headers = {**_headers("no-store"), "WWW-Authenticate": "Bearer"}
        return PlainTextResponse("entries need a token\n", status_code=401, headers=headers)
    return PlainTextResponse("this token does not allow entries\n", status_code=403, headers=_headers("no-store"))
