from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from tlog_kit import MemoryTiles, leaves
from tlog_server_kit import TABLES, Clock, Witnesses, append, engine_at, publisher_of

from tapeline.tlog.http import log_routes
from tapeline.tlog.publisher import LogPublisher
from tapeline.transparency.tiles import decode_bundle


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[tuple[httpx.AsyncClient, LogPublisher]]:
    async def authorize(request: Request) -> bool:
        return request.headers.get("authorization") == "Bearer auditor"

    async with engine_at(tmp_path / "log.db") as engine:
        publisher = publisher_of(engine, Witnesses(Clock()))
        await append(engine, leaves(300))
        app = Starlette(routes=log_routes(engine, TABLES, latest=publisher.latest, authorize=authorize))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://log") as client:
            yield client, publisher
        await publisher.close()


async def test_the_checkpoint_is_the_cosigned_note(site: tuple[httpx.AsyncClient, LogPublisher]) -> None:
    client, publisher = site
    assert (await client.get("/checkpoint")).status_code == 404
    cosigned = await publisher.publish()
    answer = await client.get("/checkpoint")
    assert cosigned is not None
    assert answer.content == cosigned.raw
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "max-age=1"


async def test_hash_tiles_are_public_and_immutable(site: tuple[httpx.AsyncClient, LogPublisher]) -> None:
    client, publisher = site
    assert (await client.get("/tile/0/000")).status_code == 404  # under no checkpoint yet
    await publisher.publish()
    tree = MemoryTiles()
    tree.append(leaves(300))
    for path, expected in [
        ("/tile/0/000", tree.tiles[0, 0]),
        ("/tile/0/001.p/44", tree.tiles[0, 1]),
        ("/tile/0/001.p/3", tree.tiles[0, 1][:96]),
        ("/tile/1/000.p/1", tree.tiles[1, 0]),
    ]:
        answer = await client.get(path)
        assert answer.content == expected
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    ["/tile/0/001", "/tile/0/001.p/45", "/tile/2/000.p/1", "/tile/0/1", "/tile/<script>", "/tile/64/000",
     "/tile/0/000.p/256", "/tile/0/000%0a", "/tile/0/x999/x999/x999/x999/x999/999"],
)  # fmt: skip
async def test_other_tiles_do_not_exist(site: tuple[httpx.AsyncClient, LogPublisher], path: str) -> None:
    client, publisher = site
    await publisher.publish()
    answer = await client.get(path)
    assert answer.status_code == 404
    assert "script" not in answer.text
    assert answer.headers["cache-control"] == "no-store"


async def test_entries_need_a_token(site: tuple[httpx.AsyncClient, LogPublisher]) -> None:
    client, publisher = site
    await publisher.publish()
    path = "/tile/entries/001.p/44"
    assert (await client.get(path)).status_code == 401
    assert (await client.get(path, headers={"Authorization": "Bearer other"})).status_code == 403
    answer = await client.get(path, headers={"Authorization": "Bearer auditor"})
    assert decode_bundle(answer.content, 44) == leaves(300)[256:]
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    # Whether entries exist is not told either.
    assert (await client.get("/tile/entries/009")).status_code == 401


async def test_leaves_after_the_checkpoint_are_not_shown(
    site: tuple[httpx.AsyncClient, LogPublisher], tmp_path: Path
) -> None:
    client, publisher = site
    await publisher.publish()
    async with engine_at(tmp_path / "log.db") as engine:
        await append(engine, [b"secret until cosigned"])
    headers = {"Authorization": "Bearer auditor"}
    assert (await client.get("/tile/entries/001.p/45", headers=headers)).status_code == 404


def entry_reader(coding: str) -> dict[str, str]:
    return {"Authorization": "Bearer auditor", "Accept-Encoding": coding}


async def raw(client: httpx.AsyncClient, path: str, coding: str) -> tuple[httpx.Response, bytes]:
    async with client.stream("GET", path, headers=entry_reader(coding)) as answer:
        return answer, b"".join([chunk async for chunk in answer.aiter_raw()])


@pytest.mark.parametrize("coding", ["gzip", "br, gzip;q=0.5", "x-gzip", "*", "GZIP; q=1.0"])
async def test_entries_travel_compressed_to_those_who_take_it(
    site: tuple[httpx.AsyncClient, LogPublisher], coding: str
) -> None:
    client, publisher = site
    await publisher.publish()
    answer, body = await raw(client, "/tile/entries/000", coding)
    assert (answer.headers["content-encoding"], answer.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert int(answer.headers["content-length"]) == len(body)
    plain = gzip.decompress(body)
    assert len(body) < len(plain)
    assert decode_bundle(plain, 256) == leaves(300)[:256]
    assert body == (await raw(client, "/tile/entries/000", coding))[1]


@pytest.mark.parametrize("coding", ["identity", "br", "gzip;q=0", "*;q=0", "*, gzip;q=0.0", "", "gzipped"])
async def test_entries_travel_as_they_are_to_everybody_else(
    site: tuple[httpx.AsyncClient, LogPublisher], coding: str
) -> None:
    client, publisher = site
    await publisher.publish()
    answer, body = await raw(client, "/tile/entries/000", coding)
    assert "content-encoding" not in answer.headers
    assert answer.headers["vary"] == "Accept-Encoding"
    assert decode_bundle(body, 256) == leaves(300)[:256]


async def test_hashes_that_would_not_shrink_travel_as_they_are(site: tuple[httpx.AsyncClient, LogPublisher]) -> None:
    client, publisher = site
    await publisher.publish()
    answer, body = await raw(client, "/tile/0/000", "gzip")
    assert "content-encoding" not in answer.headers
    assert len(body) == 256 * 32
