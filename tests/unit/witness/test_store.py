"""The compare-and-set, raced by threads and by processes."""

from __future__ import annotations

import multiprocessing
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest
from tlog_kit import LOG, ORIGIN, WITNESSES, MemoryTiles, checkpoint_of, leaves

from tapeline.transparency.addcheckpoint import encode_add_checkpoint
from tapeline.transparency.note import Note
from tapeline.transparency.proofs import consistency_proof
from tapeline.transparency.witness import Witness, Witnessed
from tapeline.witness.store import SqliteWitnessStore

SIZES = range(2, 14)


def request(old: int, new: int) -> bytes:
    tree = MemoryTiles()
    tree.append(leaves(new))
    text = checkpoint_of(leaves(new)).encode()
    return encode_add_checkpoint(old, consistency_proof(tree, old, new), Note(text, (LOG.sign(text),)).encode())


def submit(path: Path, old: int, new: int) -> tuple[int, int]:
    """Ask a witness on this store; what a worker process runs."""
    witness = Witness(WITNESSES["w1"], {ORIGIN: [LOG.key]}, SqliteWitnessStore(path))
    return new, witness.add_checkpoint(request(old, new), 1_700_000_000).status


def climb(path: Path, start: int, step: int) -> list[int]:
    """Advance the log from wherever it is, against the others; return the sizes that were cosigned for us."""
    store = SqliteWitnessStore(path)
    witness = Witness(WITNESSES["w1"], {ORIGIN: [LOG.key]}, store)
    won = []
    for new in range(start, 60, step):
        latest = store.latest(ORIGIN)
        old = 0 if latest is None else latest.size
        if old <= new and witness.add_checkpoint(request(old, new), 1_700_000_000).status == 200:
            won.append(new)
    return won


def test_memory_survives_the_process(tmp_path: Path) -> None:
    path = tmp_path / "witness.db"
    assert submit(path, 0, 5) == (5, 200)
    latest = SqliteWitnessStore(path).latest(ORIGIN)
    assert latest is not None
    assert (latest.size, latest.root) == (5, checkpoint_of(leaves(5)).root)


def test_only_the_expected_predecessor_is_replaced(tmp_path: Path) -> None:
    store = SqliteWitnessStore(tmp_path / "witness.db")
    one, two = Witnessed(1, b"1" * 32, b"one"), Witnessed(2, b"2" * 32, b"two")
    assert not store.compare_and_set("o", one, two)
    assert store.compare_and_set("o", None, one)
    assert not store.compare_and_set("o", None, two)
    assert not store.compare_and_set("o", Witnessed(1, b"1" * 32, b"other note"), two)
    assert store.compare_and_set("o", one, two)
    assert store.latest("o") == two
    assert store.latest("p") is None


class Rendezvous(SqliteWitnessStore):
    """Holds every request between its check and its store until all have checked."""

    def __init__(self, path: Path, parties: int) -> None:
        super().__init__(path)
        self._barrier = threading.Barrier(parties)

    def compare_and_set(self, origin: str, old: Witnessed | None, new: Witnessed) -> bool:
        self._barrier.wait(30)
        return super().compare_and_set(origin, old, new)


def test_of_racing_threads_exactly_one_wins(tmp_path: Path) -> None:
    path = tmp_path / "witness.db"
    submit(path, 0, 1)
    witness = Witness(WITNESSES["w1"], {ORIGIN: [LOG.key]}, Rendezvous(path, len(SIZES)))
    with ThreadPoolExecutor(len(SIZES)) as pool:
        answers = dict(zip(SIZES, pool.map(lambda new: witness.add_checkpoint(request(1, new), 9), SIZES), strict=True))
    winners = [size for size, answer in answers.items() if answer.status == 200]
    assert len(winners) == 1
    latest = SqliteWitnessStore(path).latest(ORIGIN)
    assert latest is not None
    assert latest.size == winners[0]
    losers = [answer for answer in answers.values() if answer.status != 200]
    assert all((answer.status, answer.body) == (409, b"%d\n" % winners[0]) for answer in losers)


@pytest.mark.timeout(120)
def test_racing_processes_never_roll_back(tmp_path: Path) -> None:
    path = tmp_path / "witness.db"
    SqliteWitnessStore(path)
    # spawn: a fork of a process with threads and SQLite handles is not what runs in production
    with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as pool:
        won = [size for sizes in pool.map(climb, [path] * 3, (1, 2, 3), (2, 3, 1)) for size in sizes]
    latest = SqliteWitnessStore(path).latest(ORIGIN)
    assert latest is not None
    # A rollback would let a size be left that some process had been told is passed.
    assert latest.size == max(won) == 59
    assert latest.root == checkpoint_of(leaves(59)).root
