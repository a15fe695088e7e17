"""`tapeline key`: the key file of a person."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tapeline.base.seam import system_rng
from tapeline.cli.common import JsonOption, PassphraseFd, PassphraseFile, command_errors, print_result, read_passphrase
from tapeline.cli.files import PRIVATE, read_bounded, require_free, write_new
from tapeline.cli.passphrase import NewPassphraseFd, NewPassphraseFile, new_passphrase
from tapeline.cli.rekeying import change_passphrase
from tapeline.crypto.keyfile import MAX_KEY_FILE_BYTES, PersonKey, PersonPublic, read_public_keys, seal_key_file
from tapeline.crypto.words import fingerprint_words

app = typer.Typer(help="Make and show a person's key file, and change its passphrase.", no_args_is_help=True)


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
    require_free(out)  # before anybody thinks of a passphrase
    passphrase = new_passphrase(passphrase_fd, passphrase_file, about=[name])
    key = PersonKey.generate(name, system_rng)
    write_new(out, seal_key_file(key, passphrase, system_rng), mode=PRIVATE)
    _print(key.public, as_json=as_json)


@app.command()
@command_errors
def show(file: Annotated[Path, typer.Argument(help="Key file.")], as_json: JsonOption = False) -> None:
    """Print the public part of a key file; needs no passphrase.

    Example: tapeline key show olga.key --json > parts/olga.json
    """
    _print(read_public_keys(file.read_bytes()), as_json=as_json)


@app.command("passphrase")
@command_errors
def passphrase(
    file: Annotated[Path, typer.Argument(help="Key file.")],
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", help="Folder of a store under the same passphrase; may be given several times."),
    ] = None,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    new_passphrase_fd: NewPassphraseFd = None,
    new_passphrase_file: NewPassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Change the passphrase of a key file, and of the stores that a custodian's or reviewer's commands keep under it.

    Each file is replaced only once the new one was read back and opened. Interrupted, run it again as before.

    Example: tapeline key passphrase cora.key --data cora
    """
    public = read_public_keys(read_bounded(file, MAX_KEY_FILE_BYTES, "the file"))
    old = read_passphrase(passphrase_fd, passphrase_file, prompt="Present passphrase")
    new = new_passphrase(new_passphrase_fd, new_passphrase_file, about=[public.name])
    changed = change_passphrase(file, data or [], old, new)
    human = f"Under the new passphrase: {', '.join(changed)}. Backups open under the old one still: replace them."
    print_result({"changed": changed}, as_json=as_json, human=human)


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
