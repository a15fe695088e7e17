"""Alarms: what did not verify, kept until the application has seen them and the relay took the complaint."""

from __future__ import annotations

from dataclasses import dataclass
from sqlite3 import Connection


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """One failed verification; hashes are empty where they do not apply."""

    at_ms: int
    rule: str
    cause: str
    conversation: bytes
    record_hash: bytes
    message_hash: bytes
    position: int = 0


def add(connection: Connection, alarm: AlarmRow) -> int:
    """Store an alarm and return its position."""
    cursor = connection.execute(
        "INSERT INTO alarms (at_ms, rule, cause, conversation, record_hash, message_hash, filed)"
        " VALUES (?, ?, ?, ?, ?, ?, 0)",
        (alarm.at_ms, alarm.rule, alarm.cause, alarm.conversation, alarm.record_hash, alarm.message_hash),
    )
    return cursor.lastrowid or 0


def load_all(connection: Connection, *, unfiled: bool = False) -> list[AlarmRow]:
    """Return all alarms, or those without a filed complaint, oldest first."""
    condition = "WHERE filed = 0" if unfiled else ""
    rows = connection.execute(
        "SELECT at_ms, rule, cause, conversation, record_hash, message_hash, position"  # noqa: S608
        f" FROM alarms {condition} ORDER BY position"
    )
    return [AlarmRow(*row) for row in rows]


def set_filed(connection: Connection, position: int) -> None:
    """Note that the relay took the complaint."""
    connection.execute("UPDATE alarms SET filed = 1 WHERE position = ?", (position,))
