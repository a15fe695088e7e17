"""Old witnesses that are gone for good: an agent counts their replacement a delay after it saw it itself, no sooner."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from agent_kit import Holder
from gov_kit import CLASS, Matter, make_roster, sign_roster, successor, witness
from vault_kit import make_vault, pages_of

from tapeline.agent.gate_memory import load_memory
from tapeline.base.rules import Refused, Rule
from tapeline.base.times import HOUR, MINUTE
from tapeline.crypto.wire import encode
from tapeline.wire.v1.escrow_pb2 import VaultReleaseRequest

DELAY = 2 * HOUR


@pytest.fixture
def matter(monkeypatch: pytest.MonkeyPatch) -> Matter:
    """A matter whose outside witnesses died before the roster that replaces them was logged."""
    made = Matter(roster=make_roster(change_delay_ms=DELAY, publication_delay_ms=0))
    replaced = successor(made.roster, witnesses=(witness("in1"), witness("late1"), witness("late2")))
    made.audit.post("roster", sign_roster(replaced), made.now_ms)
    note = made.audit.log.note
    monkeypatch.setattr(made.audit.log, "note", lambda at_ms: note(at_ms, by=("in1", "late1")))
    made.now_ms += DELAY  # by the leaf's date, the change counts now: so the log is published again
    made.archive.now_ms = made.now_ms
    return made


@pytest.mark.rule(Rule.GATE_CHECKPOINT)
def test_a_custodian_waits_the_delay_from_its_own_first_sight(matter: Matter, tmp_path: Path) -> None:
    holder = Holder(matter, "carl", tmp_path)
    seen_ms = matter.now_ms
    for later in (0, MINUTE, DELAY - MINUTE):
        matter.now_ms = seen_ms + later
        with pytest.raises(Refused) as refusal:
            holder.release()
        assert refusal.value.rule is Rule.GATE_CHECKPOINT
        assert "after this agent first saw it" in refusal.value.cause
    with closing(holder.store.open()) as store:
        assert list(load_memory(store).sighted.values()) == [seen_ms]  # a refusal remembers it, once
    matter.now_ms = seen_ms + DELAY
    assert not holder.release().repeated


@pytest.mark.rule(Rule.GATE_CHECKPOINT)
def test_a_vault_counts_from_what_the_escrow_service_told_it(matter: Matter, tmp_path: Path) -> None:
    vault = make_vault(matter.archive, tmp_path, lambda: matter.now_ms)
    request = VaultReleaseRequest(warrant_package=encode(matter.package()), archive_pages=pages_of(matter.archive))
    with pytest.raises(Refused) as refusal:
        vault.releaser.release(request)
    assert refusal.value.rule is Rule.GATE_CHECKPOINT
    newest = matter.audit.texts[-1]
    vault.keyring.learn([newest], [])
    matter.now_ms += DELAY
    request.warrant_package = encode(matter.package())
    assert vault.releaser.release(request).release
    assert CLASS in vault.keyring.chain.current.classes
