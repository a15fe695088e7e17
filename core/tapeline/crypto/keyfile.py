"""A person's key file: one Ed25519 and one HPKE seed, sealed under a passphrase, beside their public keys.

The document is JSON in exactly one form; the purpose under which the seeds are sealed names the person and both public
keys, so neither can be exchanged without the passphrase. Bytes in, bytes out: reading and writing files is others'.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Self, final

from tapeline.base.ed25519 import is_public_key
from tapeline.base.errors import CryptoFailure, MalformedInput
from tapeline.base.hashing import tagged_hash
from tapeline.base.secret import Secret
from tapeline.base.text import printable
from tapeline.base.times import Rng
from tapeline.crypto.hpke import HpkePublic
from tapeline.crypto.hpke_open import HPKE_SEED_BYTES, HpkePrivate
from tapeline.crypto.passphrase import (
    DEFAULT_COST,
    Argon2Cost,
    WrongPassphrase,
    open_under_passphrase,
    seal_under_passphrase,
)
from tapeline.crypto.signing import SEED_BYTES, SigningKey

__all__ = [
    "PersonKey",
    "PersonPublic",
    "WrongPassphrase",
    "open_key_file",
    "open_under_passphrase",
    "read_public_keys",
    "seal_key_file",
    "seal_under_passphrase",
]

MAX_KEY_FILE_BYTES = 16 * 1024
_MAX_NAME = 128
_KIND, _VERSION = "tapeline-person-key", 1
_TEXT_FIELDS = ("name", "signing_public", "hpke_public", "sealed_seeds")


@final
@dataclass(frozen=True, slots=True)
class PersonPublic:
    """What a key file shows without its passphrase."""

    name: str
    signing: bytes
    hpke: HpkePublic


@final
@dataclass(frozen=True, slots=True)
class PersonKey:
    """A person's two private keys."""

    name: str
    signing: SigningKey
    hpke: HpkePrivate

    @classmethod
    def generate(cls, name: str, rng: Rng) -> Self:
        """Return fresh keys for the person of that name."""
        return cls(_checked_name(name), SigningKey.generate(rng), HpkePrivate.generate(rng))

    @property
    def public(self) -> PersonPublic:
        """The public half, as a roster lists it."""
        return PersonPublic(self.name, self.signing.public, self.hpke.public())


def seal_key_file(key: PersonKey, passphrase: Secret, rng: Rng, cost: Argon2Cost = DEFAULT_COST) -> bytes:
    """Return the key file's bytes."""
    public = key.public
    _checked_name(public.name)
    seeds = Secret(key.signing.seed.reveal() + key.hpke.seed.reveal())
    return _document(public, seal_under_passphrase(seeds, passphrase, _purpose(public), rng, cost))


def read_public_keys(document: bytes) -> PersonPublic:
    """Return the public half; raises `MalformedInput` for another form."""
    return _parse(document)[0]


def open_key_file(document: bytes, passphrase: Secret) -> PersonKey:
    """Return the private keys; raises `WrongPassphrase`, or `CryptoFailure` for an altered or damaged file."""
    public, sealed = _parse(document)
    seeds = open_under_passphrase(sealed, passphrase, _purpose(public)).reveal()
    if len(seeds) != SEED_BYTES + HPKE_SEED_BYTES:
        raise MalformedInput("A key file's seeds have a wrong length.", "Restore the key file from its backup.")
    signing = SigningKey.from_seed(Secret(seeds[:SEED_BYTES]))
    key = PersonKey(public.name, signing, HpkePrivate.from_seed(Secret(seeds[SEED_BYTES:])))
    if key.public != public:
        raise CryptoFailure("A key file's public keys are not those of its seeds.", "Restore the file from its backup.")
    return key


def _document(public: PersonPublic, sealed: bytes) -> bytes:
    fields = {
        "kind": _KIND,
        "version": _VERSION,
        "name": public.name,
        "signing_public": base64.b64encode(public.signing).decode("ascii"),
        "hpke_public": base64.b64encode(public.hpke.encode()).decode("ascii"),
        "sealed_seeds": base64.b64encode(sealed).decode("ascii"),
    }
    return json.dumps(fields, indent=2, ensure_ascii=False).encode("utf-8") + b"\n"


def _parse(document: bytes) -> tuple[PersonPublic, bytes]:
    """Parse, then demand that the same fields give the same bytes again: no doubled, unknown or loose field stays."""
    if len(document) > MAX_KEY_FILE_BYTES:
        raise _malformed()
    try:
        fields = json.loads(document)
        name, signing, hpke, sealed = (_text(fields, field) for field in _TEXT_FIELDS)
        signing_key, hpke_key, seeds = (base64.b64decode(text, validate=True) for text in (signing, hpke, sealed))
    except (ValueError, TypeError, KeyError, RecursionError, binascii.Error):
        raise _malformed() from None
    if not is_public_key(signing_key):
        raise _malformed()
    public = PersonPublic(_checked_name(name), signing_key, HpkePublic.decode(hpke_key))
    if _document(public, seeds) != document:
        raise _malformed()
    return public, seeds


def _text(fields: object, name: str) -> str:
    value = fields[name] if isinstance(fields, dict) else None
    if not isinstance(value, str):
        raise TypeError(name)
    return value


def _checked_name(name: str) -> str:
    if not 0 < len(name) <= _MAX_NAME or printable(name) != name:
        raise MalformedInput("A person's name is empty, too long, or holds control characters.", "Choose another name.")
    return name


def _purpose(public: PersonPublic) -> str:
    bound = tagged_hash("key-file", public.name.encode("utf-8"), public.signing, public.hpke.encode())
    return "key-file/" + bound.hex()


def _malformed() -> MalformedInput:
    return MalformedInput("This is not a key file of a known version.", "Restore the key file from its backup.")
