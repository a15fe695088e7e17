"""Complaints by number, with the escrow service's word that the audit log holds them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables anew, and take over the complaints that are there."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    if is_sqlite:
        op.execute("DROP TRIGGER complaint_no_update")
        op.execute("DROP TRIGGER complaint_no_delete")
    op.rename_table("complaint", "complaint_before")
    op.create_table(
        "complaint",
        sa.Column("number", _Number, nullable=False),
        sa.Column("object_hash", sa.LargeBinary(64), nullable=False),
        sa.Column("device_entry", sa.LargeBinary(64), nullable=False),
        sa.Column("rule", sa.String(32), nullable=False),
        sa.Column("object", sa.LargeBinary, nullable=False),
        sa.Column("received_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_complaint_number"),
        sa.UniqueConstraint("object_hash", name="uq_complaint_object_hash"),
    )
    op.create_index("ix_complaint_device", "complaint", ["device_entry", "received_ms"])
    columns = "object_hash, device_entry, rule, object, received_ms"
    op.execute(f"INSERT INTO complaint ({columns}) SELECT {columns} FROM complaint_before ORDER BY received_ms")  # noqa: S608
    op.drop_table("complaint_before")
    op.create_table(
        "complaint_logged",
        sa.Column("complaint", _Number, autoincrement=False, nullable=False),
        sa.Column("ack", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("complaint", name="pk_complaint_logged"),
        sa.ForeignKeyConstraint(["complaint"], ["complaint.number"], name="fk_complaint_logged_complaint"),
    )
    if is_sqlite:
        for table in ("complaint", "complaint_logged"):
            for action in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, 'archived rows stay as they are'); END"
                )
