"""Fail where a lock file misses a hash, names a registry, or lacks a dependency that pyproject.toml names."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
LOCKS = {"all.lock": ("relay", "escrow"), "dev.lock": ("relay", "escrow", "dev")}


def problems_of(name: str, extras: tuple[str, ...]) -> list[str]:
    """Return one sentence for each thing wrong with the lock file of that name."""
    text = (PROJECT / "requirements" / name).read_text()
    problems = [f"{name}: holds an address: {hit}" for hit in re.findall(r"\S*://\S*|^--\S*index\S*", text, re.M)]
    blocks = re.findall(r"^([a-z0-9][\w.-]*)==\S+([^\n]*(?:\n    [^\n]*)*)", text, re.M | re.I)
    problems += [f"{name}: {package} has no hash" for package, rest in blocks if "--hash=sha256:" not in rest]
    locked = {_normal(package) for package, _ in blocks}
    return problems + [f"{name}: lacks {wanted}" for wanted in sorted(_wanted(extras) - locked)]


def _wanted(extras: tuple[str, ...]) -> set[str]:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    lines = list(project["dependencies"])
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    names = {_normal(re.split(r"[\s\[<>=!~;]", line, maxsplit=1)[0]) for line in lines}
    return names - {"tapeline"}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    found = [problem for name, extras in LOCKS.items() for problem in problems_of(name, extras)]
    print("\n".join(found) or "The lock files are whole.")
    sys.exit(bool(found))
