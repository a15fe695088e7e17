"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_KEPT = ("archive_leaf", "entry", "directory_object", "session", "message", "evidence", "complaint")


def upgrade() -> None:
    """Make the archive log's tables, the relay's, and the triggers that keep rows as they are."""
    _log_tables()
    _entries()
    _sessions()
    _reports()
    if op.get_bind().dialect.name == "sqlite":
        _triggers()


def _log_tables() -> None:
    op.create_table(
        "archive_leaf",
        sa.Column("index", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("index", name="pk_archive_leaf"),
    )
    op.create_table(
        "archive_tile",
        sa.Column("level", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("tile_index", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("level", "tile_index", name="pk_archive_tile"),
    )
    op.create_table(
        "archive_note",
        sa.Column("id", _Number, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("note", sa.LargeBinary, nullable=False),
        sa.Column("is_cosigned", sa.Boolean, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_archive_note"),
    )
    op.create_index("ix_archive_note_size", "archive_note", ["size"])


def _entries() -> None:
    op.create_table(
        "conversation",
        sa.Column("number", _Number, nullable=False),
        sa.Column("id", sa.LargeBinary(64), nullable=False),
        sa.Column("tag", sa.LargeBinary(16), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_conversation"),
        sa.UniqueConstraint("id", name="uq_conversation_id"),
        sa.UniqueConstraint("tag", name="uq_conversation_tag"),
    )
    op.create_table(
        "entry",
        sa.Column("leaf_index", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("type", sa.Integer, nullable=False),
        sa.Column("conversation", _Number),
        sa.Column("sequence", sa.BigInteger),
        sa.Column("object", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("leaf_index", name="pk_entry"),
        sa.ForeignKeyConstraint(["leaf_index"], ["archive_leaf.index"], name="fk_entry_leaf_index"),
        sa.ForeignKeyConstraint(["conversation"], ["conversation.number"], name="fk_entry_conversation"),
        sa.UniqueConstraint("conversation", "sequence", name="uq_entry_conversation_sequence"),
    )
    op.create_table(
        "directory_object",
        sa.Column("leaf_index", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("object_hash", sa.LargeBinary(64), nullable=False),
        sa.PrimaryKeyConstraint("leaf_index", name="pk_directory_object"),
        sa.ForeignKeyConstraint(["leaf_index"], ["entry.leaf_index"], name="fk_directory_object_leaf_index"),
        sa.UniqueConstraint("object_hash", name="uq_directory_object_object_hash"),
    )


def _sessions() -> None:
    unique = ("leaf_index", "record_hash", "session_id", "reservation", "cq", "c0")
    op.create_table(
        "session",
        sa.Column("number", _Number, nullable=False),
        sa.Column("leaf_index", sa.BigInteger, nullable=False),
        sa.Column("record_hash", sa.LargeBinary(64), nullable=False),
        sa.Column("session_id", sa.LargeBinary(32), nullable=False),
        sa.Column("reservation", sa.LargeBinary(64), nullable=False),
        sa.Column("cq", sa.LargeBinary(64), nullable=False),
        sa.Column("c0", sa.LargeBinary(32), nullable=False),
        sa.Column("conversation", _Number, nullable=False),
        sa.Column("sender_device", sa.LargeBinary(64), nullable=False),
        sa.Column("membership", sa.LargeBinary(64), nullable=False),
        sa.Column("note_size", sa.BigInteger, nullable=False),
        sa.Column("leaf_time_ms", sa.BigInteger, nullable=False),
        sa.Column("not_after_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_session"),
        sa.ForeignKeyConstraint(["leaf_index"], ["entry.leaf_index"], name="fk_session_leaf_index"),
        sa.ForeignKeyConstraint(["conversation"], ["conversation.number"], name="fk_session_conversation"),
        *(sa.UniqueConstraint(name, name=f"uq_session_{name}") for name in unique),
    )
    op.create_index("ix_session_conversation", "session", ["conversation"])
    op.create_table(
        "message",
        sa.Column("session", _Number, autoincrement=False, nullable=False),
        sa.Column("index", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("leaf_index", sa.BigInteger, nullable=False),
        sa.Column("message_hash", sa.LargeBinary(64), nullable=False),
        sa.PrimaryKeyConstraint("session", "index", name="pk_message"),
        sa.ForeignKeyConstraint(["session"], ["session.number"], name="fk_message_session"),
        sa.ForeignKeyConstraint(["leaf_index"], ["entry.leaf_index"], name="fk_message_leaf_index"),
        sa.UniqueConstraint("leaf_index", name="uq_message_leaf_index"),
    )


def _reports() -> None:
    op.create_table(
        "evidence",
        sa.Column("message_hash", sa.LargeBinary(64), nullable=False),
        sa.Column("session", _Number, nullable=False),
        sa.Column("index", sa.Integer, nullable=False),
        sa.Column("object", sa.LargeBinary, nullable=False),
        sa.Column("received_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("message_hash", name="pk_evidence"),
        sa.ForeignKeyConstraint(["session"], ["session.number"], name="fk_evidence_session"),
    )
    op.create_table(
        "complaint",
        sa.Column("object_hash", sa.LargeBinary(64), nullable=False),
        sa.Column("leaf_index", sa.BigInteger, nullable=False),
        sa.Column("device_entry", sa.LargeBinary(64), nullable=False),
        sa.Column("rule", sa.String(32), nullable=False),
        sa.Column("object", sa.LargeBinary, nullable=False),
        sa.Column("received_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("object_hash", name="pk_complaint"),
        sa.ForeignKeyConstraint(["leaf_index"], ["entry.leaf_index"], name="fk_complaint_leaf_index"),
    )
    op.create_table(
        "audit_seen",
        sa.Column("firm", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("root", sa.LargeBinary(32), nullable=False),
        sa.Column("time_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("firm", name="pk_audit_seen"),
    )


def _triggers() -> None:
    # A seat belt against slips (governance, Retention); the proof that nothing changed is the log.
    for table in _KEPT:
        for action in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, 'archived rows stay as they are'); END"
            )
