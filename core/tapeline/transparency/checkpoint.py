"""The checkpoint (C2SP tlog-checkpoint): a log's size and root as a note's text.

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
"""

from __future__ import annotations

from dataclasses import dataclass

from tapeline.base.rules import Rule, require
from tapeline.transparency.encoding import decode_base64, decode_decimal, encode_base64
from tapeline.transparency.merkle import HASH_BYTES

MAX_ORIGIN = 1024
MAX_EXTENSIONS = 16


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log claims of itself: origin, number of leaves, root (32 bytes). Unverified."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """Return the note text, whose last line ends in a newline too."""
        lines = [self.origin, str(self.size), encode_base64(self.root), *self.extensions]
        return "".join(line + "\n" for line in lines).encode()


def parse_checkpoint(text: bytes) -> Checkpoint:
    """Parse a note text strictly.

    Raises:
        Refused: NOTE_SYNTAX.
    """
    origin, size, root, *rest = _lines(text)
    # tlog-checkpoint, Note text: lines 1 to 3 in order, then extension lines that are not empty.
    require(0 < len(origin) <= MAX_ORIGIN, Rule.NOTE_SYNTAX, "The checkpoint has no origin, or too long a one.")
    require(
        len(rest) <= MAX_EXTENSIONS and all(rest), Rule.NOTE_SYNTAX, "The checkpoint's extension lines are malformed."
    )
    hashed = decode_base64(root, Rule.NOTE_SYNTAX, "The checkpoint's root is not canonical base64.")
    require(len(hashed) == HASH_BYTES, Rule.NOTE_SYNTAX, "The checkpoint's root is not 32 bytes long.")
    count = decode_decimal(size, Rule.NOTE_SYNTAX, "The checkpoint's size is not a canonical decimal.")
    return Checkpoint(origin, count, hashed, tuple(rest))


def _lines(text: bytes) -> list[str]:
    lines = text.decode("utf-8", "replace").split("\n")
    require(
        len(lines) > 3 and lines[-1] == "" and text == "\n".join(lines).encode(),
        Rule.NOTE_SYNTAX,
        "The checkpoint is not three or more lines of UTF-8.",
    )
    return lines[:-1]
