"""Clients and witnesses that change: a new client, one that was away, one shown a change before its time."""

from __future__ import annotations

import pytest
from gov_kit import Archive, sign_roster, successor, witness

from tapeline.base.rules import Refused, Rule
from tapeline.base.times import HOUR, MINUTE
from tapeline.client.directory.bootstrap import Bootstrap, Pins
from tapeline.client.directory.shared import SharedDirectory
from tapeline.client.store.leaves import DirectoryRow
from tapeline.governance.chain import RosterChain
from tapeline.governance.roster import Roster
from tapeline.wire.v1 import objects_pb2 as pb

NEW = ("late1", "late2")


class World:
    """An archive whose second roster replaces all witnesses."""

    def __init__(self) -> None:
        self.archive = Archive()
        self.first = self.archive.rosters["acme"]
        self.archive.enrol("ann")
        self.second: Roster = successor(self.first, witnesses=tuple(map(witness, NEW)))
        self.archive.now_ms += MINUTE
        self.before = len(self.archive.leaves)
        self.archive.publish(pb.LEAF_TYPE_ROSTER, sign_roster(self.second))
        self.posted_ms = self.archive.now_ms

    def bootstrap(self) -> Bootstrap:
        chain = RosterChain.pin(self.first.statement_hash)
        for roster in (self.first, self.second):
            chain.add(sign_roster(roster), None)
        return Bootstrap(self.first, chain, b"")

    def client(self, leaves: int) -> SharedDirectory:
        """A client that has replayed the first leaves and asked for the rosters."""
        shared = SharedDirectory()
        shared.join("acme", Pins(self.first.statement_hash, b""))
        shared.apply(
            DirectoryRow(index, self.archive.log.entries[index], obj)
            for index, (_, obj) in enumerate(self.archive.leaves[:leaves])
        )
        shared.use_bootstrap(self.bootstrap())
        return shared


def test_a_new_client_takes_the_note_of_either_quorum() -> None:
    """It cannot know which is in force before it holds the log."""
    world = World()
    shared = world.client(0)
    old, new = world.archive.log.note(world.posted_ms), world.archive.log.note(world.posted_ms + 73 * HOUR, by=NEW)
    assert shared.verify_note(old).raw == old
    assert shared.verify_note(new).raw == new


def test_one_that_was_away_takes_the_new_witnesses_note_until_it_has_caught_up() -> None:
    world = World()
    note = world.archive.log.note(world.posted_ms + 73 * HOUR, by=NEW)
    away = world.client(world.before)
    assert away.verify_note(note).raw == note
    assert not away.believes(note)  # and so does not store it as what it stands on
    caught_up = world.client(world.before + 1)
    assert caught_up.verify_note(note).raw == note
    assert caught_up.believes(note)


@pytest.mark.rule(Rule.NOTE_QUORUM)
def test_one_that_holds_the_change_obeys_its_delay() -> None:
    """Otherwise officers and relay could have new witnesses count at once for a client, and old ones for ever."""
    world = World()
    shared = world.client(world.before + 1)
    early = world.archive.log.note(world.posted_ms + HOUR, by=NEW)
    late = world.archive.log.note(world.posted_ms + 73 * HOUR)
    for note in (early, late):
        with pytest.raises(Refused) as refusal:
            shared.verify_note(note)
        assert refusal.value.rule is Rule.NOTE_QUORUM
