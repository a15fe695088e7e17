"""Wherever a person looks, what ends within 60 days is said: once to people, as a list with --json."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from agent_kit import CHEAP
from gov_kit import T0, make_certificate, make_roster, sign_certificate, sign_roster
from officer_kit import SECRET, command, write_key

from tapeline.agent.audit import AuditEntry, AuditReplica
from tapeline.agent.passphrase_store import open_store
from tapeline.base.seam import system_rng
from tapeline.base.times import DAY
from tapeline.cli import expiring
from tapeline.cli.expiring import ends_of, say_what_ends
from tapeline.custodian.ceremony.memory import CeremonyMemory
from tapeline.custodian.ceremony.record import CeremonyRecord


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiring, "system_clock", lambda: T0)


def replica(expires_ms: int, not_after_ms: int) -> AuditReplica:
    roster = make_roster(expires_ms=expires_ms)
    made = AuditReplica(roster.statement_hash)
    made.chain.add(sign_roster(roster), T0)
    certificate = sign_certificate(make_certificate(roster, active_from_ms=T0 - 300 * DAY, not_after_ms=not_after_ms))
    made.entries = [AuditEntry(1, b"", "escrow-key", bytes(64), T0, b"", certificate)]
    return made


def test_roster_and_key_that_end_soon_are_said_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    found = say_what_ends(ends_of(replica(T0 + 59 * DAY, T0 + 6 * DAY)), as_json=False)
    assert ["ends in 6 days" in found[0], "ends in 59 days" in found[1]] == [True, True]
    assert "tapeline officer ceremony open" in found[0]
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("ends in")) == ("", 2)
    say_what_ends(ends_of(replica(T0 + 59 * DAY, T0 + 6 * DAY)), as_json=True)
    assert capsys.readouterr().err == ""


def test_what_is_far_off_is_not_said() -> None:
    assert say_what_ends(ends_of(replica(T0 + 300 * DAY, T0 + 300 * DAY)), as_json=True) == []


def test_a_custodian_sees_when_the_own_key_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_key(tmp_path, "cora")
    memory = CeremonyMemory(open_store(tmp_path / "cora", SECRET, "custodian-store", system_rng, CHEAP))
    certificate = make_certificate(make_roster(), active_from_ms=T0 - 300 * DAY, not_after_ms=T0 + 5 * DAY)
    fresh = CeremonyRecord.fresh(b"c" * 64, system_rng)
    memory.save(replace(fresh, certificate=sign_certificate(certificate)))
    told = command("custodian", "status", "--key", "cora.key", "--data", "cora", "--passphrase-file", "passphrase")
    assert "ends in 5 days" in told["ending"][0]
