"""Delivering leaves to the devices of members: in order, from memory where it is recent, else from the database."""
