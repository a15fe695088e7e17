"""The auditor's import graph shows that it opens nothing."""

from __future__ import annotations

import subprocess
import sys

PROBE = "import sys, tapeline.audit.auditor; print('\\n'.join(name for name in sys.modules if 'tapeline.' in name))"
OPENERS = {
    "tapeline.crypto.hpke_open",
    "tapeline.crypto.prekey_secret",
    "tapeline.crypto.vault_open",
    "tapeline.crypto.partial_make",
    "tapeline.crypto.combine",
    "tapeline.crypto.keyfile",
    "tapeline.crypto.history",
    "tapeline.crypto.record.open",
    "tapeline.crypto.record.open_escrow",
    "tapeline.crypto.record.root",
    "tapeline.crypto.record.seal",
    "tapeline.crypto.message.chain",
    "tapeline.crypto.message.open",
    "tapeline.crypto.message.export",
}


def test_the_auditor_imports_no_opener() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "tapeline.crypto.record.verify" in loaded
    assert loaded & OPENERS == set()
