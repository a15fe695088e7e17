"""`tapeline key`: a weak passphrase is refused with reasons; a change loses nothing wherever it is cut short."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from officer_kit import PASSPHRASE, SECRET, command, person_key, write_key

from tapeline.agent.passphrase_store import open_store
from tapeline.base.errors import MalformedInput
from tapeline.base.seam import system_rng
from tapeline.base.secret import Secret
from tapeline.cli import rekeying
from tapeline.cli.strength import require_strong
from tapeline.crypto.keyfile import open_key_file
from tapeline.crypto.passphrase import Argon2Cost, WrongPassphrase

NEW = "seven quiet herons over Trieste"
FRESH = Secret(NEW.encode())
CHEAP = Argon2Cost(memory_kib=64, passes=1, lanes=1)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A custodian's key and store, under one passphrase; the new one in a file."""
    monkeypatch.chdir(tmp_path)
    write_key(tmp_path, "cora")
    open_store(tmp_path / "cora", SECRET, "custodian-store", system_rng, CHEAP).open().put({"share": b"7"})
    secret = tmp_path / "new"
    secret.write_text(NEW)
    secret.chmod(0o600)
    return tmp_path


def change(*more: object, expect: int = 0) -> Any:
    words = ("cora.key", "--passphrase-file", "passphrase", "--new-passphrase-file", "new")
    return command("key", "passphrase", *words, *more, expect=expect)


def share(folder: Path, passphrase: Secret) -> bytes | None:
    return open_store(folder / "cora", passphrase, "custodian-store", system_rng).open().get("share")


@pytest.mark.parametrize("weak", ["x", "password1", "qwertyuiop", "olga2026", "Tr0ub4dour&3"])
def test_a_weak_passphrase_is_refused_with_reasons_and_never_repeated(weak: str) -> None:
    with pytest.raises(MalformedInput, match="too easy to guess") as error:
        require_strong(Secret(weak.encode()), about=["Olga"])
    assert error.value.remedy
    assert weak not in str(error.value)


def test_what_belongs_to_the_person_makes_no_passphrase() -> None:
    text = Secret(b"Trzebiatowskimeyer")
    require_strong(text)
    with pytest.raises(MalformedInput):
        require_strong(text, about=["Olga Trzebiatowskimeyer"])


def test_a_long_passphrase_is_judged_by_its_beginning() -> None:
    require_strong(Secret(os.urandom(200).hex().encode()))
    with pytest.raises(MalformedInput):
        require_strong(Secret(b"a" * 200))


def test_a_new_key_needs_a_strong_passphrase_and_a_free_name(folder: Path) -> None:
    (folder / "passphrase").write_text("x")
    words = ("key", "new", "--name", "Olga", "--passphrase-file", "passphrase")
    error = command(*words, "--out", "olga.key", expect=1)
    assert "too easy" in error["cause"]
    assert not (folder / "olga.key").exists()
    # The name is looked at first: nobody thinks of a passphrase in vain.
    assert "already" in command(*words, "--out", "cora.key", expect=1)["cause"]


def test_key_and_store_change_together(folder: Path) -> None:
    assert change("--data", "cora")["changed"] == ["cora", "cora.key"]
    assert open_key_file((folder / "cora.key").read_bytes(), FRESH).public == person_key("cora").public
    assert share(folder, FRESH) == b"7"
    for opens in (lambda: open_key_file((folder / "cora.key").read_bytes(), SECRET), lambda: share(folder, SECRET)):
        with pytest.raises(WrongPassphrase):
            opens()
    assert (folder / "cora.key").stat().st_mode & 0o077 == 0
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_a_weak_new_passphrase_changes_nothing(folder: Path) -> None:
    (folder / "new").write_text("letmein")
    assert "too easy" in change("--data", "cora", expect=1)["cause"]
    assert share(folder, SECRET) == b"7"


@pytest.mark.parametrize("fails_at", [0, 1])
def test_cut_short_at_any_file_it_is_finished_by_the_same_command(
    folder: Path, fails_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[Path] = []

    def replace(path: Path, *more: Any) -> None:
        if len(done) == fails_at:
            raise OSError(28, "No space left on device", str(path))
        done.append(path)
        whole(path, *more)

    whole = rekeying.replace_whole
    monkeypatch.setattr(rekeying, "replace_whole", replace)
    assert change("--data", "cora", expect=1)["code"] == "FileError"
    assert open_key_file((folder / "cora.key").read_bytes(), SECRET)
    monkeypatch.setattr(rekeying, "replace_whole", whole)
    change("--data", "cora")
    assert open_key_file((folder / "cora.key").read_bytes(), FRESH)
    assert share(folder, FRESH) == b"7"


def test_the_old_file_stays_where_the_new_one_cannot_be_opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seal = rekeying.seal_key_file

    def seal_badly(*words: Any) -> bytes:
        return seal(*words)[:-9]

    monkeypatch.setattr(rekeying, "seal_key_file", seal_badly)
    change(expect=1)
    assert open_key_file((folder / "cora.key").read_bytes(), SECRET)


def test_a_wrong_present_passphrase_changes_nothing(folder: Path) -> None:
    (folder / "passphrase").write_text("another good long one here")
    error = change("--data", "cora", expect=1)
    assert "opens under neither passphrase; nothing was changed" in error["cause"]
    assert share(folder, SECRET) == b"7"


def test_a_store_left_behind_is_named_with_what_to_do(folder: Path) -> None:
    change()
    error = command("custodian", "status", "--key", "cora.key", "--data", "cora", "--passphrase-file", "new", expect=1)
    assert "another passphrase than the key file" in error["cause"]
    assert "tapeline key passphrase" in error["remedy"]
    change("--data", "cora")
    command("custodian", "status", "--key", "cora.key", "--data", "cora", "--passphrase-file", "new")


def test_looking_into_a_store_that_is_not_there_makes_none(folder: Path) -> None:
    words = ("--key", "cora.key", "--data", "nobody", "--passphrase-file", "passphrase")
    assert "no store in nobody" in command("custodian", "status", *words, expect=1)["cause"]
    assert not (folder / "nobody").exists()


def test_passphrases_of_the_kit_are_strong() -> None:
    for text in (PASSPHRASE, NEW):
        require_strong(Secret(text.encode()))
