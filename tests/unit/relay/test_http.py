"""Tiles, metrics and health over HTTP."""

from __future__ import annotations

import httpx
from relay_device_kit import enrol, pair
from relay_kit import RunningRelay

from tapeline.transparency.tiles import decode_bundle
from tapeline.wire.v1.objects_pb2 import LEAF_TYPE_ROSTER, Leaf


def bearer(metadata: list[tuple[str, str]]) -> dict[str, str]:
    return dict(metadata)


async def test_hash_tiles_are_public_and_entries_are_not(relay: RunningRelay) -> None:
    ann = await enrol(relay, "ann")
    size = ann.state.verify_archive_note(ann.note).size
    async with httpx.AsyncClient(base_url=relay.where["http"], trust_env=False) as http:
        assert (await http.get("/checkpoint")).status_code == 200
        assert (await http.get(f"/tile/0/000.p/{size}")).status_code == 200
        entries = f"/tile/entries/000.p/{size}"
        assert (await http.get(entries)).status_code == 401
        assert (await http.get(entries, headers=bearer(ann.metadata))).status_code == 403
        assert (await http.get(entries, headers=bearer(await relay.person("olga")))).status_code == 403
        for reader in ("aura", "carl", "rita"):
            answer = await http.get(entries, headers=bearer(await relay.person(reader)))
            bundle = decode_bundle(answer.content, size)
            assert Leaf.FromString(bundle[0]).type == LEAF_TYPE_ROSTER


async def test_metrics_name_nobody(relay: RunningRelay) -> None:
    ann, _, conversation = await pair(relay)
    async with ann.line() as line:
        chain = await ann.open(line, conversation)
        await line.send("message", ann.message(chain))
    async with httpx.AsyncClient(base_url=relay.where["http"], trust_env=False) as http:
        text = (await http.get("/metrics")).text
        assert (await http.get("/livez")).text == "alive\n"
    assert 'tapeline_relay_leaves_total{type="message"} 1.0' in text
    assert 'tapeline_relay_leaves_total{type="session"} 1.0' in text
    assert not any(name in text for name in ("ann", "ben", "acme", conversation.hex()[:16]))
