"""Sending: the outbox in memory and on disk, one lane for each conversation."""
