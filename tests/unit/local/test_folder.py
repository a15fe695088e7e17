"""One process a folder: what the second one is told, and that nothing but the kernel decides."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tapeline.base.errors import StateError
from tapeline.local.folder import LOCK_FILE, FolderHeld, FolderLock

_HOLDER = """
import sys, time
from pathlib import Path
from tapeline.local.folder import FolderLock
lock = FolderLock.hold(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def holder(folder: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", _HOLDER, str(folder)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def test_a_second_process_is_refused_by_number_until_the_first_is_killed(tmp_path: Path) -> None:
    first = holder(tmp_path)
    try:
        with pytest.raises(FolderHeld, match=rf"process {first.pid}\) works on the folder {tmp_path.name}"):
            FolderLock.hold(tmp_path)
    finally:
        first.kill()
        first.communicate(timeout=20)
    with FolderLock.hold(tmp_path):
        pass


def test_the_same_process_is_refused_too_until_it_lets_go(tmp_path: Path) -> None:
    lock = FolderLock.hold(tmp_path)
    with pytest.raises(FolderHeld):
        FolderLock.hold(tmp_path)
    lock.release()
    lock.release()
    FolderLock.hold(tmp_path).release()


def test_one_that_waits_has_it_when_the_first_ends(tmp_path: Path) -> None:
    first = holder(tmp_path)
    waiting = subprocess.Popen(
        [sys.executable, "-c", _HOLDER.replace("]))", "]), wait_s=30)"), str(tmp_path)], stdout=subprocess.PIPE
    )
    try:
        first.kill()
        first.communicate(timeout=20)
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == b"held\n"
    finally:
        waiting.kill()
        waiting.communicate(timeout=20)


def test_a_copied_lock_file_locks_nothing(tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE).write_text("1\n")
    with FolderLock.hold(tmp_path):
        assert (tmp_path / LOCK_FILE).stat().st_size > 0


def test_an_absent_folder_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="no folder"):
        FolderLock.hold(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
