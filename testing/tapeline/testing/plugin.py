"""The pytest plugin `tapeline.testing.plugin`; heavy imports wait until a fixture is asked for."""

from __future__ import annotations

import pytest

from tapeline.testing.clock import ManualClock


@pytest.fixture
def tapeline_clock() -> ManualClock:
    """A clock that runs with the system's and can be moved forward."""
    return ManualClock()
