"""The sealed store: nothing readable on disk, nothing swapped unnoticed, one writer at a time, all or nothing."""

from __future__ import annotations

import secrets
import sqlite3
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from agent_kit import CHEAP, cheap_store

from tapeline.agent.passphrase_store import open_store
from tapeline.agent.sealed_store import SealedStore
from tapeline.base.errors import CryptoFailure
from tapeline.base.secret import Secret
from tapeline.crypto.passphrase import WrongPassphrase

KEY = Secret(b"k" * 32)
VALUE = b"a share nobody reads"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SealedStore]:
    made = SealedStore(tmp_path / "store.db", KEY, secrets.token_bytes)
    yield made
    made.close()


def test_what_was_put_is_there_for_the_next_process(store: SealedStore, tmp_path: Path) -> None:
    store.put({"a": VALUE, "b": b""})
    again = SealedStore(tmp_path / "store.db", KEY, secrets.token_bytes)
    assert (again.get("a"), again.get("b"), again.get("c")) == (VALUE, b"", None)
    assert list(again.names("")) == ["a", "b"]
    again.put({"a": None})
    assert store.get("a") is None


def test_the_disk_shows_nothing(store: SealedStore, tmp_path: Path) -> None:
    store.put({"a": VALUE})
    assert all(VALUE not in path.read_bytes() for path in tmp_path.iterdir())
    assert stat.S_IMODE((tmp_path / "store.db").stat().st_mode) == 0o600


def test_items_cannot_be_altered_or_swapped(store: SealedStore, tmp_path: Path) -> None:
    store.put({"a": VALUE, "b": b"other"})
    with sqlite3.connect(tmp_path / "store.db") as raw:
        raw.execute("UPDATE item SET sealed = (SELECT sealed FROM item WHERE name = 'a') WHERE name = 'b'")
    raw.close()
    with pytest.raises(CryptoFailure):
        store.get("b")
    with pytest.raises(CryptoFailure):
        SealedStore(tmp_path / "store.db", Secret(b"x" * 32), secrets.token_bytes).get("a")


def test_a_failed_block_leaves_nothing(store: SealedStore) -> None:
    def work() -> None:
        with store.exclusive():
            store.put({"a": VALUE})
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        work()
    assert store.get("a") is None
    store.put({"a": VALUE})
    assert store.get("a") == VALUE


def test_two_agents_over_one_store_count_every_step(tmp_path: Path) -> None:
    def work() -> None:
        mine = SealedStore(tmp_path / "store.db", KEY, secrets.token_bytes)
        for _ in range(25):
            with mine.exclusive():
                count = int(mine.get("count") or b"0")
                mine.put({"count": str(count + 1).encode()})
        mine.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert SealedStore(tmp_path / "store.db", KEY, secrets.token_bytes).get("count") == b"100"


def test_a_wrong_passphrase_opens_nothing(tmp_path: Path) -> None:
    cheap_store(tmp_path / "one")
    with pytest.raises(WrongPassphrase):
        open_store(tmp_path / "one", Secret(b"another"), "test", secrets.token_bytes, CHEAP)
    with pytest.raises(CryptoFailure):
        open_store(tmp_path / "one", Secret(b"a passphrase"), "another purpose", secrets.token_bytes, CHEAP)
