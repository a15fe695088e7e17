"""The store's file and thread: keys, group commit, versions, secrecy on disk."""

from __future__ import annotations

import asyncio
import stat
from functools import partial
from pathlib import Path

import pytest

from tapeline.base.errors import MalformedInput
from tapeline.base.seam import system_rng
from tapeline.client.errors import ClientClosed, StoreProblem
from tapeline.client.store import meta, schema
from tapeline.client.store.database import Database
from tapeline.client.store.folder import create_store, has_store, open_store
from tapeline.client.store.keys import KdfCost, KdfHeader, StoreKey

CHEAP = KdfCost(passes=1, memory_kib=8, lanes=1)


@pytest.fixture
def key() -> StoreKey:
    return StoreKey.new("passphrase", system_rng, CHEAP)


async def test_values_survive_reopening_and_are_not_on_disk(tmp_path: Path, key: StoreKey) -> None:
    database = await create_store(tmp_path / "store", key, system_rng)
    await database.run(partial(meta.put, name="n", value=b"a very recognisable value"), durable=True)
    await database.close()
    on_disk = b"".join(path.read_bytes() for path in (tmp_path / "store").iterdir())
    assert b"recognisable" not in on_disk
    assert stat.S_IMODE((tmp_path / "store").stat().st_mode) == 0o700
    again = await open_store(tmp_path / "store", "passphrase")
    assert await again.run(partial(meta.get, name="n")) == b"a very recognisable value"
    await again.close()


async def test_a_failing_job_undoes_itself_alone(tmp_path: Path, key: StoreKey) -> None:
    database = await Database.open(tmp_path / "db", key)

    def fails(db) -> None:
        meta.put(db, "bad", b"1")
        raise ValueError("mine")

    jobs = [
        database.run(partial(meta.put, name="first", value=b"1")),
        database.run(fails),
        database.run(partial(meta.put, name="last", value=b"1")),
    ]
    results = await asyncio.gather(*jobs, return_exceptions=True)
    assert isinstance(results[1], ValueError)
    found = [await database.run(partial(meta.get, name=name)) for name in ("first", "bad", "last")]
    assert found == [b"1", None, b"1"]
    await database.close()


async def test_jobs_given_together_are_one_group_in_order(tmp_path: Path, key: StoreKey) -> None:
    database = await Database.open(tmp_path / "db", key)
    order: list[int] = []
    gate = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(_: object) -> None:
        asyncio.run_coroutine_threadsafe(gate.wait(), loop).result()

    async def open_gate() -> None:
        gate.set()

    def count(number: int, db) -> int:
        order.append(number)
        return db.total_changes

    waiting = [database.run(slow), *(database.run(partial(count, number)) for number in range(50)), open_gate()]
    await asyncio.gather(*waiting)
    assert order == list(range(50))
    await database.close()


async def test_a_cancelled_caller_does_not_undo_the_job(tmp_path: Path, key: StoreKey) -> None:
    database = await Database.open(tmp_path / "db", key)
    task = asyncio.ensure_future(database.run(partial(meta.put, name="n", value=b"1")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await database.run(partial(meta.get, name="n")) == b"1"
    await database.close()
    with pytest.raises(ClientClosed):
        await database.run(partial(meta.get, name="n"))


async def test_wrong_keys_and_later_versions_do_not_open(tmp_path: Path, key: StoreKey) -> None:
    database = await Database.open(tmp_path / "db", key)
    await database.run(lambda db: db.execute(f"PRAGMA user_version = {schema.VERSION + 1}"))
    await database.close()
    with pytest.raises(StoreProblem, match="later version"):
        await Database.open(tmp_path / "db", key)
    other = StoreKey.derive("another", key.header)
    with pytest.raises(StoreProblem, match="passphrase"):
        await Database.open(tmp_path / "db", other)


async def test_a_key_of_another_store_is_not_tried(tmp_path: Path, key: StoreKey) -> None:
    await (await create_store(tmp_path / "store", key, system_rng)).close()
    with pytest.raises(StoreProblem, match="another store"):
        await open_store(tmp_path / "store", StoreKey.new("passphrase", system_rng, CHEAP))
    with pytest.raises(StoreProblem, match="not empty"):
        await create_store(tmp_path / "store", key, system_rng)


@pytest.mark.parametrize("text", ["", "{}", '{"format": "tapeline-store-9"}', "[1]", '{"format":"tapeline-store-1"}'])
async def test_unreadable_headers_are_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "header.json").write_text(text)
    with pytest.raises(StoreProblem, match="header"):
        await open_store(tmp_path, "passphrase")
    assert has_store(tmp_path)


def test_a_header_cannot_ask_for_all_memory(tmp_path: Path) -> None:
    KdfHeader(b"s" * 16, KdfCost(memory_kib=2**40)).write(tmp_path / "header.json")
    with pytest.raises(StoreProblem):
        KdfHeader.read(tmp_path / "header.json")


def test_one_derivation_serves_many_stores_of_one_process(key: StoreKey) -> None:
    assert StoreKey.derive("passphrase", key.header) is StoreKey.derive("passphrase", key.header)
    assert StoreKey.derive("passphrase", key.header).key == key.key
    assert StoreKey.derive("other", key.header).key != key.key
    assert "redacted" in repr(key) or "Secret" in repr(key)
    with pytest.raises(MalformedInput):
        StoreKey.derive("", key.header)
