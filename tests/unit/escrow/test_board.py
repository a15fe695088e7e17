"""The board: each statement verified by its kind's rules before it becomes a leaf; repeatable, replayed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import structlog
from gov_kit import Matter, key, make_approval, make_case, make_roster, sign, sign_certificate, sign_roster, successor

from tapeline.base.errors import MalformedInput, NotFound
from tapeline.base.rules import Refused, Rule
from tapeline.base.times import HOUR, MINUTE
from tapeline.crypto.ack import verify_ack
from tapeline.escrow.board import Board
from tapeline.escrow.bundles import post_bundle
from tapeline.escrow.database import Database, open_database
from tapeline.escrow.readers import may_read
from tapeline.escrow.state import BoardState
from tapeline.escrow.warrants import issue_warrant
from tapeline.governance.approval import Rejection
from tapeline.governance.closing import Closing
from tapeline.governance.dsse import signer
from tapeline.governance.exception import RecordException
from tapeline.governance.hold import Hold
from tapeline.governance.opening import Opening
from tapeline.governance.release import Release, bundle_hash
from tapeline.governance.revocation import Revocation
from tapeline.transparency import merkle
from tapeline.wire.v1.objects_pb2 import Ack, AuditLeaf


class Scene:
    """A matter and a board with a real database."""

    def __init__(self, database: Database) -> None:
        self.matter = Matter()
        self.now_ms = self.matter.filed_ms
        self.database = database
        self.board = self.new_board()

    def new_board(self) -> Board:
        state = BoardState(self.matter.archive.pinned["acme"])
        return Board(self.database, state, key("acme/escrow"), lambda: self.now_ms)

    async def with_case(self, *approvers: str) -> bytes:
        await self.board.post("case", self.matter.case_envelope)
        for name in approvers:
            await self.board.post("approval", sign(make_approval(self.matter.case, name), f"acme/{name}"))
        return self.matter.case.statement_hash

    async def with_warrant(self) -> bytes:
        case = await self.with_case("abel", "adah")
        ack = await issue_warrant(self.board, case, self.matter.manifest_envelope)
        return merkle.leaf_hash(ack.leaf)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    database = open_database(tmp_path / "escrow.db")
    made = Scene(database)
    await made.board.load(sign_roster(made.matter.roster))
    yield made
    await database.close()


async def refused(rule: Rule, scene: Scene, kind: str, dsse: bytes) -> None:
    before = await scene.board.page(0, 0, 1000, frozenset({"auditor"}))
    with pytest.raises(Refused) as refusal:
        await scene.board.post(kind, dsse)
    assert refusal.value.rule is rule
    assert await scene.board.page(0, 0, 1000, frozenset({"auditor"})) == before


async def test_the_founding_roster_is_leaf_0(scene: Scene) -> None:
    (first,) = await scene.board.page(0, 0, 1000, frozenset())
    assert (first.index, AuditLeaf.FromString(first.leaf).kind) == (0, "roster")


async def test_a_statement_is_acknowledged_with_its_leaf_and_the_same_again_with_the_same(scene: Scene) -> None:
    ack = await scene.board.post("case", scene.matter.case_envelope)
    verify_ack(key("acme/escrow").public, scene.matter.roster.audit_origin, Ack.FromString(ack.SerializeToString()))
    leaf = AuditLeaf.FromString(ack.leaf)
    assert (ack.index, leaf.kind, leaf.statement_hash) == (1, "case", scene.matter.case.statement_hash)
    scene.now_ms += MINUTE
    assert await scene.board.post("case", scene.matter.case_envelope) == ack


async def test_leaf_times_never_decrease(scene: Scene) -> None:
    first = await scene.board.post("case", scene.matter.case_envelope)
    scene.now_ms -= HOUR
    second = await scene.board.post("case", sign(make_case(matter="M-2"), "acme/rita"))
    assert AuditLeaf.FromString(second.leaf).time_ms >= AuditLeaf.FromString(first.leaf).time_ms


@pytest.mark.rule(Rule.CASE_SIGNATURE)
async def test_a_case_is_a_reviewers(scene: Scene) -> None:
    await refused(Rule.CASE_SIGNATURE, scene, "case", sign(make_case(), "acme/abel"))


@pytest.mark.rule(Rule.APPROVAL_SELF)
async def test_nobody_approves_their_own_case(scene: Scene) -> None:
    case = make_case(requester="abel")
    await scene.board.post("case", sign(case, "acme/rita"))
    await refused(Rule.APPROVAL_SELF, scene, "approval", sign(make_approval(case, "abel"), "acme/abel"))


@pytest.mark.rule(Rule.DSSE_SIGNATURE)
async def test_nobody_speaks_in_anothers_name(scene: Scene) -> None:
    case = await scene.with_case()
    forged = {
        "approval": sign(make_approval(scene.matter.case, "abel"), "acme/adah"),
        "rejection": sign(Rejection(case, "abel", "", scene.now_ms), "acme/rita"),
        "closing": sign(Closing(case, "rita", "", (), (), key_destroyed=True, closed_ms=scene.now_ms), "acme/carl"),
        "hold": sign(
            Hold("M", "olga", scene.matter.case.subjects, (), scene.matter.case.window, "", scene.now_ms), "acme/olga"
        ),
        "revocation": sign(Revocation("case", case.hex(), "abel", "", scene.now_ms), "acme/abel"),
    }
    for kind, dsse in forged.items():
        await refused(Rule.DSSE_SIGNATURE, scene, kind, dsse)


@pytest.mark.rule(Rule.ROSTER_CHAIN)
async def test_a_roster_follows_the_newest_and_both_quorums_sign(scene: Scene) -> None:
    second = successor(scene.matter.roster)
    await refused(Rule.ROSTER_CHAIN, scene, "roster", sign_roster(second, "olga"))
    await refused(Rule.ROSTER_CHAIN, scene, "roster", sign_roster(replace(second, version=3)))
    ack = await scene.board.post("roster", sign_roster(second))
    assert scene.board.state.roster.version == 2
    # Posted twice, as by both officers, it is in the log once; nobody is told to collect signatures.
    assert await scene.board.post("roster", sign_roster(second)) == ack
    assert scene.board.state.roster.version == 2


@pytest.mark.rule(Rule.ROSTER_CHAIN)
async def test_another_founding_roster_starts_nothing(tmp_path: Path) -> None:
    database = open_database(tmp_path / "other.db")
    board = Board(database, BoardState(make_roster().statement_hash), key("acme/escrow"), lambda: 0)
    with pytest.raises(Refused) as refusal:
        await board.load(sign_roster(make_roster(version=1, default_class="ten-years")))
    assert refusal.value.rule is Rule.ROSTER_CHAIN
    await database.close()


@pytest.mark.rule(Rule.ESCROW_CERTIFICATE)
async def test_a_certificate_needs_every_custodian(scene: Scene) -> None:
    certificate = scene.matter.archive.certificates["acme"]
    await refused(Rule.ESCROW_CERTIFICATE, scene, "escrow-key", sign_certificate(certificate, "carl", "olga", "omar"))
    await scene.board.post("escrow-key", sign_certificate(certificate))
    assert len(scene.board.state.certificates) == 1


@pytest.mark.rule(Rule.GATE_REVOKED)
async def test_a_revoked_case_is_not_approved(scene: Scene) -> None:
    case = await scene.with_case()
    await scene.board.post("revocation", sign(Revocation("case", case.hex(), "rita", "", scene.now_ms), "acme/rita"))
    await refused(Rule.GATE_REVOKED, scene, "approval", sign(make_approval(scene.matter.case, "abel"), "acme/abel"))


@pytest.mark.parametrize("kind", ["warrant", "release", "vault-release", "manifest", "unheard-of"])
async def test_other_kinds_are_not_posted(scene: Scene, kind: str) -> None:
    with pytest.raises(MalformedInput):
        await scene.board.post(kind, scene.matter.warrant_envelope)


async def test_what_is_about_an_unknown_case_is_not_taken(scene: Scene) -> None:
    with pytest.raises(NotFound):
        await scene.board.post("approval", sign(make_approval(scene.matter.case, "abel"), "acme/abel"))


async def test_a_warrant_names_case_approvals_and_manifest(scene: Scene) -> None:
    case = await scene.with_case("abel", "adah")
    ack = await issue_warrant(scene.board, case, scene.matter.manifest_envelope)
    (logged,) = scene.board.state.case(case).warrants
    assert logged.position == ack.index
    assert logged.warrant.manifest == scene.matter.manifest.statement_hash
    assert len(logged.warrant.approvals) == 2
    scene.now_ms += MINUTE
    assert (await issue_warrant(scene.board, case, scene.matter.manifest_envelope)).index == ack.index


@pytest.mark.rule(Rule.APPROVAL_QUORUM)
async def test_no_warrant_without_the_quorum(scene: Scene) -> None:
    case = await scene.with_case("abel", "amos")  # two people of one group
    with pytest.raises(Refused) as refusal:
        await issue_warrant(scene.board, case, scene.matter.manifest_envelope)
    assert refusal.value.rule is Rule.APPROVAL_QUORUM
    assert scene.board.state.case(case).warrants == []


@pytest.mark.rule(Rule.GATE_MANIFEST)
async def test_no_warrant_over_a_manifest_that_the_relay_did_not_sign(scene: Scene) -> None:
    case = await scene.with_case("abel", "adah")
    with pytest.raises(Refused) as refusal:
        await issue_warrant(scene.board, case, sign(scene.matter.manifest, "acme/escrow"))
    assert refusal.value.rule is Rule.GATE_MANIFEST


@pytest.mark.rule(Rule.GATE_REVOKED)
async def test_no_warrant_for_a_revoked_case(scene: Scene) -> None:
    case = await scene.with_case("abel", "adah")
    await scene.board.post("revocation", sign(Revocation("case", case.hex(), "rita", "", scene.now_ms), "acme/rita"))
    with pytest.raises(Refused) as refusal:
        await issue_warrant(scene.board, case, scene.matter.manifest_envelope)
    assert refusal.value.rule is Rule.GATE_REVOKED


@pytest.mark.rule(Rule.ROSTER_EXPIRED)
async def test_no_warrant_under_an_expired_roster(scene: Scene) -> None:
    case = await scene.with_case("abel", "adah")
    scene.now_ms = scene.matter.roster.expires_ms
    with pytest.raises(Refused) as refusal:
        await issue_warrant(scene.board, case, scene.matter.manifest_envelope)
    assert refusal.value.rule is Rule.ROSTER_EXPIRED


async def test_an_expired_approval_is_left_out_of_the_warrant(scene: Scene) -> None:
    case = await scene.with_case("abel", "adah")
    short = make_approval(scene.matter.case, "amos", expires_ms=scene.now_ms + MINUTE)
    await scene.board.post("approval", sign(short, "acme/amos"))
    scene.now_ms += HOUR
    await issue_warrant(scene.board, case, scene.matter.manifest_envelope)
    assert len(scene.board.state.case(case).warrants[0].warrant.approvals) == 2


def release_of(scene: Scene, leaf: bytes, sealed_hash: bytes, *hashes: bytes) -> bytes:
    case = scene.matter.case.statement_hash
    statement = Release(leaf, case, 1, tuple(sorted(hashes)), sealed_hash, "carl")
    return statement.sign([signer(key("acme/carl"))])


async def test_a_release_is_logged_with_its_bundle(scene: Scene) -> None:
    leaf = await scene.with_warrant()
    release = release_of(scene, leaf, bundle_hash(b"sealed"), bytes(64))
    ack = await post_bundle(scene.board, release, b"sealed")
    assert await post_bundle(scene.board, release, b"sealed") == ack
    (shown,) = await scene.board.bundles(scene.matter.case.statement_hash)
    assert (shown.release, shown.sealed_bundle, shown.index) == (release, b"sealed", ack.index)
    again = scene.new_board()
    await again.load(sign_roster(scene.matter.roster))
    assert await post_bundle(again, release, b"sealed") == ack


@pytest.mark.rule(Rule.GATE_ONCE)
async def test_a_second_different_release_of_a_session_is_not_logged(scene: Scene) -> None:
    leaf = await scene.with_warrant()
    await post_bundle(scene.board, release_of(scene, leaf, bundle_hash(b"one"), bytes(64)), b"one")
    second = release_of(scene, leaf, bundle_hash(b"two"), bytes(64), b"n" * 64)
    with pytest.raises(Refused) as refusal:
        await post_bundle(scene.board, second, b"two")
    assert refusal.value.rule is Rule.GATE_ONCE


@pytest.mark.rule(Rule.RELEASE_BINDING)
async def test_a_release_of_another_bundle_is_not_logged(scene: Scene) -> None:
    leaf = await scene.with_warrant()
    with pytest.raises(Refused) as refusal:
        await post_bundle(scene.board, release_of(scene, leaf, bundle_hash(b"one"), bytes(64)), b"two")
    assert refusal.value.rule is Rule.RELEASE_BINDING


async def test_a_release_for_an_unknown_warrant_is_not_logged(scene: Scene) -> None:
    await scene.with_warrant()
    with pytest.raises(NotFound):
        await post_bundle(scene.board, release_of(scene, bytes(32), bundle_hash(b"one"), bytes(64)), b"one")


async def test_openings_and_closings_are_the_reviewers(scene: Scene) -> None:
    leaf = await scene.with_warrant()
    case = scene.matter.case.statement_hash
    opening = Opening(case, leaf, "rita", (), 0, scene.now_ms, "tapeline 0")
    await scene.board.post("opening", sign(opening, "acme/rita"))
    with pytest.raises(NotFound):
        await scene.board.post("opening", sign(replace(opening, warrant_leaf=bytes(32)), "acme/rita"))
    closing = Closing(case, "rita", "done", (), (), key_destroyed=True, closed_ms=scene.now_ms)
    await scene.board.post("closing", sign(closing, "acme/rita"))


async def test_an_exception_is_the_officers_and_of_an_open_case(scene: Scene) -> None:
    leaf = await scene.with_case("abel")
    exception = RecordException(leaf, bytes(64), "REC-6", "A leaf was withheld.", scene.now_ms)
    officers = ("acme/olga", "acme/omar")
    with pytest.raises(Refused) as refusal:
        await scene.board.post("exception", sign(exception, "acme/olga"))
    assert refusal.value.rule is Rule.DSSE_SIGNATURE
    with pytest.raises(NotFound):
        await scene.board.post("exception", sign(replace(exception, case=bytes(64)), *officers))
    ack = await scene.board.post("exception", sign(exception, *officers))
    assert AuditLeaf.FromString(ack.leaf).about == leaf
    await scene.board.post("closing", sign(Closing(leaf, "rita", "done", (), (), True, scene.now_ms), "acme/rita"))
    with pytest.raises(Refused) as refusal:
        await scene.board.post("exception", sign(replace(exception, rule="REC-7"), *officers))
    assert refusal.value.rule is Rule.GATE_CLOSED


async def test_a_board_that_restarts_says_the_same(scene: Scene) -> None:
    await scene.with_warrant()
    before = await scene.board.page(0, 0, 1000, frozenset({"auditor"}))
    again = scene.new_board()
    await again.load(sign_roster(scene.matter.roster))
    assert await again.page(0, 0, 1000, frozenset({"auditor"})) == before
    assert again.state.case(scene.matter.case.statement_hash).warrants == (
        scene.board.state.case(scene.matter.case.statement_hash).warrants
    )


async def test_texts_are_for_those_with_the_role(scene: Scene) -> None:
    await scene.with_case()
    for roles, readable in (({"officer"}, False), ({"enroller"}, False), ({"approver"}, True), ({"custodian"}, True)):
        page = await scene.board.page(0, 0, 1000, frozenset(roles))
        assert [bool(item.dsse) for item in page] == [True, readable]
    assert may_read("roster", frozenset())
    assert not may_read("release", frozenset({"officer"}))


@pytest.mark.parametrize("since", [1, 2**63, 2**64 - 1])
async def test_a_page_beyond_the_log_is_empty(scene: Scene, since: int) -> None:
    assert await scene.board.page(since, 0, 1, frozenset({"auditor"})) == []


async def test_what_happens_on_the_board_is_logged_by_kind_and_index_and_by_no_name(scene: Scene) -> None:
    with structlog.testing.capture_logs() as told:
        await scene.with_warrant()
        await scene.board.post("case", scene.matter.case_envelope)  # nothing new happens
        with pytest.raises(Refused):
            await scene.board.post("case", sign(replace(make_case(), matter="another"), "acme/carl"))
    assert [(line["event"], line.get("kind")) for line in told] == [
        ("statement_logged", "case"),
        ("statement_logged", "approval"),
        ("statement_logged", "approval"),
        ("statement_logged", "manifest"),
        ("statement_logged", "warrant"),
        ("statement_refused", None),
    ]
    assert "rita" not in str(told)
