"""Signed statements and the gate: who may open what, and how each party checks that for itself. Rules only, no I/O."""
