"""Releases and their sealed bundles: logged together; the service sees neither partials nor q."""

from __future__ import annotations

from tapeline.base.errors import NotFound
from tapeline.base.rules import Rule, require
from tapeline.escrow.board import Board
from tapeline.escrow.store import NewStatement
from tapeline.governance.dsse import kind_of
from tapeline.governance.release import (
    Release,
    VaultRelease,
    require_bound,
    verify_release,
    verify_vault_release,
)
from tapeline.wire.v1 import escrow_pb2 as wire

MAX_BUNDLE_BYTES = 8 * 1024 * 1024


async def post_bundle(board: Board, release: bytes, sealed_bundle: bytes) -> wire.AuditAck:
    """Log a release with its bundle; the same bytes again are acknowledged with their first leaf.

    Raises:
        Refused: GOV-1, REL-1 (another bundle, case or warrant), GAT-10 (a second, different release), GAT-2 and GAT-13
            (the case has ended), WIR-3.
        NotFound: no such case.
    """
    require(len(sealed_bundle) <= MAX_BUNDLE_BYTES, Rule.WIRE_SIZE, "A bundle is too large.")
    return (await board.add([lambda: _admit(board, release, sealed_bundle)], sealed_bundle))[0]


def _admit(board: Board, dsse: bytes, sealed_bundle: bytes) -> NewStatement:
    kind = kind_of(dsse)
    release, who = _verified(board, kind, dsse)
    file = board.state.case(release.case)
    if release.statement_hash not in file.releases:
        board.state.standing(file, board.clock()).require_open()
    logged = {one.leaf_hash for one in file.warrants}
    if release.warrant_leaf not in logged:
        raise NotFound("The release names a warrant that is not the case's.", "Fetch the newest warrant.")
    require_bound(release, sealed_bundle, warrant_leaf=release.warrant_leaf, case=release.case)
    answered = {(release.warrant_leaf, who, one) for one in release.record_hashes}
    require(
        file.released.isdisjoint(answered) or release.statement_hash in file.releases,
        Rule.GATE_ONCE,
        "A session was released by the same party for this warrant before.",
    )
    return NewStatement(kind, release.statement_hash, release.case, dsse)


def _verified(board: Board, kind: str, dsse: bytes) -> tuple[VaultRelease, str]:
    if kind == Release.kind:
        release = verify_release(dsse, board.state.roster)
        return release, release.custodian
    return verify_vault_release(dsse, board.state.roster), ""
