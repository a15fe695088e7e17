"""Alarms: what did not verify, kept until the application has seen them and the relay took the complaint."""

from __future__ import annotations

from dataclasses import dataclass
from sqlite3 import Connection

from tapeline.crypto.wire import encode
from tapeline.wire.v1.objects_pb2 import Ack, Complaint

FILED = 1
LOGGED = 2
KEPT = 10_000


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """One failed verification; hashes are empty where they do not apply."""

    at_ms: int
    rule: str
    cause: str
    conversation: bytes
    record_hash: bytes
    message_hash: bytes
    acks: tuple[Ack, ...] = ()
    filed: int = 0
    position: int = 0


def add(connection: Connection, alarm: AlarmRow) -> int:
    """Store an alarm and return its position; 0 where the store holds `KEPT` already, and nothing more is kept.

    Whoever can provoke alarms could otherwise fill the disk. The first ones are kept, since they tell the cause; the
    application hears of each.
    """
    # Those that hold the relay's signed words have room of their own: no junk crowds evidence out.
    acks = encode(Complaint(acks=alarm.acks))
    kept = "SELECT count(*) FROM alarms WHERE (acks <> x'') = ?"
    (count,) = connection.execute(kept, (bool(acks),)).fetchone()
    if count >= KEPT:
        return 0
    cursor = connection.execute(
        "INSERT INTO alarms (at_ms, rule, cause, conversation, record_hash, message_hash, acks, filed)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
        (
            alarm.at_ms,
            alarm.rule,
            alarm.cause,
            alarm.conversation,
            alarm.record_hash,
            alarm.message_hash,
            acks,
        ),
    )
    return cursor.lastrowid or 0


def load_all(connection: Connection, *, unfinished: bool = False) -> list[AlarmRow]:
    """Return all alarms, or those that a complaint is due of and not yet logged, oldest first."""
    condition = f"WHERE filed < {LOGGED} AND (record_hash <> x'' OR acks <> x'')" if unfinished else ""
    rows = connection.execute(
        "SELECT at_ms, rule, cause, conversation, record_hash, message_hash, acks, filed, position"  # noqa: S608
        f" FROM alarms {condition} ORDER BY position"
    )
    return [_row(*row) for row in rows]


def set_filed(connection: Connection, position: int, state: int) -> None:
    """Note that the relay took the complaint (`FILED`), or that the audit log holds it (`LOGGED`)."""
    connection.execute("UPDATE alarms SET filed = ? WHERE position = ?", (state, position))


def _row(
    at_ms: int, rule: str, cause: str, conversation: bytes, record: bytes, message: bytes, acks: bytes, *rest: int
) -> AlarmRow:
    filed, position = rest
    kept = tuple(Complaint.FromString(acks).acks)
    return AlarmRow(at_ms, rule, cause, conversation, record, message, kept, filed, position)
