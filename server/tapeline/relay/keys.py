"""The relay's two keys: one acknowledges leaves and signs manifests, one signs the archive log's checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tapeline.base.secret import Secret
from tapeline.base.times import Rng
from tapeline.crypto.signing import SEED_BYTES, SigningKey
from tapeline.rpc.keyfiles import make_data_folder, read_secret, read_signing_key, write_secret, write_signing_key
from tapeline.transparency.keys import ED25519, encode_signing_key
from tapeline.transparency.note import NoteSigner

RELAY_KEY = "relay.key"
LOG_KEY = "log.key"


@dataclass(frozen=True)
class RelayKeys:
    """Both keys, opened."""

    relay: SigningKey
    log: NoteSigner

    def public_part(self) -> dict[str, str]:
        """Return what the officers put into the roster."""
        return {"part": "relay", "relay_key": self.relay.public.hex(), "archive_log": self.log.key.encode()}


def init_keys(data: Path, origin: str, rng: Rng) -> RelayKeys:
    """Make both keys in a data folder.

    Args:
        data: created with mode 0700 where absent.
        origin: the archive log's name, such as "bank.example/archive".
        rng: source of randomness.

    Raises:
        StateError: there are keys already.
    """
    make_data_folder(data)
    line = encode_signing_key(origin, ED25519, Secret(rng(SEED_BYTES)))
    relay = write_signing_key(data / RELAY_KEY, rng)
    write_secret(data / LOG_KEY, line)
    return RelayKeys(relay, NoteSigner.from_text(line))


def load_keys(data: Path) -> RelayKeys:
    """Read both keys.

    Raises:
        StateError, MalformedInput, Refused: a file is absent, open to others, or damaged.
    """
    return RelayKeys(read_signing_key(data / RELAY_KEY), NoteSigner.from_text(read_secret(data / LOG_KEY)))
