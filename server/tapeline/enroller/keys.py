"""The enroller's key, which the roster names as a person's with the role `enroller`."""

from __future__ import annotations

from pathlib import Path

from tapeline.base.times import Rng
from tapeline.crypto.signing import SigningKey
from tapeline.rpc.keyfiles import make_data_folder, read_signing_key, write_signing_key

KEY_FILE = "enroller.key"


def init_key(data: Path, rng: Rng) -> SigningKey:
    """Make the key in a data folder, which is created with mode 0700 where absent.

    Raises:
        StateError: there is a key already.
    """
    return write_signing_key(make_data_folder(data) / KEY_FILE, rng)


def load_key(data: Path) -> SigningKey:
    """Read the key.

    Raises:
        StateError, MalformedInput: absent, open to others, or damaged.
    """
    return read_signing_key(data / KEY_FILE)


def public_part(key: SigningKey) -> dict[str, str]:
    """Return what the officers put into the roster."""
    return {"part": "enroller", "name": "enroller", "key": key.public.hex()}
