"""The service's own keys: one that signs warrants and acknowledgements, one that signs the audit log's checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tapeline.base.secret import Secret
from tapeline.base.times import Rng
from tapeline.crypto.signing import SEED_BYTES, SigningKey
from tapeline.rpc.keyfiles import make_data_folder, read_secret, read_signing_key, write_secret, write_signing_key
from tapeline.transparency.keys import ED25519, encode_signing_key
from tapeline.transparency.note import NoteSigner

SERVICE_KEY = "service.key"
LOG_KEY = "log.key"


@dataclass(frozen=True)
class EscrowKeys:
    """Both keys, opened."""

    service: SigningKey
    log: NoteSigner

    def public_part(self) -> dict[str, str]:
        """Return what the officers put into the roster."""
        return {"part": "escrow", "escrow_key": self.service.public.hex(), "audit_log": self.log.key.encode()}


def init_keys(data: Path, origin: str, rng: Rng) -> EscrowKeys:
    """Make both keys in a data folder.

    Args:
        data: created with mode 0700 where absent.
        origin: the audit log's name, such as "bank.example/audit".
        rng: source of randomness.

    Raises:
        StateError: there are keys already.
    """
    make_data_folder(data)
    line = encode_signing_key(origin, ED25519, Secret(rng(SEED_BYTES)))
    service = write_signing_key(data / SERVICE_KEY, rng)
    write_secret(data / LOG_KEY, line)
    return EscrowKeys(service, NoteSigner.from_text(line))


def load_keys(data: Path) -> EscrowKeys:
    """Read both keys.

    Raises:
        StateError, MalformedInput, Refused: a file is absent, open to others, or damaged.
    """
    return EscrowKeys(read_signing_key(data / SERVICE_KEY), NoteSigner.from_text(read_secret(data / LOG_KEY)))
