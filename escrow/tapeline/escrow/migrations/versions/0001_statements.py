"""Statements, bundles, ceremonies, what was mirrored, and the audit log.

Revision ID: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# A destroyed share takes the board's messages addressed to it along, so those may be deleted, never changed.
_TRIGGERS = (
    *((table, action) for table in ("statement", "bundle", "ceremony", "log_leaf") for action in ("UPDATE", "DELETE")),
    ("ceremony_message", "UPDATE"),
)


def upgrade() -> None:
    """Create the tables, and triggers by which the database itself refuses to change what was accepted."""
    _statements()
    _ceremonies()
    _log()
    for table, action in _TRIGGERS:
        op.execute(
            f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


def downgrade() -> None:
    """Refuse: a log is not taken back."""
    raise NotImplementedError("the first migration is not undone")


def _statements() -> None:
    op.create_table(
        "statement",
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("statement_hash", sa.LargeBinary(64), nullable=False, unique=True),
        sa.Column("about", sa.LargeBinary(64), nullable=False),
        sa.Column("dsse", sa.LargeBinary, nullable=False),
        sa.Column("leaf", sa.LargeBinary, nullable=False),
        sa.Column("time_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("statement_about", "statement", ["about", "position"])
    op.create_table(
        "bundle",
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("about", sa.LargeBinary(64), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_bundle_about", "bundle", ["about"])
    op.create_table(
        "mirrored",
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("archive_index", sa.BigInteger, nullable=False),
    )


def _ceremonies() -> None:
    op.create_table(
        "ceremony",
        sa.Column("id", sa.LargeBinary(64), primary_key=True),
        sa.Column("parameters", sa.LargeBinary, nullable=False),
        sa.Column("officer", sa.String(64), nullable=False),
        sa.Column("signature", sa.LargeBinary(64), nullable=False),
        sa.Column("opened_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "ceremony_message",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("ceremony", sa.LargeBinary(64), nullable=False),
        sa.Column("round", sa.String(16), nullable=False),
        sa.Column("custodian", sa.String(64), nullable=False),
        sa.Column("message", sa.LargeBinary, nullable=False),
    )
    op.create_index("ceremony_message_once", "ceremony_message", ["ceremony", "round", "custodian"], unique=True)


def _log() -> None:
    op.create_table(
        "log_leaf",
        sa.Column("index", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("leaf_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "log_tile",
        sa.Column("level", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("tile_index", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "log_note",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("note", sa.LargeBinary, nullable=False),
        sa.Column("is_cosigned", sa.Boolean, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_log_note_size", "log_note", ["size"])
