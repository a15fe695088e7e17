"""Which secrets a client process holds at this moment, and which it held: told through a pipe, never logged.

The demo takes note of session roots as they are made, since the SDK itself forgets them; that is all it adds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tapeline.base.secret import Secret
from tapeline.client.client import Client
from tapeline.client.session import opener
from tapeline.crypto.message.ratchet import Ratchet
from tapeline.crypto.record.seal import CreatedRecord

_MADE_BY = "create_record"


class RootNotes:
    """Roots by record hash, and the other secrets of each session: m, q."""

    def __init__(self) -> None:
        self.roots: dict[bytes, bytes] = {}
        self.others: list[bytes] = []
        made = getattr(opener, _MADE_BY)

        def noting(**arguments: Any) -> CreatedRecord:
            created: CreatedRecord = made(**arguments)
            self.roots[created.record_hash] = created.root.reveal()
            self.others += [created.m.reveal(), arguments["reservation"].q.reveal()]
            return created

        setattr(opener, _MADE_BY, noting)


async def living_secrets(clients: Mapping[str, Client], notes: RootNotes, held: list[str]) -> dict[str, Any]:
    """Return {"alive": {name: hex}, "all": {name: hex}}; every value has at least 16 bytes."""
    alive: dict[str, str] = {f"text {number} held": text.encode().hex() for number, text in enumerate(held)}
    everything: dict[str, str] = {f"m or q {number}": one.hex() for number, one in enumerate(notes.others)}
    for user, client in clients.items():
        for number, lane in enumerate(client._engine.sender._lanes.values()):
            session = lane._session
            if session is not None:
                alive[f"chain key of {user}, lane {number}"] = session.chain._ratchet._chain_key.reveal().hex()
        for stored in client._engine.prekeys._stored:
            if stored.secret is not None:
                both = stored.secret.reveal()
                alive[f"prekey half of {user}, group"] = both[:32].hex()
                alive[f"prekey half of {user}, hpke"] = both[32:].hex()
    for number, (record_hash, root) in enumerate(notes.roots.items()):
        for index, key in enumerate(await _chain_keys(clients, record_hash, root)):
            everything[f"chain key {index} of session {number}"] = key.hex()
    return {"alive": alive, "all": everything | alive}


async def _chain_keys(clients: Mapping[str, Client], record_hash: bytes, root: bytes) -> list[bytes]:
    """Return CK_0, the root, up to CK_n of a session of n messages."""
    count = 0
    for client in clients.values():
        rows = await client._device.database.run(
            lambda db: db.execute("SELECT count(*) FROM messages WHERE record_hash = ?", (record_hash,)).fetchone()
        )
        count = max(count, rows[0])
        if count:
            break
    ratchet, keys = Ratchet(Secret(root)), [root]
    for _ in range(count):
        ratchet.step()
        keys.append(ratchet._chain_key.reveal())
    return keys
