"""The demo's one data folder: fresh at the start; kept where it was asked for or something failed, else removed."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tapeline.base.errors import StateError

MARK = ".tapeline-demo"


class DataFolder:
    """Where everything lies: `services`, `people`, `clients`, `logs`, `copies`.

    Args:
        chosen: the user's --data; it must be new, empty, or left by an earlier demo, which is then removed.
        keep: keep it in any case.
    """

    def __init__(self, chosen: Path | None, *, keep: bool) -> None:
        self._keep = keep or chosen is not None
        self.path = _made(chosen.absolute()) if chosen else Path(tempfile.mkdtemp(prefix="tapeline-demo-"))
        (self.path / MARK).touch()

    def part(self, *names: str) -> Path:
        """Return a folder below, made with mode 0700."""
        path = self.path.joinpath(*names)
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def finish(self, *, failed: bool) -> str:
        """Remove the folder unless it is to be kept; return the sentence that says where the data lie."""
        if self._keep or failed:
            return f"The data lie in {self.path}."
        shutil.rmtree(self.path, ignore_errors=True)
        return f"The data, which lay in {self.path}, are removed; --keep or --data DIR would keep them."


def _made(path: Path) -> Path:
    if path.exists() and not path.is_dir():
        raise StateError(f"{path} is no folder.", "Give another --data.")
    if path.is_dir() and any(path.iterdir()):
        if not (path / MARK).is_file():
            raise StateError(f"{path} holds files that are not of a demo.", "Give a new or empty folder as --data.")
        shutil.rmtree(path)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
    return path
