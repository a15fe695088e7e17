"""Foundations that every room may use: errors, rules, secrets, hashing, printable text, time units."""
