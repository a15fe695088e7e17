"""The signed note (C2SP signed-note): text, an empty line, signature lines.

    example.com/log
    2
    +sVCA+fMaWzw38tCySodna9wrZ5iH0vY2YZi8A48ElQ=

    — example.com/log Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=

A parsed `Note` is unverified; `verify_note_signature` and the cosigned checkpoint are what may be believed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nacl.signing import SigningKey

from tapeline.base.ed25519 import ed25519_holds
from tapeline.base.rules import Rule, require
from tapeline.base.secret import Secret
from tapeline.transparency.encoding import decode_base64, encode_base64
from tapeline.transparency.keys import ED25519, VerifierKey, is_key_name, parse_signing_key

MAX_NOTE_BYTES = 256 * 1024
"""Room for 64 signatures, most of them short, or for 16 post-quantum ones (signed-note, Format)."""
MAX_SIGNATURES = 64

_DASH = "— "


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: key name, key id (4 bytes), and what the key's algorithm made."""

    name: str
    key_id: bytes
    value: bytes

    @property
    def line(self) -> str:
        """The line as it stands in the note, with its newline."""
        return f"{_DASH}{self.name} {encode_base64(self.key_id + self.value)}\n"

    def is_by(self, key: VerifierKey) -> bool:
        """Tell whether name and id are the key's; says nothing about validity."""
        return self.name == key.name and self.key_id == key.key_id


@dataclass(frozen=True, slots=True)
class Note:
    """Unverified text (bytes that end in a newline) and its signature lines."""

    text: bytes
    signatures: tuple[NoteSignature, ...]

    def encode(self) -> bytes:
        """Return the note as it travels."""
        return self.text + b"\n" + "".join(signature.line for signature in self.signatures).encode()

    def signatures_by(self, key: VerifierKey) -> list[NoteSignature]:
        """Return the signature lines that name this key."""
        return [signature for signature in self.signatures if signature.is_by(key)]


def split_note(raw: bytes) -> tuple[bytes, bytes]:
    """Return (text with its final newline, signature lines), checking size, characters and shape.

    Raises:
        Refused: NOTE_SYNTAX.
    """
    require(len(raw) <= MAX_NOTE_BYTES, Rule.NOTE_SYNTAX, "The note is too large.")
    require(_is_plain(raw), Rule.NOTE_SYNTAX, "The note is not UTF-8 without control characters.")
    # signed-note, Format: the text is separated from the signatures by the last empty line.
    text, gap, lines = raw.rpartition(b"\n\n")
    require(
        gap != b"" and lines.startswith(_DASH.encode()) and lines.endswith(b"\n"),
        Rule.NOTE_SYNTAX,
        "The note does not end in an empty line and signature lines.",
    )
    return text + b"\n", lines


def parse_signatures(lines: bytes) -> tuple[NoteSignature, ...]:
    """Parse the signature lines that `split_note` returned.

    Raises:
        Refused: NOTE_SYNTAX.
    """
    rows = lines.decode("utf-8", "replace").split("\n")[:-1]
    require(len(rows) <= MAX_SIGNATURES, Rule.NOTE_SYNTAX, "The note has too many signatures.")
    return tuple(_parse_line(row) for row in rows)


def parse_note(raw: bytes) -> Note:
    """Parse a note strictly; nothing in it is verified.

    Raises:
        Refused: NOTE_SYNTAX.
    """
    text, lines = split_note(raw)
    return Note(text, parse_signatures(lines))


def _parse_line(row: str) -> NoteSignature:
    name, _, encoded = row.removeprefix(_DASH).partition(" ")
    require(row.startswith(_DASH) and is_key_name(name), Rule.NOTE_SYNTAX, "A signature line has no key name.")
    value = decode_base64(encoded, Rule.NOTE_SYNTAX, "A signature line is not canonical base64.")
    require(len(value) > 4, Rule.NOTE_SYNTAX, "A signature line holds no signature.")
    return NoteSignature(name, value[:4], value[4:])


def _is_plain(raw: bytes) -> bool:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return all(char >= " " or char == "\n" for char in text)


def verify_note_signature(note: Note, keys: Sequence[VerifierKey]) -> tuple[NoteSignature, ...]:
    """Check the note against plain Ed25519 keys and return the signatures that are theirs, at least one.

    One line of a known key that fails condemns the whole note (signed-note, Signatures).

    Raises:
        Refused: NOTE_SIGNATURE.
    """
    known = [(key, signature) for key in keys if key.kind == ED25519 for signature in note.signatures_by(key)]
    require(known != [], Rule.NOTE_SIGNATURE, "No signature of a known key is on the note.")
    for key, signature in known:
        require(
            ed25519_holds(key.public, note.text, signature.value),
            Rule.NOTE_SIGNATURE,
            "A known key's signature on the note does not verify.",
        )
    return tuple(signature for _, signature in known)


class NoteSigner:
    """Signs note texts with one Ed25519 key; the key never leaves it."""

    def __init__(self, name: str, seed: Secret) -> None:
        self._seed = seed
        self.key = VerifierKey(name, ED25519, bytes(SigningKey(seed.reveal()).verify_key))

    @classmethod
    def from_text(cls, text: str) -> NoteSigner:
        """Read a `PRIVATE+KEY+…` line of signature type 0x01.

        Raises:
            Refused: POLICY_SYNTAX.
        """
        name, kind, seed = parse_signing_key(text)
        require(kind == ED25519, Rule.POLICY_SYNTAX, "The private key is not one that signs notes.")
        return cls(name, seed)

    def sign(self, text: bytes) -> NoteSignature:
        """Return the signature line over a text that ends in a newline."""
        return NoteSignature(self.key.name, self.key.key_id, SigningKey(self._seed.reveal()).sign(text).signature)
