"""Five custodian processes make a 3-of-5 escrow key; one is killed midway, and the escrow service too; both resume."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from deployment_kit import (
    CUSTODIANS,
    OFFICERS,
    PASSPHRASE,
    Deployment,
    escrow_side,
    join_ceremony,
    open_ceremony,
    post_certificate,
    start_escrow,
)
from process_kit import eventually

from tapeline.agent.desk import Desk, open_desk
from tapeline.agent.passphrase_store import open_store
from tapeline.base.seam import system_rng
from tapeline.base.secret import Secret
from tapeline.cli.custodian_common import STORE_PURPOSE
from tapeline.crypto.group import B, Scalar
from tapeline.crypto.keyfile import open_key_file
from tapeline.crypto.shamir import interpolate
from tapeline.custodian.ceremony.memory import CeremonyMemory
from tapeline.governance.certificate import verify_certificate

SECRET = Secret(PASSPHRASE.encode())


@pytest.mark.timeout(300)
def test_a_ceremony_of_five_processes_survives_kills(tmp_path: Path) -> None:
    with escrow_side(tmp_path) as (deployment, stack):
        opened = open_ceremony(deployment, threshold=3)
        ceremony = bytes.fromhex(opened["ceremony"])
        first = [join_ceremony(deployment, stack, name, opened["ceremony"]) for name in CUSTODIANS[:4]]
        with closing(_desk(deployment, OFFICERS[0])) as desk:
            eventually(lambda: _joined(desk, ceremony) == 4, what="four joined")

        first[0].kill()  # a custodian loses power between two rounds
        deployment.processes["escrow"].kill()  # and so does the board
        eventually(lambda: "does not answer" in first[1].log.read_text(), what="word of the board's absence")
        start_escrow(deployment, stack)
        eventually(lambda: "is back" in first[1].log.read_text(), what="word of the board's return")
        again = join_ceremony(deployment, stack, CUSTODIANS[0], opened["ceremony"])
        last = join_ceremony(deployment, stack, CUSTODIANS[4], opened["ceremony"])
        results = [process.result() for process in (again, *first[1:], last)]

        assert len({result["certificate"] for result in results}) == 1
        assert post_certificate(deployment, opened["ceremony"]) == results[0]["certificate"]
        _check_shares(deployment, tmp_path)
        assert [deployment.processes[name].stop() for name in ("escrow", "vault")] == [0, 0]


def _check_shares(deployment: Deployment, folder: Path) -> None:
    """Any three of the stored shares give the certified key, and the certificate stands in the audit log."""
    with closing(_desk(deployment, OFFICERS[0])) as desk:

        def logged() -> bytes:
            desk.audit.sync(desk.board)
            entries = desk.audit.of_kind("escrow-key")
            return entries[0].dsse if entries else b""

        certificate = verify_certificate(eventually(logged, what="the certificate is logged"), desk.audit.roster)
    shares = {}
    for name in (CUSTODIANS[0], CUSTODIANS[2], CUSTODIANS[4]):
        memory = CeremonyMemory(open_store(folder / name, SECRET, STORE_PURPOSE, system_rng))
        share = memory.share(certificate.escrow_key_id)
        assert share is not None
        shares[share.index] = share.secret
    secret: Scalar = interpolate(shares)
    assert secret.base_mul() == certificate.point
    assert certificate.threshold == 3
    assert certificate.point != B


def _joined(desk: Desk, ceremony: bytes) -> int:
    return sum(message.round == "join" for message in desk.board.ceremony(ceremony).messages)


def _desk(deployment: Deployment, name: str) -> Desk:
    key = open_key_file((deployment.folder / f"{name}.key").read_bytes(), SECRET)
    return open_desk(key, (deployment.folder / "roster.json").read_bytes(), deployment.escrow)
