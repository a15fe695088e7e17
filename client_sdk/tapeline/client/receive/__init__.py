"""Receiving: everything is verified before it is believed, stored with its cursor, and only then told."""
