"""The store's tables, by version: a later version appends a step, none is ever changed."""

from __future__ import annotations

from sqlite3 import Connection

from tapeline.client.errors import StoreProblem

_V1 = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

-- Own prekeys; the secret half is emptied when the cursor has passed supersession + 24 h (protocol, Keys).
CREATE TABLE prekeys (
    prekey_id INTEGER PRIMARY KEY, prekey_hash BLOB NOT NULL UNIQUE, object BLOB NOT NULL, secret BLOB,
    not_after_ms INTEGER NOT NULL, created_ms INTEGER NOT NULL, superseded_ms INTEGER
);

-- Directory objects whose inclusion was proven once; replayed at opening.
CREATE TABLE directory (leaf_index INTEGER PRIMARY KEY, leaf BLOB NOT NULL, object BLOB NOT NULL);

-- Vault receipts in stock: a row leaves in the transaction that stores its record in the outbox.
CREATE TABLE stock (
    session_id BLOB PRIMARY KEY, firms TEXT NOT NULL, v_key_ids BLOB NOT NULL, q BLOB NOT NULL, cq BLOB NOT NULL,
    reservation BLOB NOT NULL, slots BLOB NOT NULL, receipts BLOB NOT NULL, expires_ms INTEGER NOT NULL
);

-- What is not acknowledged yet. `sealed` is empty until a session could be opened.
CREATE TABLE outbox (
    position INTEGER PRIMARY KEY AUTOINCREMENT, conversation BLOB NOT NULL, message_id BLOB NOT NULL,
    content BLOB NOT NULL, sealed BLOB NOT NULL, record_hash BLOB NOT NULL, message_index INTEGER NOT NULL,
    message_hash BLOB NOT NULL
);

CREATE TABLE conversations (
    conversation BLOB PRIMARY KEY, tag BLOB NOT NULL, next_sequence INTEGER NOT NULL, newest_leaf INTEGER NOT NULL,
    membership BLOB NOT NULL
);

-- Sessions seen. `state`: reading, own, withheld, dropped. `view` is kept until the leaf's own index is proven.
CREATE TABLE sessions (
    record_hash BLOB PRIMARY KEY, conversation BLOB NOT NULL, device BLOB NOT NULL, state TEXT NOT NULL,
    chain BLOB, next_index INTEGER NOT NULL, previous BLOB NOT NULL, not_after_ms INTEGER NOT NULL,
    leaf BLOB NOT NULL, leaf_index INTEGER NOT NULL, view BLOB
);

CREATE TABLE messages (
    position INTEGER PRIMARY KEY AUTOINCREMENT, conversation BLOB NOT NULL, sequence INTEGER NOT NULL,
    record_hash BLOB NOT NULL, message_index INTEGER NOT NULL, message_hash BLOB NOT NULL UNIQUE,
    firm TEXT NOT NULL, user TEXT NOT NULL, device BLOB NOT NULL, message_id BLOB NOT NULL, content BLOB NOT NULL,
    leaf_index INTEGER NOT NULL, relay_time_ms INTEGER NOT NULL, client_time_ms INTEGER NOT NULL
);
CREATE UNIQUE INDEX messages_once ON messages (user, firm, message_id);
CREATE INDEX messages_in_order ON messages (conversation, sequence);

-- Leaves that the relay acknowledged or delivered and that no checkpoint was seen to hold yet.
CREATE TABLE pending_leaves (
    leaf_index INTEGER PRIMARY KEY, leaf BLOB NOT NULL, seen_ms INTEGER NOT NULL
);

CREATE TABLE alarms (
    position INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, rule TEXT NOT NULL, cause TEXT NOT NULL,
    conversation BLOB NOT NULL, record_hash BLOB NOT NULL, message_hash BLOB NOT NULL, filed INTEGER NOT NULL
);
"""

_V2 = """
-- By index and leaf: a second leaf at an index convicts the relay, so neither replaces the other. The signatures are
-- the evidence, and stay until the leaf is proven.
DROP TABLE pending_leaves;
CREATE TABLE pending_leaves (
    leaf_index INTEGER NOT NULL, leaf BLOB NOT NULL, signature BLOB NOT NULL, seen_ms INTEGER NOT NULL,
    PRIMARY KEY (leaf_index, leaf)
) WITHOUT ROWID;

-- Acknowledgements that an alarm is about, each as signed; kept for good. `filed`: 0 not yet, 1 the relay took the
-- complaint, 2 the audit log holds it.
ALTER TABLE alarms ADD COLUMN acks BLOB NOT NULL DEFAULT x'';
"""

_V3 = """
-- One message id may stand for several contents: each is kept and shown, and the second is an alarm (`history.add`).
DROP INDEX messages_once;
CREATE INDEX messages_by_id ON messages (user, firm, message_id);

-- What decides when a session ends (`directory.ending`), and the newest message that was read before the directory was
-- known up to its leaf: whether the session had ended by then is judged once it is. 0 where nothing waits.
ALTER TABLE sessions ADD COLUMN membership BLOB NOT NULL DEFAULT x'';
ALTER TABLE sessions ADD COLUMN note_size INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN unsettled_leaf INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN unsettled_ms INTEGER NOT NULL DEFAULT 0;
"""

_STEPS = (_V1, _V2, _V3)
VERSION = len(_STEPS)


def migrate(connection: Connection) -> None:
    """Bring the tables up to this version's, in one transaction.

    Raises:
        StoreProblem: the store was written by a later version.
    """
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found > VERSION:
        raise StoreProblem("The store was written by a later version.", "Update this software.")
    if found == VERSION:
        return
    steps = "\n".join(_STEPS[found:])
    connection.executescript(f"BEGIN IMMEDIATE;\n{steps}\nPRAGMA user_version = {VERSION};\nCOMMIT;")
