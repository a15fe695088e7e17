"""The demo's folder: never somebody else's, private, kept when asked for or needed."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tapeline.base.errors import StateError
from tapeline.demo.folder import DataFolder


def test_a_chosen_folder_is_made_private_and_kept(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "new" / "demo", keep=False)
    part = folder.part("services", "relay")
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(part.stat().st_mode) == 0o700
    assert str(folder.path) in folder.finish(failed=False)
    assert part.is_dir()


def test_files_of_others_are_never_touched(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("mine")
    with pytest.raises(StateError, match="not of a demo"):
        DataFolder(tmp_path, keep=False)
    assert (tmp_path / "letter").read_text() == "mine"


def test_an_earlier_demos_folder_is_taken_over(tmp_path: Path) -> None:
    DataFolder(tmp_path / "demo", keep=False).part("old")
    again = DataFolder(tmp_path / "demo", keep=False)
    assert not (again.path / "old").exists()


@pytest.mark.parametrize(("keep", "failed", "there"), [(False, False, False), (True, False, True), (False, True, True)])
def test_an_own_folder_is_removed_unless_needed(
    keep: bool, failed: bool, there: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = DataFolder(None, keep=keep)
    assert str(folder.path) in folder.finish(failed=failed)
    assert folder.path.exists() is there
