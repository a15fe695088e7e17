"""The pytest plugin `tapeline.testing.plugin`; heavy imports wait until a fixture is asked for.

async def test_bot(tapeline_deployment, tmp_path):
    async with await tapeline_deployment.client("alice", tmp_path / "alice") as alice:
        ...
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tapeline.testing.clock import ManualClock

if TYPE_CHECKING:
    from tapeline.testing.background import BackgroundDeployment


@pytest.fixture
def tapeline_clock() -> ManualClock:
    """A clock that runs with the system's and can be moved forward."""
    return ManualClock()


@pytest.fixture(scope="session")
def tapeline_deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackgroundDeployment]:
    """A deployment for all tests of the run: witnesses, vault, enroller, and a relay in a process of its own."""
    from tapeline.testing.background import BackgroundDeployment

    with BackgroundDeployment.started(tmp_path_factory.mktemp("tapeline")) as deployment:
        yield deployment


@pytest.fixture
def tapeline_own_deployment(tmp_path: pytest.TempPathFactory) -> Iterator[BackgroundDeployment]:
    """A deployment for one test, whose relay it may stop, kill and start."""
    from tapeline.testing.background import BackgroundDeployment

    with BackgroundDeployment.started(tmp_path / "deployment") as deployment:  # type: ignore[operator]
        yield deployment
