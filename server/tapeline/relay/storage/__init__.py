"""The relay's database: tables, engine, and synchronous functions over a connection."""
