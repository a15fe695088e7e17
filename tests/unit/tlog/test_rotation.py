"""Witnesses come and go: what a log publishes, each of its readers believes, at every moment of a change."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from gov_kit import successor, witness
from rotation_kit import DELAY, Firm, founded, listening
from tlog_server_kit import TABLES, engine_at

from tapeline.base.errors import StateError
from tapeline.base.rules import Refused, Rule
from tapeline.base.times import MINUTE
from tapeline.governance.audit_replay import replay
from tapeline.governance.roster import WitnessQuorum
from tapeline.tlog.notes import store_cosigned
from tapeline.transparency.cosigned import CosignedCheckpoint


@pytest.fixture
async def firm(tmp_path: Path) -> AsyncIterator[Firm]:
    async with engine_at(tmp_path / "log.db") as engine:
        made = Firm(engine, founded("in1", "out1"))
        await made.found()
        yield made


async def published(firm: Firm) -> CosignedCheckpoint:
    """Publish, and have every reader judge the checkpoint: one with the whole log, a fresh one, and the gate."""
    note = await firm.publisher.publish()
    assert note is not None
    assert firm.chain.verify_audit_note(note.raw) == note
    assert firm.reader(note.size).verify_audit_note(note.raw) == note
    view = replay(firm.entries, note.raw, await firm.older_notes(), firm.pinned)
    assert view.note == note
    return note


async def test_one_step_replaces_a_witness_while_the_old_one_runs_on(firm: Firm) -> None:
    await published(firm)
    await firm.post("in1", "out2")
    for _ in range(6):
        note = await published(firm)
        assert set(note.witness_times) == {"in1", "out1"}
        firm.clock.now_ms += 5 * MINUTE
    assert set((await published(firm)).witness_times) == {"in1", "out2"}
    firm.clock.now_ms += 15 * MINUTE
    firm.hosts.down.add("out1")
    assert set((await published(firm)).witness_times) == {"in1", "out2"}


async def test_an_announced_witness_that_does_not_run_yet_stops_nothing(firm: Firm) -> None:
    firm.hosts.down.add("out2")
    await firm.post("in1", "out2")
    await published(firm)
    firm.clock.now_ms += DELAY
    assert await firm.publisher.publish() is None
    firm.hosts.down.clear()
    await published(firm)


async def test_witnesses_are_replaced_one_by_one(firm: Firm) -> None:
    await published(firm)
    for names in (("in1", "out1", "out2"), ("in1", "out2"), ("in1", "in2", "out2"), ("in2", "out2")):
        await firm.post(*names)
        await published(firm)
        firm.clock.now_ms += DELAY
        await published(firm)
        firm.hosts.down = {"in1", "in2", "out1", "out2"} - set(names)
        firm.clock.now_ms += MINUTE
        await published(firm)


async def test_a_witness_keeps_its_name_and_gets_a_key_or_an_address(firm: Firm) -> None:
    renamed = replace(witness("out2"), name="out1", url="http://out2/")
    await firm.post_roster(successor(firm.roster, witnesses=(*listening("in1"), renamed)))
    await published(firm)
    firm.clock.now_ms += DELAY
    firm.hosts.down.add("out1")
    await published(firm)
    moved = replace(renamed, url="http://out2-moved/")
    firm.hosts.stores["out2-moved"] = firm.hosts.stores["out2"]
    await firm.post_roster(successor(firm.roster, witnesses=(*listening("in1"), moved)))
    await published(firm)
    firm.hosts.down.add("out2")
    await published(firm)


async def test_a_restart_in_the_middle_asks_whom_the_log_names(firm: Firm) -> None:
    await published(firm)
    await firm.post("in1", "out2")
    await published(firm)
    firm.publisher = firm.restarted()
    await published(firm)
    firm.clock.now_ms += DELAY
    firm.publisher = firm.restarted()
    await published(firm)


@pytest.mark.rule(Rule.GATE_CHECKPOINT)
async def test_where_the_old_witness_is_gone_the_change_counts_after_its_delay(firm: Firm) -> None:
    """Nobody can cosign under the quorum in force: readers wait for the leaf's date, a gate for its own sight."""
    await published(firm)
    firm.hosts.down.add("out1")
    gone = await firm.post("in1", "out2")
    firm.clock.now_ms += DELAY - MINUTE
    assert await firm.publisher.publish() is None
    announced = firm.publisher.announced()
    assert announced is not None  # what the archive learns the roster by, so that its own delay begins
    assert announced.size == 2
    with pytest.raises(Refused):
        firm.chain.verify_audit_note(announced.raw)
    firm.clock.now_ms += MINUTE
    note = await firm.publisher.publish()
    assert note is not None
    assert firm.reader(2).verify_audit_note(note.raw) == note
    assert firm.publisher.announced() is None
    # The new witnesses' word alone, whom the officers chose, makes no change old at a gate.
    younger = {gone.statement_hash: firm.clock() - DELAY + MINUTE}
    for sighted in ({}, younger):
        with pytest.raises(Refused) as refusal:
            replay(firm.entries, note.raw, (), firm.pinned, sighted=sighted)
        assert refusal.value.rule is Rule.GATE_CHECKPOINT
    held = {gone.statement_hash: firm.clock() - DELAY}
    assert (
        replay(firm.entries, note.raw, (), firm.pinned, sighted=held).chain.in_force(firm.clock()).witnesses
        == gone.witnesses
    )


async def test_own_sight_never_beats_what_witnesses_prove(firm: Firm) -> None:
    changed = await firm.post("in1", "out1", "out2")
    note = await published(firm)
    view = replay(firm.entries, note.raw, (), firm.pinned, sighted={changed.statement_hash: 0})
    assert view.chain.announced(firm.clock()) == 2


async def test_a_deployment_that_published_under_the_next_roster_is_healed_by_one_with_both(firm: Firm) -> None:
    """What an older version left behind: a stored checkpoint that only the announced witnesses cosigned."""
    await published(firm)
    firm.hosts.down.add("out1")
    await firm.post("in1", "out2")
    assert await firm.publisher.publish() is None
    unsound = firm.publisher.announced()
    assert unsound is not None
    async with firm.engine.begin() as conn:
        await conn.run_sync(store_cosigned, TABLES, unsound.size, unsound.raw, firm.clock())
    firm.hosts.down.clear()
    await firm.post("in1", "out1", "out2")
    firm.publisher = firm.restarted()
    note = await published(firm)
    assert await firm.publisher.first_with(1) == note  # the first sound one, not the first
    # A reader who is handed the unsound one all the same leaves it aside.
    assert replay(firm.entries, note.raw, (unsound.raw, b"nonsense"), firm.pinned).notes == (note,)
    firm.clock.now_ms += DELAY
    firm.hosts.down.add("out1")
    assert await published(firm)


@pytest.mark.rule(Rule.GATE_CHECKPOINT)
async def test_a_sound_older_note_of_another_history_is_still_a_fork(firm: Firm, tmp_path: Path) -> None:
    note = await published(firm)
    async with engine_at(tmp_path / "fork.db") as engine:
        fork = Firm(engine, firm.roster)
        fork.clock.now_ms += 1
        await fork.found()
        forked = await fork.publisher.publish()
    assert forked is not None
    assert forked.root != note.root
    with pytest.raises(Refused) as refusal:
        replay(firm.entries, note.raw, (forked.raw,), firm.pinned)
    assert refusal.value.rule is Rule.GATE_CHECKPOINT


async def test_an_older_database_is_noticed_by_the_witnesses_of_now(firm: Firm, tmp_path: Path) -> None:
    """The founding roster's witnesses may be gone for years."""
    await firm.post("in2", "out2")
    firm.clock.now_ms += DELAY
    await firm.post("in2", "out2", expires_ms=firm.roster.expires_ms - 1)
    await firm.publisher.publish()
    async with engine_at(tmp_path / "old.db") as engine:
        older = Firm(engine, founded("in1", "out1"))
        await older.found()
        older.hosts = firm.hosts
        older.publisher = older.restarted()
        firm.hosts.down |= {"in1", "out1"}
        await older.publisher.start()
        with pytest.raises(StateError, match="shorter"):
            await older.publisher.follow(firm.publisher._trust)


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_comes_and_goes_only_what_readers_believe_is_published(tmp_path: Path, seed: int) -> None:
    """A model of a firm's life: rosters, time and outages in any order; a quorum in force that runs is enough."""
    chance = random.Random(seed)
    names = ("in1", "in2", "out1", "out2")
    async with engine_at(tmp_path / "log.db") as engine:
        firm = Firm(engine, founded("in1", "out1"))
        await firm.found()
        for _ in range(24):
            step = chance.choice(("roster", "time", "outage", "restart"))
            if step == "roster":
                chosen = [chance.choice(("in1", "in2")), chance.choice(("out1", "out2")), *chance.sample(names, 2)]
                await firm.post(*sorted(set(chosen)), witness_quorum=WitnessQuorum(chance.choice((1, 2)), 1))
            elif step == "time":
                firm.clock.now_ms += chance.choice((MINUTE, 10 * MINUTE, DELAY))
            elif step == "outage":
                firm.hosts.down = set(chance.sample(names, chance.choice((0, 0, 1, 2))))
            else:
                firm.publisher = firm.restarted()
            note = await firm.publisher.publish()
            in_force = firm.chain.in_force(firm.clock())
            running = [one for one in in_force.witnesses if one.name not in firm.hosts.down]
            outside = [one for one in running if one.group == "outside"]
            enough = len(running) >= in_force.witness_quorum.total and len(outside) >= in_force.witness_quorum.outside
            assert (note is not None) == enough
            if note is not None:
                assert firm.reader(note.size).verify_audit_note(note.raw) == note
