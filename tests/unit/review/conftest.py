"""Fixtures for reading: a talk that stands in the archive."""

from __future__ import annotations

import pytest
from review_kit import Talk, make_talk


@pytest.fixture
def talk() -> Talk:
    return make_talk()
