"""One busy deployment for all tests that only read it, and a fresh copy of it for those that spoil it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from audit_kit import Audit, Deployment, busy_deployment

from tapeline.audit.auditor import audit
from tapeline.audit.report import Report
from tapeline.cli.copyfolder import open_copy


@pytest.fixture(scope="session")
def busy() -> Deployment:
    return busy_deployment()


@pytest.fixture(scope="session")
def pristine(busy: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return busy.write(tmp_path_factory.mktemp("pristine") / "copy")


@pytest.fixture
def copy(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "copy"))


@pytest.fixture
def audited(tmp_path: Path) -> Audit:
    def run(world: Deployment) -> Report:
        return audit(open_copy(world.write(tmp_path / "copy")))

    return run


@pytest.fixture
def world() -> Deployment:
    """A small deployment without a review: ann and ben talk, one session each."""
    made = Deployment("small")
    for name in ("ann", "ben"):
        made.enrol(name)
    return made
