"""The tables: outbox order, one message once, cursors that only go forward, a stock that is used up."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from tapeline.base.secret import Secret
from tapeline.client.store import alarms, history, identity, inbox, leaves, outbox, prekeys, stock
from tapeline.client.store.alarms import AlarmRow
from tapeline.client.store.history import Added, MessageRow
from tapeline.client.store.identity import Identity
from tapeline.client.store.inbox import ConversationRow, SessionRow, SessionState
from tapeline.client.store.leaves import DirectoryRow, PendingLeaf
from tapeline.client.store.outbox import OutboxRow
from tapeline.client.store.prekeys import StoredPrekey
from tapeline.client.store.schema import migrate
from tapeline.client.store.stock import Stocked
from tapeline.crypto.reservation import PendingReservation


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    """The real schema; SQLCipher's file format is no matter of these tests."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    migrate(connection)  # a second opening changes nothing
    yield connection
    connection.close()


def message(number: int, *, message_id: bytes = b"", user: str = "ann") -> MessageRow:
    return MessageRow(
        conversation=b"c" * 64,
        sequence=number,
        record_hash=b"r" * 64,
        message_index=number,
        message_hash=number.to_bytes(64, "big"),
        firm="bank",
        user=user,
        device=b"d" * 64,
        message_id=message_id or number.to_bytes(16, "big"),
        content=b"content",
        leaf_index=number,
        relay_time_ms=1,
        client_time_ms=1,
    )


def test_the_outbox_keeps_order_and_ciphertexts(db: sqlite3.Connection) -> None:
    rows = [OutboxRow(b"c", message_id=bytes([n]), content=b"plain") for n in range(3)]
    for row in rows:
        row.position = outbox.add(db, row)
    record = OutboxRow(b"c", sealed=b"record", record_hash=b"r")
    record.position = outbox.add(db, record)
    for n, row in enumerate(rows[:2]):
        row.sealed, row.record_hash, row.message_index, row.message_hash = b"sealed", b"r", n, bytes([n])
    outbox.set_sealed(db, rows[:2])
    loaded = outbox.load_all(db)
    # The record was stored after the messages that it made sealable, and is sent before them.
    assert [row.is_record for row in loaded] == [True, False, False, False]
    assert loaded == [record, *rows]
    outbox.unseal(db, [rows[0].position])
    assert outbox.load_all(db)[1].sealed == b""
    assert outbox.load_all(db)[1].content == b"plain"
    outbox.remove(db, [record.position, rows[2].position])
    assert len(outbox.load_all(db)) == 2


def test_a_message_sent_again_is_stored_once_and_another_content_under_its_id_too(db: sqlite3.Connection) -> None:
    def named(index: int, **changes: object) -> MessageRow:
        row = message(index, message_id=b"m" * 16)
        for name, value in changes.items():
            setattr(row, name, value)
        return row

    again, hidden = named(2), named(3, content=b"dump the shares")
    assert history.add(db, named(1)) is Added.NEW
    assert history.add(db, again) is Added.REPEAT
    assert again.position == 0
    assert history.add(db, hidden) is Added.TWICE
    assert history.add(db, named(4, content=b"dump the shares")) is Added.REPEAT
    assert history.add(db, named(5, conversation=b"z" * 64)) is Added.TWICE, "elsewhere it says something else"
    assert history.add(db, named(6, user="ben")) is Added.NEW, "another sender may use the same id"
    assert [row.message_index for row in history.after(db, 0, 10)] == [1, 3, 5, 6]


def test_history_is_read_by_position_and_by_sequence(db: sqlite3.Connection) -> None:
    for number in (5, 3, 4):
        history.add(db, message(number))
    assert [row.sequence for row in history.after(db, 0, 2)] == [5, 3]
    assert [row.sequence for row in history.after(db, 2, 10)] == [4]
    assert [row.sequence for row in history.of_conversation(db, b"c" * 64, 4, 10)] == [4, 5]


def test_the_applications_cursor_never_goes_back(db: sqlite3.Connection) -> None:
    assert history.handled(db) == 0
    history.set_handled(db, 7)
    history.set_handled(db, 3)
    assert history.handled(db) == 7


def test_cursors_and_sessions_are_replaced_as_they_move(db: sqlite3.Connection) -> None:
    conversation = ConversationRow(b"c", b"t", 1, 10, b"m")
    inbox.put_conversation(db, conversation)
    conversation.next_sequence = 2
    inbox.put_conversation(db, conversation)
    assert inbox.load_conversations(db) == [conversation]
    ended = SessionRow(SessionState.READING, b"e", b"c", b"d", b"chain", 0, b"e", 50, b"", 1, None)
    running = SessionRow(SessionState.OWN, b"r", b"c", b"d", None, 0, b"r", 200, b"", 2, None)
    for row in (ended, running):
        inbox.put_session(db, row)
    assert inbox.load_sessions(db) == [ended, running]
    inbox.forget_sessions(db, [b"e"])
    assert inbox.load_sessions(db) == [running]


def test_who_has_spoken_counts_history_and_outbox(db: sqlite3.Connection) -> None:
    assert not history.has_spoken(db, b"c" * 64, b"d" * 64)
    outbox.add(db, OutboxRow(b"c" * 64, sealed=b"a record says nothing", record_hash=b"r"))
    assert not history.has_spoken(db, b"c" * 64, b"d" * 64)
    history.add(db, message(1))
    assert history.has_spoken(db, b"c" * 64, b"d" * 64)
    assert not history.has_spoken(db, b"c" * 64, b"another device")
    outbox.add(db, OutboxRow(b"other", message_id=b"m"))
    assert history.has_spoken(db, b"other", b"d" * 64)


def test_stock_and_prekeys_keep_their_secrets_until_told(db: sqlite3.Connection) -> None:
    pending = PendingReservation(
        session_id=b"s" * 32,
        q=Secret(b"q" * 32),
        cq=b"c" * 64,
        reservation=b"res",
        slots=(b"one", b"two"),
        firms=("a", "b"),
        v_key_ids=(b"va", b"vb"),
        expires_ms=9,
    )
    stocked = Stocked(pending, (b"receipt one", b""))
    stock.add(db, stocked)
    assert stock.load_all(db) == [stocked]
    stock.remove(db, pending.session_id)
    assert stock.load_all(db) == []
    prekey = StoredPrekey(Secret(b"p" * 64), 1, b"h", b"object", 9, 8, None)
    prekeys.add(db, prekey)
    assert prekeys.load_all(db) == [prekey]
    prekeys.forget(db, b"h")
    assert prekeys.load_all(db)[0].secret is None


def test_identity_round_trips(db: sqlite3.Connection) -> None:
    assert identity.load(db) is None
    who = Identity("relay:1", "enroller:2", "laptop", Secret(b"s" * 32), "code", b"r" * 64, b"l" * 64)
    identity.save(db, who)
    assert identity.load(db) == who


def test_leaves_and_alarms_wait_until_settled(db: sqlite3.Connection) -> None:
    two, four = PendingLeaf(2, b"leaf", b"s2", 1), PendingLeaf(4, b"leaf", b"s4", 1)
    other = PendingLeaf(4, b"another leaf", b"s5", 1)
    leaves.add_pending(db, [four, two, other])
    leaves.add_pending(db, [PendingLeaf(4, b"leaf", b"later", 99)])
    assert leaves.load_pending(db) == [two, other, four]
    leaves.settle(db, [two, four])
    assert leaves.load_pending(db) == [other]
    leaves.settle(db, [other])
    assert leaves.load_pending(db) == []
    leaves.add_directory(db, [DirectoryRow(3, b"leaf", b"object")])
    assert leaves.load_directory(db) == [DirectoryRow(3, b"leaf", b"object")]
    ack = other.ack()
    alarms.add(db, AlarmRow(1, "LEF-2", "gap", b"", b"", b""))  # no complaint is due: it names nothing
    position = alarms.add(db, AlarmRow(1, "LOG-5", "two leaves", b"", b"", b"", (ack, ack)))
    alarms.add(db, AlarmRow(1, "REC-9", "record", b"", b"r" * 64, b""))
    assert [row.rule for row in alarms.load_all(db, unfinished=True)] == ["LOG-5", "REC-9"]
    alarms.set_filed(db, position, alarms.FILED)
    (row, _) = alarms.load_all(db, unfinished=True)
    assert (row.filed, row.acks) == (alarms.FILED, (ack, ack))
    alarms.set_filed(db, position, alarms.LOGGED)
    assert [len(alarms.load_all(db, unfinished=True)), len(alarms.load_all(db))] == [1, 3]


def test_alarms_without_end_fill_no_disk(db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarms, "KEPT", 3)
    places = [alarms.add(db, AlarmRow(number, "LEF-2", "gap", b"", b"", b"")) for number in range(5)]
    assert places[3:] == [0, 0]
    assert [row.at_ms for row in alarms.load_all(db)] == [0, 1, 2]
    evidence = AlarmRow(9, "LOG-5", "two leaves", b"", b"", b"", (PendingLeaf(1, b"leaf", b"s", 1).ack(),))
    assert alarms.add(db, evidence) > 0  # no junk crowds the relay's signed words out
