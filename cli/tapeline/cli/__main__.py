"""`python -m tapeline.cli`: the same as the installed `tapeline`."""

from __future__ import annotations

from tapeline.cli.main import run

run()
