from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncEngine
from tlog_kit import LOG, ORIGIN, WITNESSES, checkpoint_of, leaves, policy, seed, signed
from tlog_server_kit import TABLES, Clock, Witnesses, append, engine_at, publisher_of, trust_in

from tapeline.base.errors import StateError
from tapeline.tlog.publisher import HEARING_MS, LogContradicted, PublisherSettings
from tapeline.transparency.cosignature import Cosigner
from tapeline.transparency.cosigned import verify_cosigned
from tapeline.transparency.merkle import leaf_hash, verify_consistency, verify_inclusion
from tapeline.transparency.note import NoteSigner, parse_note
from tapeline.transparency.witness import MemoryWitnessStore

HEAD = checkpoint_of(leaves(50))


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    async with engine_at(tmp_path / "log.db") as made:
        yield made


@pytest.fixture
def witnesses() -> Witnesses:
    return Witnesses(Clock())


async def test_growth_is_cosigned_and_proven(engine: AsyncEngine, witnesses: Witnesses) -> None:
    publisher = publisher_of(engine, witnesses)
    await publisher.start()
    assert publisher.latest() is None
    await append(engine, leaves(3))
    first = await publisher.publish()
    await append(engine, leaves(300)[3:])
    second = await publisher.publish()
    assert first is not None
    assert second is not None
    assert publisher.latest() is second
    assert second.root == checkpoint_of(leaves(300)).root
    assert second.witness_times == dict.fromkeys(WITNESSES, 1_700_000_000)
    assert verify_cosigned(second.raw, policy(), log_origin=ORIGIN).size == 300
    verify_inclusion(leaf_hash(b"leaf 7"), 7, 300, await publisher.proof(7, 300), second.root)
    verify_consistency(3, first.root, 300, second.root, await publisher.consistency(3, 300))
    assert [await publisher.first_with(index) for index in (2, 3, 300)] == [first, second, None]
    assert {old for _, old in witnesses.requests} == {"old 0", "old 3"}


@pytest.mark.parametrize("failure", ["down", "500", "garbage", "too large", "another key", "other text", "redirect"])
async def test_one_failing_witness_does_not_stop_the_quorum(
    engine: AsyncEngine, witnesses: Witnesses, failure: str
) -> None:
    text = checkpoint_of(leaves(2)).encode()
    forged = Cosigner(WITNESSES["w3"].key.name, seed("forger")).cosign(text, 1).line.encode()
    answers = {
        "500": httpx.Response(500),
        "garbage": httpx.Response(200, content=b"\xff not a signature"),
        "too large": httpx.Response(200, content=b"x" * 100_000),
        "another key": httpx.Response(200, content=forged),
        "other text": httpx.Response(200, content=WITNESSES["w3"].cosign(text + b"x\n", 1).line.encode()),
        "redirect": httpx.Response(302, headers={"Location": "http://w1/"}),
    }
    if failure == "down":
        witnesses.down.add("w3")
    else:
        witnesses.answers["w3"] = lambda _: answers[failure]
    publisher = publisher_of(engine, witnesses)
    await append(engine, leaves(2))
    cosigned = await publisher.publish()
    assert cosigned is not None
    assert set(cosigned.witness_times) == {"w1", "w2"}


async def test_without_a_quorum_nothing_is_shown(engine: AsyncEngine, witnesses: Witnesses) -> None:
    witnesses.down |= {"w1", "w3"}
    publisher = publisher_of(engine, witnesses)
    await append(engine, leaves(2))
    assert await publisher.publish() is None
    assert publisher.latest() is None
    with pytest.raises(StateError) as timeout:
        await publisher.wait_for(2, timeout_s=0.01)
    assert timeout.value.retryable
    witnesses.down.clear()
    waiting = asyncio.create_task(publisher.wait_for(2, timeout_s=10))
    await publisher.publish()
    assert (await waiting).size == 2


async def test_a_slow_witness_is_not_waited_for(engine: AsyncEngine, witnesses: Witnesses) -> None:
    class Stuck(Witnesses):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.host == "w2":
                await asyncio.Event().wait()
            return await super().handle_async_request(request)

    publisher = publisher_of(engine, Stuck(Clock()), settings=PublisherSettings(witness_timeout_ms=300))
    await append(engine, leaves(2))
    cosigned = await publisher.publish()
    assert cosigned is not None
    assert set(cosigned.witness_times) == {"w1", "w3"}


async def test_a_witness_that_knows_the_log_tells_the_size(engine: AsyncEngine, witnesses: Witnesses) -> None:
    await append(engine, leaves(5))
    await publisher_of(engine, witnesses).publish()
    await append(engine, leaves(9)[5:])
    witnesses.requests.clear()
    cosigned = await publisher_of(engine, witnesses).publish()  # a restarted one, which remembers no sizes
    assert cosigned is not None
    assert len(cosigned.witness_times) == 3
    assert [old for name, old in witnesses.requests if name == "w2"] == ["old 0", "old 5"]


async def test_an_older_database_does_not_start(engine: AsyncEngine, witnesses: Witnesses, tmp_path: Path) -> None:
    """A restored backup is consistent in itself: the witnesses remember what it lacks."""
    await append(engine, leaves(9))
    await publisher_of(engine, witnesses).publish()
    async with engine_at(tmp_path / "old.db") as older:
        await append(older, leaves(4))
        with pytest.raises(StateError, match="shorter"):
            await publisher_of(older, witnesses).start()
        with pytest.raises(StateError, match="shorter"):
            await publisher_of(older, witnesses).run()
        # With one witness reachable it is told the same; a forger's word alone stops nobody.
        witnesses.down |= {"w1", "w2"}
        with pytest.raises(StateError, match="shorter"):
            await publisher_of(older, witnesses).publish()
        impostor = NoteSigner(ORIGIN, seed("impostor"))
        witnesses.answers["w3"] = lambda _: httpx.Response(200, content=signed(HEAD, {"w3": 1}, impostor))
        await publisher_of(older, witnesses).start()


async def test_an_older_database_is_never_cosigned(engine: AsyncEngine, witnesses: Witnesses, tmp_path: Path) -> None:
    """The witnesses were out of reach when it started."""
    await append(engine, leaves(9))
    await publisher_of(engine, witnesses).publish()
    witnesses.down |= set(WITNESSES)
    async with engine_at(tmp_path / "old.db") as older:
        await append(older, leaves(4))
        publisher = publisher_of(older, witnesses)
        await publisher.start()
        assert await publisher.publish() is None
        running = asyncio.create_task(publisher.run())
        witnesses.down -= {"w2"}
        with pytest.raises(LogContradicted, match="shorter"):
            await asyncio.wait_for(running, 20)
        witnesses.down.clear()
        with pytest.raises(LogContradicted, match="shorter"):
            await publisher.publish()
        assert publisher.latest() is None


async def test_an_older_database_that_grew_another_way_stops_too(
    engine: AsyncEngine, witnesses: Witnesses, tmp_path: Path
) -> None:
    await append(engine, leaves(9))
    await publisher_of(engine, witnesses).publish()
    witnesses.down |= set(WITNESSES)
    async with engine_at(tmp_path / "old.db") as older:
        await append(older, leaves(4))
        publisher = publisher_of(older, witnesses)
        await append(older, [b"another"] * 8)
        assert await publisher.publish() is None
        witnesses.down -= {"w3"}
        with pytest.raises(LogContradicted, match="inconsistent"):
            await publisher.publish()


async def test_a_witness_that_comes_late_is_heard_though_nothing_grows(
    engine: AsyncEngine, witnesses: Witnesses, tmp_path: Path
) -> None:
    """The older database holds a fresh cosigned note of its own, so that no checkpoint is due."""
    await append(engine, leaves(4))
    await publisher_of(engine, witnesses).publish()
    shutil.copy(engine.url.database or "", tmp_path / "old.db")
    async with engine_at(tmp_path / "old.db") as older:
        await append(engine, leaves(9)[4:])
        await publisher_of(engine, witnesses).publish()
        witnesses.down |= set(WITNESSES)
        publisher = publisher_of(older, witnesses, settings=PublisherSettings(interval_ms=5))
        running = asyncio.create_task(publisher.run())
        assert (await publisher.wait_for(4, timeout_s=20)).size == 4
        witnesses.down -= {"w1"}
        witnesses.clock.now_ms += HEARING_MS
        with pytest.raises(LogContradicted, match="shorter"):
            await asyncio.wait_for(running, 20)


async def test_a_witness_that_only_says_so_stops_nobody(engine: AsyncEngine, witnesses: Witnesses) -> None:
    await append(engine, leaves(4))
    publisher = publisher_of(engine, witnesses)
    witnesses.answers["w3"] = lambda _: httpx.Response(409, content=b"900\n")
    witnesses.answers["w2"] = lambda _: httpx.Response(422)
    assert await publisher.publish() is None
    del witnesses.answers["w2"]
    cosigned = await publisher.publish()
    assert cosigned is not None
    assert set(cosigned.witness_times) == {"w1", "w2"}


async def test_a_witness_that_went_back_is_shown_its_own_word(engine: AsyncEngine, witnesses: Witnesses) -> None:
    publisher = publisher_of(engine, witnesses)
    await append(engine, leaves(4))
    await publisher.publish()
    before = witnesses.stores["w3"].latest(ORIGIN)
    await append(engine, leaves(9)[4:])
    await publisher.publish()
    store = MemoryWitnessStore()
    assert before is not None
    store.compare_and_set(ORIGIN, None, before)
    witnesses.replace("w3", store)
    for more in (b"ten", b"eleven"):
        await append(engine, [more])
        cosigned = await publisher.publish()
        assert cosigned is not None
        assert set(cosigned.witness_times) == {"w1", "w2"}
    assert store.latest(ORIGIN) == before
    witnesses.replace("w3", store, accept_older=True)
    await append(engine, [b"twelve"])
    cosigned = await publisher.publish()
    assert cosigned is not None
    assert set(cosigned.witness_times) == {"w1", "w2", "w3"}


async def test_a_forked_database_does_not_start(engine: AsyncEngine, witnesses: Witnesses, tmp_path: Path) -> None:
    await append(engine, leaves(9))
    await publisher_of(engine, witnesses).publish()
    witnesses.down |= set(WITNESSES)
    async with engine_at(tmp_path / "fork.db") as fork:
        await append(fork, [b"another"] * 20)
        await publisher_of(fork, witnesses).publish()
        witnesses.down.clear()
        with pytest.raises(StateError, match="inconsistent"):
            await publisher_of(fork, witnesses).start()


async def test_replicas_on_one_database_share_what_is_cosigned(engine: AsyncEngine, witnesses: Witnesses) -> None:
    one, other = publisher_of(engine, witnesses), publisher_of(engine, witnesses)
    await append(engine, leaves(4))
    shown = await one.publish()
    asked = len(witnesses.requests)
    running = asyncio.create_task(other.run())
    try:
        assert await other.wait_for(4, timeout_s=20) == shown
    finally:
        await other.close()
        await running
    assert len(witnesses.requests) == asked


async def test_the_loop_publishes_growth_and_renews(engine: AsyncEngine, witnesses: Witnesses) -> None:
    publisher = publisher_of(engine, witnesses, settings=PublisherSettings(interval_ms=5, recosign_ms=60_000))
    await append(engine, leaves(1))
    running = asyncio.create_task(publisher.run())
    try:
        first = await publisher.wait_for(1, timeout_s=20)
        await append(engine, [b"more"])
        grown = await publisher.wait_for(2, timeout_s=20)
        seen = len(witnesses.requests)
        async with asyncio.timeout(20):
            witnesses.clock.now_ms += 60_000
            while publisher.latest() is grown:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        renewed = publisher.latest()
    finally:
        await publisher.close()
        await running
    assert renewed is not None
    assert (renewed.size, renewed.root) == (grown.size, grown.root)
    assert renewed.median_time_ms == first.median_time_ms + 60_000
    # Unchanged and fresh, the log asked nobody: three witnesses for the renewal, and no more.
    assert len(witnesses.requests) == seen + 3
    assert parse_note(renewed.raw).text == parse_note(grown.raw).text


async def test_a_restart_shows_the_last_checkpoint(engine: AsyncEngine, witnesses: Witnesses) -> None:
    await append(engine, leaves(5))
    shown = await publisher_of(engine, witnesses).publish()
    again = publisher_of(engine, witnesses)
    await again.start()
    assert again.latest() == shown
    stricter = publisher_of(engine, witnesses, trusted=policy("group in 1 w1 w2\ngroup q all in w3"))
    await stricter.start()
    assert stricter.latest() == shown


LEAF, TILE, NOTE = TABLES.leaf, TABLES.tile, TABLES.note
DAMAGE = {
    "the last leaf is lost": [delete(LEAF).where(LEAF.c.index == 299)],
    "an inner leaf is lost": [delete(LEAF).where(LEAF.c.index == 7)],
    "a leaf was changed": [update(LEAF).where(LEAF.c.index == 7).values(data=b"x")],
    "a leaf and its hash were changed": [
        update(LEAF).where(LEAF.c.index == 7).values(data=b"x", leaf_hash=leaf_hash(b"x"))
    ],
    "tiles and leaves are those of an older log": [
        delete(LEAF).where(LEAF.c.index >= 256),
        delete(TILE).where(TILE.c.level == 0, TILE.c.tile_index == 1),
    ],
    "the root tile was changed": [update(TILE).where(TILE.c.level == 1).values(data=bytes(32))],
}


@pytest.mark.parametrize("damage", DAMAGE)
async def test_a_damaged_log_does_not_start(engine: AsyncEngine, witnesses: Witnesses, damage: str) -> None:
    await append(engine, leaves(300))
    await publisher_of(engine, witnesses).publish()
    await publisher_of(engine, witnesses).start()
    async with engine.begin() as conn:
        for statement in DAMAGE[damage]:
            await conn.execute(statement)
    with pytest.raises(StateError):
        await publisher_of(engine, witnesses).start()


async def test_a_log_that_was_signed_but_not_cosigned_is_held_to_it(engine: AsyncEngine, witnesses: Witnesses) -> None:
    """A witness may have cosigned although its answer was lost."""
    await append(engine, leaves(3))
    await publisher_of(engine, witnesses).publish()
    await append(engine, leaves(6)[3:])
    witnesses.down |= set(WITNESSES)
    await publisher_of(engine, witnesses).publish()
    async with engine.begin() as conn:
        await conn.execute(delete(LEAF).where(LEAF.c.index >= 3))
        await conn.execute(update(TILE).values(width=3, data=b"".join(map(leaf_hash, leaves(3)))))
    with pytest.raises(StateError):
        await publisher_of(engine, witnesses).start()


async def test_another_key_does_not_take_over_a_log(engine: AsyncEngine, witnesses: Witnesses) -> None:
    await append(engine, leaves(3))
    await publisher_of(engine, witnesses).publish()
    other = publisher_of(engine, witnesses)
    other._signer = type(LOG)(ORIGIN, seed("other"))
    with pytest.raises(StateError):
        await other.start()


async def test_leaves_appended_while_publishing_are_not_torn(engine: AsyncEngine, witnesses: Witnesses) -> None:
    publisher = publisher_of(engine, witnesses)
    lock = publisher._write_lock

    async def write() -> None:
        for number in range(40):
            async with lock:
                await append(engine, [b"entry %d" % number])

    async def publish() -> None:
        for _ in range(10):
            await publisher.publish()

    await asyncio.gather(write(), publish())
    cosigned = await publisher.publish()
    assert cosigned is not None
    assert cosigned.root == checkpoint_of([b"entry %d" % number for number in range(40)]).root


async def test_the_policy_can_change_while_running(engine: AsyncEngine, witnesses: Witnesses) -> None:
    publisher = publisher_of(engine, witnesses)
    witnesses.down.add("w3")
    await append(engine, leaves(2))
    assert await publisher.publish() is not None
    await publisher.follow(trust_in(policy("group q all w1 w2 w3")))
    assert await publisher.publish() is None
    witnesses.down.clear()
    witnesses.stores["w3"] = MemoryWitnessStore()
    assert await publisher.publish() is not None


async def test_closing_lets_the_checkpoint_at_hand_finish(engine: AsyncEngine) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    class Held(Witnesses):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.method == "POST":
                asked.set()
                await go_on.wait()
            return await super().handle_async_request(request)

    publisher = publisher_of(engine, Held(Clock()))
    await append(engine, leaves(2))
    running = asyncio.create_task(publisher.run())
    await asked.wait()
    closing = asyncio.create_task(publisher.close())
    await asyncio.sleep(0)
    assert not closing.done()
    go_on.set()
    await asyncio.gather(running, closing)
    shown = publisher.latest()
    assert shown is not None
    assert shown.size == 2
