"""The relay's tables; the archive log's own stand in the same database, so that leaf and record commit together."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

from tapeline.tlog.storage import log_tables

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

archive = log_tables(metadata, "archive")

# SQLite numbers rows by itself only where the key is a plain INTEGER.
_Number = BigInteger().with_variant(Integer, "sqlite")

conversation = Table(
    "conversation",
    metadata,
    Column("number", _Number, primary_key=True),
    Column("id", LargeBinary(64), nullable=False, unique=True),
    Column("tag", LargeBinary(16), nullable=False, unique=True),
)

# One row for each leaf: the object that the leaf names, and its place in a conversation.
entry = Table(
    "entry",
    metadata,
    Column("leaf_index", BigInteger, ForeignKey(archive.leaf.c.index), primary_key=True, autoincrement=False),
    Column("type", Integer, nullable=False),
    Column("conversation", _Number, ForeignKey(conversation.c.number)),
    Column("sequence", BigInteger),
    Column("object", LargeBinary, nullable=False),
    UniqueConstraint("conversation", "sequence"),
)

# What the directory replays: rosters, certificates, revocations, devices, prekeys, memberships.
directory_object = Table(
    "directory_object",
    metadata,
    Column("leaf_index", BigInteger, ForeignKey(entry.c.leaf_index), primary_key=True, autoincrement=False),
    Column("object_hash", LargeBinary(64), nullable=False, unique=True),
)

session = Table(
    "session",
    metadata,
    Column("number", _Number, primary_key=True),
    Column("leaf_index", BigInteger, ForeignKey(entry.c.leaf_index), nullable=False, unique=True),
    Column("record_hash", LargeBinary(64), nullable=False, unique=True),
    # Protocol, Session record: session id, cq and C0 are unique at the relay.
    Column("session_id", LargeBinary(32), nullable=False, unique=True),
    Column("reservation", LargeBinary(64), nullable=False, unique=True),
    Column("cq", LargeBinary(64), nullable=False, unique=True),
    Column("c0", LargeBinary(32), nullable=False, unique=True),
    Column("conversation", _Number, ForeignKey(conversation.c.number), nullable=False, index=True),
    Column("sender_device", LargeBinary(64), nullable=False),
    Column("membership", LargeBinary(64), nullable=False),
    Column("note_size", BigInteger, nullable=False),
    Column("leaf_time_ms", BigInteger, nullable=False),
    Column("not_after_ms", BigInteger, nullable=False),
)

message = Table(
    "message",
    metadata,
    Column("session", _Number, ForeignKey(session.c.number), primary_key=True, autoincrement=False),
    Column("index", Integer, primary_key=True, autoincrement=False),
    Column("leaf_index", BigInteger, ForeignKey(entry.c.leaf_index), nullable=False, unique=True),
    Column("message_hash", LargeBinary(64), nullable=False),
)

# A second signed ciphertext at a used (session, index): its device forked its chain (rule MSG-4).
evidence = Table(
    "evidence",
    metadata,
    Column("message_hash", LargeBinary(64), primary_key=True),
    Column("session", _Number, ForeignKey(session.c.number), nullable=False),
    Column("index", Integer, nullable=False),
    Column("object", LargeBinary, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
)

# What devices complained of; kept as signed.
complaint = Table(
    "complaint",
    metadata,
    Column("number", _Number, primary_key=True),
    Column("object_hash", LargeBinary(64), nullable=False, unique=True),
    Column("device_entry", LargeBinary(64), nullable=False),
    Column("rule", String(32), nullable=False),
    Column("object", LargeBinary, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
)
Index("ix_complaint_device", complaint.c.device_entry, complaint.c.received_ms)

# The escrow service's word that a complaint is a leaf of its audit log.
complaint_logged = Table(
    "complaint_logged",
    metadata,
    Column("complaint", _Number, ForeignKey(complaint.c.number), primary_key=True, autoincrement=False),
    Column("ack", LargeBinary, nullable=False),
)

# What the relay's own gate saw last of a firm's audit log: size, root, and the witnesses' time.
audit_seen = Table(
    "audit_seen",
    metadata,
    Column("firm", String(64), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("time_ms", BigInteger, nullable=False),
)
