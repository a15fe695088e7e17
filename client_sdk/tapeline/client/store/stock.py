"""The stock of vault receipts: reservations that wait for a session, each with its q."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from sqlite3 import Connection

from tapeline.base.secret import Secret
from tapeline.crypto.reservation import PendingReservation

_COLUMNS = "session_id, firms, v_key_ids, q, cq, reservation, slots, receipts, expires_ms"


@dataclass(frozen=True, slots=True)
class Stocked:
    """A reservation with its receipts, in the order of firms."""

    reservation: PendingReservation
    receipts: tuple[bytes, ...]


def add(connection: Connection, stocked: Stocked) -> None:
    """Put a reservation with all its receipts into the stock."""
    one = stocked.reservation
    connection.execute(
        f"INSERT INTO stock ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - no outside text
        (
            one.session_id,
            json.dumps(one.firms),
            _pack(one.v_key_ids),
            one.q.reveal(),
            one.cq,
            one.reservation,
            _pack(one.slots),
            _pack(stocked.receipts),
            one.expires_ms,
        ),
    )


def load_all(connection: Connection) -> list[Stocked]:
    """Return the stock, soonest to expire first."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM stock ORDER BY expires_ms")  # noqa: S608
    return [
        Stocked(
            PendingReservation(
                session_id=row[0],
                firms=tuple(json.loads(row[1])),
                v_key_ids=_unpack(row[2]),
                q=Secret(row[3]),
                cq=row[4],
                reservation=row[5],
                slots=_unpack(row[6]),
                expires_ms=row[8],
            ),
            _unpack(row[7]),
        )
        for row in rows
    ]


def remove(connection: Connection, session_id: bytes) -> None:
    """Take a reservation out: it is used, or expired."""
    connection.execute("DELETE FROM stock WHERE session_id = ?", (session_id,))


def _pack(parts: Sequence[bytes]) -> bytes:
    return b"".join(len(part).to_bytes(4, "little") + part for part in parts)


def _unpack(packed: bytes) -> tuple[bytes, ...]:
    parts, place = [], 0
    while place < len(packed):
        length = int.from_bytes(packed[place : place + 4], "little")
        parts.append(packed[place + 4 : place + 4 + length])
        place += 4 + length
    return tuple(parts)
