from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import httpx
import pytest
from tlog_kit import LOG, ORIGIN, WITNESSES, checkpoint_of, leaves

from tapeline.base.errors import StateError
from tapeline.base.rules import Refused, Rule
from tapeline.transparency.addcheckpoint import encode_add_checkpoint
from tapeline.transparency.cosignature import verify_cosignature
from tapeline.transparency.note import Note, parse_signatures
from tapeline.transparency.witness import MemoryWitnessStore, Witness
from tapeline.witness.app import witness_app
from tapeline.witness.config import parse_logs, read_logs
from tapeline.witness.keyfile import KEY_FILE, create_key, load_key

NOW_MS = 1_700_000_000_999


@pytest.fixture
def client() -> httpx.AsyncClient:
    witness = Witness(WITNESSES["w1"], {ORIGIN: [LOG.key]}, MemoryWitnessStore())
    transport = httpx.ASGITransport(witness_app(witness, lambda: NOW_MS))
    return httpx.AsyncClient(transport=transport, base_url="http://witness")


def body(size: int, old: int = 0) -> bytes:
    text = checkpoint_of(leaves(size)).encode()
    return encode_add_checkpoint(old, [], Note(text, (LOG.sign(text),)).encode())


async def test_it_cosigns_and_conflicts_over_http(client: httpx.AsyncClient) -> None:
    answer = await client.post("/add-checkpoint", content=body(3))
    assert answer.status_code == 200
    (cosignature,) = parse_signatures(answer.content)
    assert verify_cosignature(checkpoint_of(leaves(3)).encode(), cosignature, WITNESSES["w1"].key) == NOW_MS // 1000
    conflict = await client.post("/add-checkpoint", content=body(5))
    assert (conflict.status_code, conflict.content) == (409, b"3\n")
    assert conflict.headers["content-type"] == "text/x.tlog.size"


async def test_monitors_and_health(client: httpx.AsyncClient) -> None:
    path = f"/{hashlib.sha256(ORIGIN.encode()).hexdigest()}/checkpoint"
    assert (await client.get(path)).status_code == 404
    await client.post("/add-checkpoint", content=body(3))
    answer = await client.get(path)
    assert answer.content.startswith(checkpoint_of(leaves(3)).encode())
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert (await client.get("/")).json() == {"status": "ok", "vkey": WITNESSES["w1"].key.encode()}
    assert (await client.get("/add-checkpoint")).status_code == 405


async def test_an_endless_body_is_cut_off(client: httpx.AsyncClient) -> None:
    answer = await client.post("/add-checkpoint", content=b"old 0\n" * 100_000)
    assert answer.status_code == 413


def test_a_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "witness"
    cosigner = create_key(folder, "w.example/1", os.urandom)
    assert load_key(folder).key == cosigner.key
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / KEY_FILE).stat().st_mode) == 0o600
    assert (folder / KEY_FILE).read_text().startswith("PRIVATE+KEY+w.example/1+")
    with pytest.raises(StateError):
        create_key(folder, "w.example/1", os.urandom)
    (folder / KEY_FILE).chmod(0o640)
    with pytest.raises(StateError):
        load_key(folder)
    with pytest.raises(StateError):
        load_key(tmp_path)


def test_known_logs(tmp_path: Path) -> None:
    vkey = LOG.key.encode()
    logs = parse_logs(f"# ours\n\n{vkey}\n{vkey} go.sum database tree\n")
    assert logs == {ORIGIN: (LOG.key,), "go.sum database tree": (LOG.key,)}
    (tmp_path / "logs").write_text(vkey)
    assert read_logs(tmp_path / "logs") == {ORIGIN: (LOG.key,)}
    with pytest.raises(StateError):
        read_logs(tmp_path / "absent")


@pytest.mark.rule(Rule.POLICY_SYNTAX)
@pytest.mark.parametrize("text", ["", "# none\n", "not a vkey\n", WITNESSES["w1"].key.encode()])
def test_malformed_lists_of_logs_are_refused(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        parse_logs(text)
    assert refusal.value.rule is Rule.POLICY_SYNTAX
