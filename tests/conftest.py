"""Shared fixtures: where the published vectors and real logs lie, and selection of tests by rule."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tapeline.base.rules import Rule

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of published vectors and real logs; a setting, absent on most machines, demanded by CI."""
    path = Path(os.environ.get("TAPELINE_SHARED", PROJECT.parent / "shared"))
    if not path.is_dir():
        reason = f"no published data at {path}: set TAPELINE_SHARED to the folder that holds vectors/ and corpus/"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --rule, by which the mutation run picks the named test of one rule."""
    parser.addoption("--rule", help="run only the negative tests of this rule id, such as REC-9")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep only the tests marked with the wanted rule."""
    wanted = config.getoption("--rule")
    if not wanted:
        return
    kept = [item for item in items if wanted in _rules_of(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def _rules_of(item: pytest.Item) -> set[str]:
    return {rule.id for mark in item.iter_markers("rule") for rule in mark.args if isinstance(rule, Rule)}
