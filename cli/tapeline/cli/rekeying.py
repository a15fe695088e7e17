"""One passphrase for a key file and the stores beside it, changed in an order in which no crash loses anything.

Every file is judged by itself: one that opens under the new passphrase already was changed by a run before. The key
file comes last, so that the old passphrase opens it until all stores are done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from tapeline.agent.passphrase_store import STORE_KEY
from tapeline.base.errors import CryptoFailure, NotFound
from tapeline.base.seam import system_rng
from tapeline.base.secret import Secret
from tapeline.cli.files import read_bounded, replace_whole
from tapeline.cli.stores import PURPOSES, held
from tapeline.crypto.keyfile import MAX_KEY_FILE_BYTES, open_key_file, seal_key_file
from tapeline.crypto.passphrase import WrongPassphrase, open_under_passphrase, seal_under_passphrase

MAX_STORE_KEY = 4096


def change_passphrase(key: Path, folders: Sequence[Path], old: Secret, new: Secret) -> list[str]:
    """Bring a key file and stores from the old passphrase to the new one; return what opens under the new one now.

    Raises:
        WrongPassphrase: one of them opens under neither, and nothing was changed.
        NotFound: a folder holds no store.
        FolderHeld: another command works on one.
    """
    with ExitStack() as locks:
        for folder in folders:
            _require_store(folder)
            locks.enter_context(held(folder))
        steps = [_store_step(folder, old, new) for folder in folders]
        steps.append(_key_step(key, old, new))
        # Everything opened before the first file changes.
        for step in steps:
            step()
    return [*(str(folder) for folder in folders), str(key)]


def _key_step(path: Path, old: Secret, new: Secret) -> Callable[[], None]:
    document = read_bounded(path, MAX_KEY_FILE_BYTES, "the key file")
    try:
        key = open_key_file(document, old)
    except WrongPassphrase:
        _require_done(path, _opens_key(document, new))
        return _nothing

    def prove(data: bytes) -> None:
        if open_key_file(data, new).public != key.public:
            raise AssertionError("the new key file holds another key")

    return lambda: replace_whole(path, seal_key_file(key, new, system_rng), prove)


def _require_store(folder: Path) -> None:
    if not (folder / STORE_KEY).is_file():
        raise NotFound(f"There is no store in {folder}.", "Give the --data of the custodian's or reviewer's commands.")


def _store_step(folder: Path, old: Secret, new: Secret) -> Callable[[], None]:
    path = folder / STORE_KEY
    sealed = bytes.fromhex(read_bounded(path, MAX_STORE_KEY, "--data").decode("ascii").strip())
    opened = _opened(sealed, old)
    if opened is None:
        _require_done(path, _opened(sealed, new) is not None)
        return _nothing
    purpose, secret = opened
    made = seal_under_passphrase(secret, new, purpose, system_rng)

    def prove(data: bytes) -> None:
        if open_under_passphrase(bytes.fromhex(data.decode()), new, purpose).reveal() != secret.reveal():
            raise AssertionError("the new file holds another key")

    return lambda: replace_whole(path, made.hex().encode() + b"\n", prove)


def _opened(sealed: bytes, passphrase: Secret) -> tuple[str, Secret] | None:
    """Return purpose and key of a store's key file; None where the passphrase is not its own."""
    for purpose in PURPOSES:
        try:
            return purpose, open_under_passphrase(sealed, passphrase, purpose)
        except WrongPassphrase:
            return None
        except CryptoFailure:  # the right passphrase, and another purpose
            continue
    raise CryptoFailure("A store's key file is damaged.", "Restore it from its backup.")


def _opens_key(document: bytes, passphrase: Secret) -> bool:
    try:
        open_key_file(document, passphrase)
    except WrongPassphrase:
        return False
    return True


def _require_done(path: Path, done: bool) -> None:
    if not done:
        raise WrongPassphrase(
            f"{path} opens under neither passphrase; nothing was changed.",
            "Type the present one again; where a run was interrupted, give the new passphrase of that run.",
        )


def _nothing() -> None:
    """Take the step of a file that a run before changed."""
