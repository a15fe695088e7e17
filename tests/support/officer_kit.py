"""What officers work with: key files under cheap passphrases, public parts, and a plan beside them."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from gov_kit import WITNESSES, key, log_signer
from record_kit import SeededRng
from typer.testing import CliRunner

from tapeline.base.secret import Secret
from tapeline.cli.main import build
from tapeline.crypto.hpke_open import HpkePrivate
from tapeline.crypto.keyfile import PersonKey, seal_key_file
from tapeline.crypto.passphrase import Argon2Cost
from tapeline.governance.dsse import signer
from tapeline.governance.roster import Roster
from tapeline.officer.plan_example import EXAMPLE

PASSPHRASE = "correct horse battery staple"
SECRET = Secret(PASSPHRASE.encode())
CHEAP = Argon2Cost(memory_kib=64, passes=1, lanes=1)
PEOPLE = ("olga", "otto", "oona", "enroller", "cora", "carl", "cleo", "ada", "abel", "amos", "rita", "aude")


@lru_cache
def person_key(name: str) -> PersonKey:
    """A person's key, the same each time."""
    return PersonKey(name.title(), key(f"bank/{name}"), HpkePrivate.generate(SeededRng(f"hpke of {name}")))


def write_parts(folder: Path) -> None:
    """Write every public part that the example plan names."""
    parts = folder / "parts"
    parts.mkdir()
    made: dict[str, dict[str, str]] = {
        "relay": {"archive_log": log_signer("archive.example").key.encode(), "relay_key": key("relay").public.hex()},
        "escrow": {"audit_log": log_signer("audit.example").key.encode(), "escrow_key": key("escrow").public.hex()},
        "vault": {"vault_key": key("vault").public.hex()},
    }
    for name in PEOPLE:
        public = person_key(name).public
        made[name] = {"name": public.name, "key": public.signing.hex(), "hpke": public.hpke.encode().hex()}
    for name, cosigner in zip(("house", "branch", "notary", "university"), WITNESSES.values(), strict=False):
        made[name] = {"vkey": cosigner.key.encode()}
    for name, part in made.items():
        (parts / f"{name}.json").write_text(json.dumps(part))


def write_plan(folder: Path, text: str = EXAMPLE) -> Path:
    """Write a plan beside the parts."""
    if not (folder / "parts").exists():
        write_parts(folder)
    plan = folder / "plan.toml"
    plan.write_text(text)
    return plan


def write_key(folder: Path, name: str) -> Path:
    """Write a person's key file under `PASSPHRASE`, and the passphrase's file beside it."""
    path, secret = folder / f"{name}.key", folder / "passphrase"
    path.write_bytes(seal_key_file(person_key(name), SECRET, SeededRng(f"seal {name}"), CHEAP))
    path.chmod(0o600)
    secret.write_text(PASSPHRASE)
    secret.chmod(0o600)
    return path


def signed(roster: Roster, *names: str) -> bytes:
    """A roster with the signatures of these people."""
    return roster.sign([signer(person_key(name).signing) for name in names])


def command(*words: object, expect: int = 0) -> Any:
    """Run `tapeline` in this process; its JSON result, or its error."""
    arguments = [*map(str, words), "--json"]
    result = CliRunner().invoke(build(arguments), arguments)
    assert result.exit_code == expect, (result.stdout, result.stderr, result.exception)
    return json.loads(result.stdout) if expect == 0 else json.loads(result.stderr.strip().splitlines()[-1])["error"]
