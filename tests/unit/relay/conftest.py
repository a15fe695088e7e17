"""One deployment with a running relay for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from relay_kit import Deployment, RunningRelay, deployment


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Deployment]:
    async with deployment(tmp_path / "relay") as made:
        yield made


@pytest.fixture
async def relay(town: Deployment) -> AsyncIterator[RunningRelay]:
    async with town.relay() as running:
        yield running
