"""Complaints are filed and asked after in turn: what nobody confirms keeps no later one from the relay."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from tapeline.client.alarms import COMPLAINTS, Alarms
from tapeline.client.store import alarms
from tapeline.client.store.alarms import AlarmRow
from tapeline.wire.v1.objects_pb2 import Ack

EVIDENCE = AlarmRow(1, "LOG-5", "two leaves", b"", b"", b"", (Ack(index=1), Ack(index=1)), position=COMPLAINTS + 1)


class Rows:
    """Alarms in memory; the store's own tests hold its tables."""

    def __init__(self, rows: list[AlarmRow]) -> None:
        self.rows = rows

    async def run(self, job):  # type: ignore[no-untyped-def]
        if job.func is alarms.load_all:
            return [row for row in self.rows if row.filed < alarms.LOGGED]
        place = next(n for n, row in enumerate(self.rows) if row.position == job.keywords["position"])
        self.rows[place] = replace(self.rows[place], filed=job.keywords["state"])
        return None


@pytest.mark.parametrize("filed_before", [0, alarms.FILED])
async def test_junk_that_nobody_confirms_silences_nobody(filed_before: int) -> None:
    junk = [
        AlarmRow(0, "MSG-7", "junk", b"", b"r" * 64, bytes([n]) * 64, filed=filed_before, position=n + 1)
        for n in range(COMPLAINTS)
    ]
    device = SimpleNamespace(clock=lambda: 0, database=Rows([*junk, EVIDENCE]))
    road = Alarms(device, SimpleNamespace(publish=lambda _: None))  # type: ignore[arg-type]
    asked: list[int] = []

    async def file(row: AlarmRow) -> int:
        asked.append(row.position)
        return alarms.FILED

    road._file = file  # type: ignore[method-assign]
    await road.file_complaints()
    assert asked[0] == EVIDENCE.position  # the relay's signed words first
    for _ in range(3):
        await road.file_complaints()
    assert set(asked) == {row.position for row in [*junk, EVIDENCE]}
