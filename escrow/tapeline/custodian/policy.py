"""The agent's own policy file: what it may answer while nobody sits at it.

[release]
unattended_classes = ["drill"]
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from tapeline.base.errors import MalformedInput


def read_policy(path: Path | None) -> frozenset[str]:
    """Return the retention classes that are released without asking; none where there is no file.

    Raises:
        MalformedInput: the file is not readable, or says anything else.
    """
    if path is None:
        return frozenset()
    try:
        policy = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        policy = {}
    release = policy.get("release")
    classes = release.get("unattended_classes") if isinstance(release, dict) else None
    # An unknown word could be a misspelt limit: nothing is allowed by a file that is not understood in full.
    if not (
        set(policy) == {"release"}
        and isinstance(release, dict)
        and set(release) == {"unattended_classes"}
        and isinstance(classes, list)
        and all(isinstance(name, str) for name in classes)
    ):
        raise MalformedInput(
            "The agent's policy file is not of its exact form.", "Write [release] unattended_classes = [...]."
        )
    return frozenset(classes)
