"""Warrants: the service checks what the gate will check of case, approvals and manifest, then signs and logs."""

from __future__ import annotations

from tapeline.base.rules import Rule, require
from tapeline.escrow.board import Board
from tapeline.escrow.state import CaseFile
from tapeline.escrow.store import NewStatement
from tapeline.governance.approvals import verify_approvals
from tapeline.governance.case import verify_case
from tapeline.governance.dsse import signer
from tapeline.governance.manifest import Manifest, verify_manifest
from tapeline.governance.warrant import Warrant
from tapeline.wire.v1 import escrow_pb2 as wire


async def issue_warrant(board: Board, case_hash: bytes, manifest: bytes) -> wire.AuditAck:
    """Log the manifest and a warrant over it, and return the warrant's acknowledgement; idempotent.

    1. The case is neither closed nor revoked.
    2. Its standing approvals form a quorum.
    3. The relay signed the manifest of this case, over a cosigned archive.

    Raises:
        NotFound: no such case.
        Refused: GOV-5 to GOV-10, GAT-2, GAT-3, GAT-13.
    """

    def admit_manifest() -> NewStatement:
        verify_manifest(manifest, board.state.roster, case=case_hash)
        return NewStatement("manifest", Manifest.envelope(manifest).statement_hash, case_hash, manifest)

    def make_warrant() -> NewStatement:
        warrant = _warrant(board, board.state.case(case_hash), manifest)
        dsse = warrant.sign([signer(board.key)])
        return NewStatement("warrant", warrant.statement_hash, case_hash, dsse)

    return (await board.add([admit_manifest, make_warrant]))[1]


def _warrant(board: Board, file: CaseFile, manifest: bytes) -> Warrant:
    state, now_ms = board.state, board.clock()
    require(now_ms < state.roster.expires_ms, Rule.ROSTER_EXPIRED, "The roster is expired.")
    verify_case(file.dsse, state.roster, now_ms)
    standing = state.standing(file, now_ms)
    standing.require_open()  # 1
    last = [standing.votes[one.approver.id].envelope for one in standing.approvals]
    verified = verify_approvals(last, file.case, state.roster, state.chain.in_force(now_ms), now_ms)  # 2
    listed = verify_manifest(manifest, state.roster, case=file.case.statement_hash)  # 3
    state.chain.verify_archive_note(listed.archive_note)
    hashes = tuple(sorted(one.approval.statement_hash for one in verified))
    for logged in file.warrants:
        if (logged.warrant.approvals, logged.warrant.manifest) == (hashes, listed.statement_hash):
            return logged.warrant
    return Warrant(
        case=file.case.statement_hash,
        approvals=hashes,
        manifest=listed.statement_hash,
        created_ms=now_ms,
        not_after_ms=min(file.case.expires_ms, *(one.approval.expires_ms for one in verified)),
    )
