"""The service's own keys: one that signs warrants and acknowledgements, one that signs the audit log's checkpoints.

Services start unattended, so the files are readable by their owner only (0600) rather than under a passphrase.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tapeline.agent.keyfiles import create_secret_file, read_secret_file
from tapeline.base.errors import MalformedInput
from tapeline.base.rules import Refused
from tapeline.base.secret import Secret
from tapeline.base.times import Rng
from tapeline.crypto.signing import SEED_BYTES, SigningKey
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
    """Make both keys in a fresh data folder.

    Args:
        data: created with mode 0700.
        origin: the audit log's name, such as "bank.example/audit".
        rng: source of randomness.

    Raises:
        StateError: there are keys already.
    """
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    create_secret_file(data / SERVICE_KEY, rng(SEED_BYTES).hex().encode() + b"\n")
    create_secret_file(data / LOG_KEY, encode_signing_key(origin, ED25519, Secret(rng(SEED_BYTES))).encode() + b"\n")
    return load_keys(data)


def load_keys(data: Path) -> EscrowKeys:
    """Read both keys.

    Raises:
        NotFound, MalformedInput, PermissionRefused: a file is absent, damaged, or open to others.
    """
    try:
        seed = bytes.fromhex(read_secret_file(data / SERVICE_KEY).reveal().decode("ascii"))
        service = SigningKey.from_seed(Secret(seed))
        log = NoteSigner.from_text(read_secret_file(data / LOG_KEY).reveal().decode("ascii").strip())
    except (ValueError, Refused):
        raise MalformedInput("A key file of the escrow service is damaged.", "Restore it from its backup.") from None
    return EscrowKeys(service, log)
