"""What every process does on its own machine: the one package under `core/` that touches a disk; no rule imports it."""
