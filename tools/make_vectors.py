"""Write Tapeline's own vectors, `tests/vectors/data/tapeline-v1/*.json`, from fixed seeds; see docs/vectors.md.

What HPKE sealed is kept as it stands in the files, since the library draws its randomness by itself. `--renew` seals
everything anew; `--check` writes nothing and fails where a file is not what this tool would write.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from own_vectors import ceremony, directory, hashing, messages, opening, records, statements
from own_vectors.form import Document
from own_vectors.sealed import SealedParts
from own_vectors.story import Story

PROJECT = Path(__file__).resolve().parent.parent
FOLDER = PROJECT / "tests/vectors/data/tapeline-v1"
MAKERS: dict[str, Callable[[Story], Document]] = {
    "hashing": hashing.document,
    "directory": directory.document,
    "ceremony": ceremony.document,
    "records": records.document,
    "messages": messages.document,
    "opening": opening.document,
    "statements": statements.document,
}


def documents(*, renew: bool) -> dict[Path, str]:
    """Return the text of each file."""
    parts = SealedParts()
    for path in [] if renew else sorted(FOLDER.glob("*.json")):
        parts.learn(json.loads(path.read_text(encoding="utf-8")))
    story = Story(parts)
    return {FOLDER / f"{name}.json": _text(make(story)) for name, make in MAKERS.items()}


def _text(document: Document) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def main() -> int:
    """Write the files, or compare them."""
    made = documents(renew="--renew" in sys.argv[1:])
    if "--check" not in sys.argv[1:]:
        FOLDER.mkdir(parents=True, exist_ok=True)
        for path, text in made.items():
            path.write_text(text, encoding="utf-8")
        return 0
    stale = [path.name for path, text in made.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    if stale:
        print(f"Not what tools/make_vectors.py writes: {', '.join(stale)}. Run it, or undo a change of the protocol.")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
