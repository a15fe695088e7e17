"""Another passphrase for a client's store: all of it opens under the new one, and any failure leaves the old one."""

from __future__ import annotations

from pathlib import Path
from secrets import token_bytes

import pytest

from tapeline.client.errors import StoreProblem
from tapeline.client.store import rekey
from tapeline.client.store.database import Database
from tapeline.client.store.folder import create_store, open_store
from tapeline.client.store.keys import KdfCost, StoreKey
from tapeline.client.store.rekey import change_passphrase

OLD, NEW = "a long passphrase", "seven quiet herons over Trieste"
CHEAP = KdfCost(passes=1, memory_kib=64, lanes=1)


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """A closed store with something in it."""
    made = tmp_path / "store"
    database = await create_store(made, StoreKey.new(OLD, token_bytes, CHEAP), token_bytes)
    await database.run(lambda conn: conn.execute("CREATE TABLE note (text TEXT)"))
    await database.run(lambda conn: conn.executemany("INSERT INTO note VALUES (?)", [(str(i),) for i in range(500)]))
    await database.close()
    return made


async def notes(folder: Path, passphrase: str) -> int:
    database: Database = await open_store(folder, passphrase)
    try:
        rows = await database.run(lambda conn: conn.execute("SELECT count(*) FROM note").fetchone())
    finally:
        await database.close()
    return int(rows[0])


async def test_all_opens_under_the_new_one_and_nothing_under_the_old(folder: Path) -> None:
    change_passphrase(folder, OLD, NEW)
    assert await notes(folder, NEW) == 500
    with pytest.raises(StoreProblem, match="passphrase is wrong"):
        await notes(folder, OLD)
    assert not (folder / "store.db.new").exists()


async def test_a_wrong_passphrase_changes_nothing(folder: Path) -> None:
    with pytest.raises(StoreProblem, match="passphrase is wrong"):
        change_passphrase(folder, "another one", NEW)
    assert await notes(folder, OLD) == 500


@pytest.mark.parametrize("step", ["_encrypt_anew", "_prove"])
async def test_cut_short_at_any_step_the_old_one_opens_it_and_a_second_run_goes_through(
    folder: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(rekey, step, fail)
        with pytest.raises(OSError, match="No space"):
            change_passphrase(folder, OLD, NEW)
    assert await notes(folder, OLD) == 500
    (folder / "store.db.new").write_bytes(b"left by a crash")
    change_passphrase(folder, OLD, NEW)
    assert await notes(folder, NEW) == 500


async def test_a_store_in_use_is_left_alone(folder: Path) -> None:
    database = await open_store(folder, OLD)
    with pytest.raises(StoreProblem, match=r"process|client|already"):
        change_passphrase(folder, OLD, NEW)
    await database.close()
    assert await notes(folder, OLD) == 500


def test_where_there_is_no_store_none_is_made(tmp_path: Path) -> None:
    with pytest.raises(StoreProblem, match="no store"):
        change_passphrase(tmp_path / "nowhere", OLD, NEW)
    assert not (tmp_path / "nowhere").exists()
