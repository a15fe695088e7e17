"""A custodian's release: behind the gate, once, remembered before it leaves, sealed to the case's key alone."""

from __future__ import annotations

import io
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from agent_kit import CASE_KEY, Holder
from gov_kit import CLASS, Matter, hpke, make_case
from rich.console import Console

from tapeline.agent.bundle import bundle_info, open_bundle
from tapeline.agent.gate_memory import load_memory
from tapeline.base.errors import MalformedInput, NotFound, StateError
from tapeline.base.rules import Refused, Rule
from tapeline.crypto.partial import Partial, PartialContext, verify_partial
from tapeline.custodian.consent import consent_table
from tapeline.custodian.policy import read_policy
from tapeline.governance.gate import summarise
from tapeline.governance.gate_input import AgentMemory
from tapeline.governance.release import verify_release
from tapeline.transparency import merkle
from tapeline.wire.v1.escrow_pb2 import PartialBundle


@pytest.fixture
def matter() -> Matter:
    return Matter()


def opened(matter: Matter, holder: Holder, sealed: bytes) -> PartialBundle:
    leaf = merkle.leaf_hash(matter.audit.log.entries[matter.warrant_index])
    info = bundle_info(matter.case.statement_hash, leaf, holder.name, 1)
    return open_bundle(CASE_KEY, info, sealed, PartialBundle, culprit=holder.name)


def test_partials_for_every_session_leave_sealed_to_the_case(matter: Matter, tmp_path: Path) -> None:
    holder = Holder(matter, "carl", tmp_path)
    released = holder.release()
    statement = verify_release(released.release, matter.roster)
    assert (statement.custodian, statement.epoch, len(statement.record_hashes)) == ("carl", 1, 2)
    certificate = matter.archive.certificates["acme"]
    bundle = opened(matter, holder, released.sealed_bundle)
    for one, (created, _) in zip(bundle.partials, matter.sessions, strict=True):
        context = PartialContext(certificate.statement_hash, created.record_hash, statement.warrant_leaf)
        c0 = next(
            record.record.header.c0 for record in matter.input().records if record.record.record_hash == one.record_hash
        )
        verify_partial(Partial.decode(one.partial), certificate.verification_shares, c0, context)
    assert [len(summary.record_hashes) for summary in holder.shown] == [2]


@pytest.mark.rule(Rule.GATE_CONSENT)
def test_neither_person_nor_policy_said_yes(matter: Matter, tmp_path: Path) -> None:
    holder = Holder(matter, "carl", tmp_path, says=False)
    with pytest.raises(Refused) as refused:
        holder.release()
    assert refused.value.rule is Rule.GATE_CONSENT
    with closing(holder.store.open()) as store:
        assert load_memory(store) == AgentMemory()


def test_the_policy_file_answers_its_classes_and_asks_nobody(matter: Matter, tmp_path: Path) -> None:
    holder = Holder(matter, "carl", tmp_path, says=False, classes={CLASS})
    assert holder.release().epoch == 1
    assert holder.shown == []


def test_the_same_bytes_come_again_after_a_crash_before_posting(matter: Matter, tmp_path: Path) -> None:
    holder = Holder(matter, "carl", tmp_path)
    first = holder.release()
    again = Holder(matter, "carl", tmp_path, says=False).release()  # a new process over the same store
    assert (again.release, again.sealed_bundle) == (first.release, first.sealed_bundle)
    assert (first.repeated, again.repeated) == (False, True)


@pytest.mark.rule(Rule.GATE_ONCE)
def test_a_session_is_released_once_for_a_warrant(matter: Matter, tmp_path: Path) -> None:
    holder = Holder(matter, "carl", tmp_path)
    holder.release()
    with closing(holder.store.open()) as store:  # the bundle is lost, the memory is not
        store.put(dict.fromkeys(store.names("release/")))
    with pytest.raises(Refused) as refused:
        holder.release()
    assert refused.value.rule is Rule.GATE_ONCE


def test_what_leaves_is_remembered_first(matter: Matter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    holder = Holder(matter, "carl", tmp_path)
    with closing(holder.store.open()) as store:
        kind = type(store)

    def broken_disk(self: object, items: object) -> None:
        raise OSError("no space")

    with monkeypatch.context() as patch:
        patch.setattr(kind, "put", broken_disk)
        with pytest.raises(OSError, match="no space"):
            holder.release()
    with closing(holder.store.open()) as store:
        assert load_memory(store).released == {}
    released = holder.release()
    with closing(holder.store.open()) as store:
        memory = load_memory(store)
    assert len(memory.answered) == 2
    leaf = verify_release(released.release, matter.roster).warrant_leaf
    assert memory.released[leaf] == {created.record_hash for created, _ in matter.sessions}


@pytest.mark.rule(Rule.GATE_C0)
def test_a_c0_answered_for_another_record_stays_closed(matter: Matter, tmp_path: Path) -> None:
    holder = Holder(matter, "carl", tmp_path)
    with closing(holder.store.open()) as store:
        for one in matter.input().records:
            c0 = one.record.header.c0.encode()
            store.put({f"gate/answered/{c0.hex()}": b"another record".ljust(64, b".")})
    with pytest.raises(Refused) as refused:
        holder.release()
    assert refused.value.rule is Rule.GATE_C0


@pytest.mark.rule(Rule.BUNDLE_KEY)
def test_nothing_is_sealed_to_a_key_that_no_one_can_open(matter: Matter, tmp_path: Path) -> None:
    public = bytearray(hpke("case").public().encode())
    public[-32:] = bytes(32)  # an X25519 half of small order
    matter.file(case=replace(make_case(), hpke_public=bytes(public)))
    with pytest.raises(Refused) as refused:
        Holder(matter, "carl", tmp_path).release()
    assert refused.value.rule is Rule.BUNDLE_KEY


def test_a_package_must_hold_the_whole_manifest(matter: Matter, tmp_path: Path) -> None:
    gate = matter.input()
    with pytest.raises(StateError, match="lacks a session"):
        Holder(matter, "carl", tmp_path).releaser().release(replace(gate, records=gate.records[:1]), matter.now_ms)


def test_an_agent_without_the_share_says_so(matter: Matter, tmp_path: Path) -> None:
    holder = Holder(matter, "carl", tmp_path)
    with closing(holder.store.open()) as store:
        store.put(dict.fromkeys(store.names("share/")))
    with pytest.raises(NotFound, match="no share"):
        holder.release()


def test_a_persons_screen_stays_theirs(matter: Matter) -> None:
    matter.file(case=replace(make_case(), matter="M-1", purpose="line one\nline two [bold]x[/bold]"))
    summary = replace(summarise(matter.input(), AgentMemory(), matter.now_ms), matter="\x1b[2J\u202eevil")
    console = Console(file=io.StringIO(), width=100, force_terminal=False)
    console.print(consent_table(summary))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "[bold]x[/bold]" in shown  # shown as text, not obeyed
    assert "2 sessions, 6 messages, 1 conversation" in shown
    assert "1 conversations" not in shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[release]\n",
        '[release]\nunattended_classes = "all"\n',
        "[release]\nunattended_classes = [1]\n",
        '[release]\nunattended_classes = ["a"]\nlimit = 3\n',
        "not toml",
    ],
)
def test_a_policy_file_that_is_not_understood_allows_nothing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(text)
    with pytest.raises(MalformedInput):
        read_policy(path)


def test_a_policy_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text('[release]\nunattended_classes = ["drill", "five-years"]\n')
    assert read_policy(path) == {"drill", "five-years"}
    assert read_policy(None) == frozenset()
