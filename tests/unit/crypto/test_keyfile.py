from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from dkg_kit import seeded

from tapeline.base.errors import CryptoFailure, MalformedInput, TapelineError
from tapeline.base.secret import Secret
from tapeline.crypto.keyfile import (
    MAX_KEY_FILE_BYTES,
    PersonKey,
    WrongPassphrase,
    open_key_file,
    read_public_keys,
    seal_key_file,
)
from tapeline.crypto.passphrase import Argon2Cost

SMALL = Argon2Cost(memory_kib=64, passes=1, lanes=1)
PASSPHRASE = Secret(b"passphrase")
KEY = PersonKey.generate("Ana Müller", seeded("ana"))
OTHER = PersonKey.generate("Ben", seeded("ben"))
FILE = seal_key_file(KEY, PASSPHRASE, seeded("seal"), SMALL)


def test_a_key_file_comes_back() -> None:
    assert read_public_keys(FILE) == KEY.public
    opened = open_key_file(FILE, PASSPHRASE)
    assert opened.public == KEY.public
    assert opened.signing.seed == KEY.signing.seed
    assert opened.hpke.seed == KEY.hpke.seed


def test_it_shows_the_public_half_only() -> None:
    for seed in (KEY.signing.seed.reveal(), KEY.hpke.seed.reveal()):
        assert seed not in FILE
        assert base64.b64encode(seed)[:40] not in FILE
        assert seed.hex() not in repr(KEY)


def test_a_wrong_passphrase_says_so() -> None:
    with pytest.raises(WrongPassphrase):
        open_key_file(FILE, Secret(b"passphrasE"))


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


EXCHANGED: dict[str, dict[str, Any]] = {
    "name": {"name": "Eve"},
    "signing key": {"signing_public": _b64(OTHER.signing.public)},
    "hpke key": {"hpke_public": _b64(OTHER.hpke.public().encode())},
}


@pytest.mark.parametrize("change", EXCHANGED.values(), ids=EXCHANGED.keys())
def test_name_and_public_keys_are_bound_to_the_seeds(change: dict[str, Any]) -> None:
    fields = json.loads(FILE) | change
    changed = json.dumps(fields, indent=2, ensure_ascii=False).encode() + b"\n"
    assert read_public_keys(changed) != KEY.public
    with pytest.raises(CryptoFailure):
        open_key_file(changed, PASSPHRASE)


LOOSE: dict[str, Callable[[bytes], bytes]] = {
    "trailing byte": lambda f: f + b" ",
    "no end of line": lambda f: f[:-1],
    "unknown field": lambda f: f.replace(b'"version"', b'"more": 1, "version"'),
    "doubled field": lambda f: f.replace(b'"version": 1', b'"version": 1, "version": 1'),
    "other version": lambda f: f.replace(b'"version": 1', b'"version": 2'),
    "version as truth": lambda f: f.replace(b'"version": 1', b'"version": true'),
    "other kind": lambda f: f.replace(b"tapeline-person-key", b"tapeline-device-key"),
    "name no text": lambda f: f.replace('"Ana Müller"'.encode(), b"7"),
    "name with escape": lambda f: f.replace("Ana Müller".encode(), b"\\u001b[2J"),
    "name a lone surrogate": lambda f: f.replace("Ana Müller".encode(), b"\\ud800"),
    "empty name": lambda f: f.replace("Ana Müller".encode(), b""),
    "long name": lambda f: f.replace("Ana Müller".encode(), b"a" * 129),
    "loose base64": lambda f: f.replace(b'"signing_public": "', b'"signing_public": "\\n'),
    "small-order key": lambda f: f.replace(_b64(KEY.signing.public).encode(), _b64(bytes(32)).encode()),
    "a list": lambda f: b"[" + f + b"]",
    "deep": lambda f: b"[" * 16_000,
    "not UTF-8": lambda f: b"\xff" + f,
    "empty": lambda f: b"",
    "too large": lambda f: f + b" " * MAX_KEY_FILE_BYTES,
}


@pytest.mark.parametrize("change", LOOSE.values(), ids=LOOSE.keys())
def test_only_the_one_form_is_read(change: Callable[[bytes], bytes]) -> None:
    with pytest.raises(MalformedInput):
        read_public_keys(change(FILE))


def test_no_error_holds_a_secret() -> None:
    for document in (FILE[:-1], FILE.replace(b'"sealed_seeds": "', b'"sealed_seeds": "AAAA')):
        with pytest.raises(TapelineError) as failure:
            open_key_file(document, PASSPHRASE)
        assert "passphrase" not in failure.value.cause


def test_a_name_is_checked_when_the_key_is_made() -> None:
    for name in ("", "a" * 129, "a\x1b[2J"):
        with pytest.raises(MalformedInput):
            PersonKey.generate(name, seeded("x"))
