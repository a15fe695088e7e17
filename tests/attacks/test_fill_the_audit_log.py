"""An adversary with one role wants the audit log so long that no package of a warrant fits any more, for ever."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from gov_kit import Matter, key, make_approval, sign, sign_roster

from tapeline.base.errors import LimitExceeded
from tapeline.base.times import DAY
from tapeline.escrow.board import Board
from tapeline.escrow.database import open_database
from tapeline.escrow.quotas import BoardLimits
from tapeline.escrow.state import BoardState
from tapeline.governance.approval import Rejection, Withdrawal
from tapeline.rpc.principal import Principal, set_caller

LIMITS = BoardLimits()


class Scene:
    """A board with a case, on a real database."""

    def __init__(self, folder: Path) -> None:
        self.matter = Matter()
        self.now_ms = self.matter.filed_ms
        self.database = open_database(folder / "escrow.db")
        state = BoardState(self.matter.archive.pinned["acme"])
        self.board = Board(self.database, state, key("acme/escrow"), lambda: self.now_ms)

    def rejection(self, number: int) -> bytes:
        reason = f"reason {number}"
        return sign(Rejection(self.matter.case.statement_hash, "abel", reason, self.now_ms), "acme/abel")

    def withdrawal(self, number: int) -> bytes:
        reason = f"second thought {number}"
        return sign(Withdrawal(self.matter.case.statement_hash, "abel", reason, self.now_ms), "acme/abel")

    async def length(self) -> int:
        return len(await self.board.page(0, 0, 10_000, frozenset()))


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    made = Scene(tmp_path)
    await made.board.load(sign_roster(made.matter.roster))
    await made.board.post("case", made.matter.case_envelope)
    yield made
    await made.database.close()


@contextmanager
def calling(name: str) -> Iterator[None]:
    set_caller(Principal(key(f"acme/{name}").public, "acme", name, frozenset({"approver"})))
    try:
        yield
    finally:
        set_caller(None)


async def test_one_approver_rejects_again_and_again(scene: Scene) -> None:
    before, last = await scene.length(), scene.rejection(0)
    with calling("abel"):
        for number in range(LIMITS.an_hour):
            last = scene.rejection(number)
            await scene.board.post("rejection", last)
            await scene.board.post("withdrawal", scene.withdrawal(number))  # another rejection is no new word else
        for number in range(3):
            with pytest.raises(LimitExceeded):
                await scene.board.post("rejection", scene.rejection(1000 + number))
        ack = await scene.board.post("rejection", last)  # the same one again is no new leaf
    assert ack.index == before + 2 * LIMITS.an_hour - 2
    assert await scene.length() == before + 2 * LIMITS.an_hour
    with calling("adah"):  # and nobody else is kept from their work
        await scene.board.post("approval", sign(make_approval(scene.matter.case, "adah"), "acme/adah"))
    with calling("abel"):
        scene.now_ms += DAY
        await scene.board.post("rejection", scene.rejection(2000))
