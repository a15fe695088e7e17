"""The service's tables: statements in the order of the audit log, sealed bundles, ceremonies, what was mirrored.

The log's own tables (leaves, tiles, notes) come from `tapeline.tlog` and share the metadata, so that a statement and
its leaf are stored in one transaction.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table

from tapeline.tlog.storage import log_tables

metadata = MetaData()

statement = Table(
    "statement",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),  # audit leaf index
    Column("kind", String(32), nullable=False),
    Column("statement_hash", LargeBinary(64), nullable=False, unique=True),
    Column("about", LargeBinary(64), nullable=False),  # case's statement hash; empty where it is about no case
    Column("dsse", LargeBinary, nullable=False),
    Column("leaf", LargeBinary, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Index("statement_about", "about", "position"),
)

bundle = Table(
    "bundle",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),  # of its release
    Column("about", LargeBinary(64), nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=False),
)

ceremony = Table(
    "ceremony",
    metadata,
    Column("id", LargeBinary(64), primary_key=True),
    Column("parameters", LargeBinary, nullable=False),
    Column("officer", String(64), nullable=False),
    Column("signature", LargeBinary(64), nullable=False),
    Column("opened_ms", BigInteger, nullable=False),
)

ceremony_message = Table(
    "ceremony_message",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("ceremony", LargeBinary(64), nullable=False),
    Column("round", String(16), nullable=False),
    Column("custodian", String(64), nullable=False),
    Column("message", LargeBinary, nullable=False),  # SignedObject
    # One message of each custodian in each round: a second, different one is two views of the round.
    Index("ceremony_message_once", "ceremony", "round", "custodian", unique=True),
)

mirrored = Table(
    "mirrored",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),  # audit leaf index
    Column("archive_index", BigInteger, nullable=False),
)

log = log_tables(metadata)
