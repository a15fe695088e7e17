"""What this machine's other users and the network get to see: no open file, no open port."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tapeline.base.errors import StateError
from tapeline.enroller.store import open_store
from tapeline.relay.storage.engine import migrate, open_engine
from tapeline.tlog.listen import HttpPort
from tapeline.witness.store import SqliteWitnessStore


@pytest.fixture(autouse=True)
def generous_umask() -> Iterator[None]:
    """A umask that leaves every mode as it is asked for."""
    before = os.umask(0)
    yield
    os.umask(before)


def modes(folder: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


async def test_the_relays_database_and_its_journals_are_its_owners(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "relay.db")
    await migrate(engine)
    assert modes(tmp_path) == {0o600}
    await engine.dispose()


async def test_the_enrollers_codes_are_its_owners(tmp_path: Path) -> None:
    engine = await open_store(tmp_path / "codes.db")
    assert modes(tmp_path) == {0o600}
    await engine.dispose()


def test_a_witnesss_memory_is_its_owners(tmp_path: Path) -> None:
    SqliteWitnessStore(tmp_path / "witness.db")
    assert modes(tmp_path) == {0o600}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])
async def test_http_without_tls_stays_on_loopback(host: str) -> None:
    with pytest.raises(StateError, match="loopback"):
        HttpPort(host, 0)
