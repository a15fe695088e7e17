"""`tapeline key`: the key file of a person."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from tapeline.base.errors import StateError
from tapeline.base.seam import system_rng
from tapeline.cli.common import JsonOption, PassphraseFd, PassphraseFile, command_errors, print_result, read_passphrase
from tapeline.crypto.keyfile import PersonKey, PersonPublic, read_public_keys, seal_key_file
from tapeline.crypto.words import fingerprint_words

app = typer.Typer(help="Make and show a person's key file.", no_args_is_help=True)


@app.command()
@command_errors
def new(
    out: Annotated[Path, typer.Option("--out", help="File to write; never overwritten.")],
    name: Annotated[str, typer.Option("--name", help="The person's name, for people to read.")],
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key file under a passphrase and print its public part for the officers.

    Example: tapeline key new --name "Olga Officer" --out olga.key
    """
    passphrase = read_passphrase(passphrase_fd, passphrase_file, prompt="New passphrase", confirm=True)
    key = PersonKey.generate(name, system_rng)
    _write(out, seal_key_file(key, passphrase, system_rng))
    _print(key.public, as_json=as_json)


@app.command()
@command_errors
def show(file: Annotated[Path, typer.Argument(help="Key file.")], as_json: JsonOption = False) -> None:
    """Print the public part of a key file; needs no passphrase.

    Example: tapeline key show olga.key --json > parts/olga.json
    """
    _print(read_public_keys(file.read_bytes()), as_json=as_json)


def _write(path: Path, content: bytes) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise StateError("There is a file of that name already.", "Choose another --out.") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _print(public: PersonPublic, *, as_json: bool) -> None:
    words = " ".join(fingerprint_words("person", public.signing + public.hpke.encode()))
    part = {
        "part": "person",
        "name": public.name,
        "key": public.signing.hex(),
        "hpke": public.hpke.encode().hex(),
        "fingerprint": words,
    }
    print_result(part, as_json=as_json, human=f"{public.name}\nkey {public.signing.hex()}\nread aloud: {words}")
