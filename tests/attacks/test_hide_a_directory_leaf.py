"""A relay wants to hide one leaf of the directory from one reader: a new device, a revocation, a newer prekey."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from client_kit import altering_pages, event, texts
from gov_kit import Archive, key, sign
from vault_kit import pages_of

from tapeline.agent.archive import ArchiveReplica, CarriedPages
from tapeline.base.rules import Refused, Rule
from tapeline.base.times import HOUR
from tapeline.client import Client
from tapeline.client.events import Alarm
from tapeline.crypto.device import parse_device_entry
from tapeline.crypto.receipt import sign_receipt, vault_slot_hash
from tapeline.crypto.record.facts import Facts
from tapeline.crypto.record.parse import parse_record, parse_view
from tapeline.crypto.record.seal import create_record
from tapeline.crypto.record.verify import verify_record
from tapeline.crypto.record.view import view_for
from tapeline.crypto.reservation import VaultTarget, make_reservation
from tapeline.directory.state import DirectoryState
from tapeline.governance.revocation import Revocation
from tapeline.testing.background import BackgroundDeployment
from tapeline.wire.v1 import objects_pb2 as pb
from tapeline.wire.v1.relay_pb2 import SyncPage, SyncRequest


async def test_a_hole_shows_to_a_client_at_once_and_closes_when_the_leaf_is_shown(
    tapeline_deployment: BackgroundDeployment, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:

        async def make(user: str) -> Client:
            name = f"{user}-{tmp_path.name}"[:60]
            return await stack.enter_async_context(await tapeline_deployment.client(name, tmp_path / user))

        alice, bob = await make("alice"), await make("bob")
        directory = bob._engine.device.directory
        await directory.refresh()
        hidden = await make("hidden")

        def hide(request: SyncRequest, page: SyncPage) -> None:
            kept = [item for item in page.items if not is_device_of(item.leaf, item.object, hidden.user)]
            del page.items[:]
            page.items.extend(kept)

        with altering_pages(bob, hide):
            before = directory.next
            for _ in range(2):
                with pytest.raises(Refused) as caught:
                    await directory.refresh()
                assert caught.value.rule is Rule.LEAF_DIRECTORY
            assert directory.next == before  # nothing behind the hole is taken
            told = await event(bob, Alarm)
            assert isinstance(told, Alarm)
            assert told.rule == Rule.LEAF_DIRECTORY.id
            assert [one.rule for one in await bob.alarms()] == [Rule.LEAF_DIRECTORY.id]  # once, not at each attempt
        conversation = await bob.create_conversation([alice.user, hidden.user])
        await conversation.send("the relay shows it now")
        assert [message.text for message in await texts(alice, 1)] == ["the relay shows it now"]


def is_device_of(leaf: bytes, obj: bytes, user: str) -> bool:
    is_device = pb.Leaf.FromString(leaf).type == pb.LEAF_TYPE_DEVICE
    return is_device and parse_device_entry(obj).entry.user == user


@pytest.mark.rule(Rule.LEAF_DIRECTORY)
def test_a_hole_shows_to_custodians_and_vault() -> None:
    archive = Archive("acme")
    archive.enrol("ann")
    archive.enrol("ben")
    page = SyncPage.FromString(pages_of(archive)[0])
    del page.items[1]
    with pytest.raises(Refused) as caught:
        ArchiveReplica(archive.pinned).sync(CarriedPages([page.SerializeToString()]))
    assert caught.value.rule is Rule.LEAF_DIRECTORY


# --- the newest leaf: no hole yet ------------------------------------------------------------------------------------


class Town:
    """Ann, who is shown all but the newest leaf; Ben with two devices, and Cyd, who are shown everything."""

    def __init__(self) -> None:
        self.archive = Archive("acme")
        self.archive.certify()
        self.ann, self.ben = self.archive.enrol("ann"), self.archive.enrol("ben")
        self.stolen, self.cyd = self.archive.enrol("ben", number=2), self.archive.enrol("cyd")
        self.membership = self.archive.converse(self.ann, ("acme", "ben"), ("acme", "cyd"))

    def state_of_ann(self) -> DirectoryState:
        """What Ann replays: the log without its newest leaf."""
        state = DirectoryState(pinned_rosters=self.archive.pinned)
        for index, (leaf, obj) in enumerate(self.archive.leaves[:-1]):
            state.apply(index, leaf, obj)
        return state

    def facts(self, state: DirectoryState) -> Facts:
        note = state.verify_archive_note(self.archive.log.note(self.archive.now_ms))
        return state.facts(
            conversation=self.membership.conversation, membership=self.membership.statement_hash,
            sender_device=self.ann.device.entry_hash, note=note, leaf_index=len(self.archive.log.entries),
            leaf_time_ms=self.archive.now_ms,
        )  # fmt: skip

    def record(self, facts: Facts) -> bytes:
        """What an unmodified client seals by these facts."""
        sender, archive = self.ann, self.archive
        targets = [VaultTarget(one.firm, one.v_key_id, one.v_public) for one in facts.escrow]
        pending = make_reservation(
            sender.key, sender.device.entry_hash, facts.deployment, targets, archive.now_ms + 24 * HOUR, archive.rng
        )
        receipts = [
            sign_receipt(key(f"{firm}/vault"), pending.reservation_hash, v_key, pending.cq, vault_slot_hash(slot))
            for firm, v_key, slot in zip(pending.firms, pending.v_key_ids, pending.slots, strict=True)
        ]
        return create_record(
            signing_key=sender.key, reservation=pending, receipts=receipts, facts=facts,
            not_before_ms=archive.now_ms, not_after_ms=archive.now_ms + HOUR, rng=archive.rng,
        ).record  # fmt: skip

    def verdicts(self, record: bytes) -> set[Rule | None]:
        """What everybody says who has the whole directory: relay, custodian and auditor, and each other reader."""
        facts = self.facts(self.archive.state)
        found: set[Rule | None] = {_verdict(lambda: verify_record(parse_record(record), facts))}
        for one in (self.ben, self.cyd):
            fact = self.archive.state.device(one.device.entry_hash)
            data = view_for(parse_record(record), {prekey.prekey.prekey_hash for prekey in fact.prekeys})
            view = parse_view(data or b"")
            found.add(_verdict(lambda view=view, fact=fact: verify_record(view, facts, own=fact)))  # type: ignore[misc]
        return found


def _verdict(judge) -> Rule | None:  # type: ignore[no-untyped-def]
    try:
        judge()
    except Refused as refused:
        return refused.rule
    return None


def revoke_the_stolen_device(town: Town) -> None:
    target = town.stolen.device.entry_hash.hex()
    revocation = Revocation("device", target, "", "stolen", town.archive.now_ms)
    town.archive.publish(pb.LEAF_TYPE_REVOCATION, sign(revocation, "acme/olga", "acme/omar"))


def enrol_another_device(town: Town) -> None:
    town.archive.enrol("cyd", number=2, prekey=False)


def renew_a_prekey(town: Town) -> None:
    town.archive.renew(town.cyd)


@pytest.mark.rule(Rule.REC_DIRECTORY)
@pytest.mark.parametrize("hidden", [revoke_the_stolen_device, enrol_another_device, renew_a_prekey])
def test_who_was_not_shown_the_newest_leaf_is_refused_by_all_alike(hidden) -> None:  # type: ignore[no-untyped-def]
    town = Town()
    hidden(town)
    facts = town.facts(town.state_of_ann())
    assert town.verdicts(town.record(facts)) == {Rule.REC_DIRECTORY}


@pytest.mark.rule(Rule.REC_REVOKED)
def test_a_sender_who_only_pretends_to_know_seals_to_no_revoked_device() -> None:
    town = Town()
    revoke_the_stolen_device(town)
    known = town.facts(town.archive.state)
    pretending = replace(town.facts(town.state_of_ann()), directory_leaves=known.directory_leaves)
    assert town.verdicts(town.record(pretending)) == {Rule.REC_REVOKED}


def test_who_was_shown_everything_is_believed_by_all() -> None:
    town = Town()
    revoke_the_stolen_device(town)
    assert town.verdicts(town.record(town.facts(town.archive.state))) == {None}
