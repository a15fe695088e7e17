"""What an operator sees of real processes: logs on standard error, ready apart from alive, and why not."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from process_kit import Running, eventually, tapeline
from services_kit import SERVICES, Firm, enrol, firm


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Firm]:
    made = firm(tmp_path)
    yield made
    made.end()


def ready_of(url: str) -> tuple[int, dict[str, str]]:
    answer = httpx.get(f"{url}/readyz", trust_env=False, timeout=10)
    body = answer.json()
    assert body["ready"] == (answer.status_code == 200)
    return answer.status_code, body["checks"]


def log_of(process: Running) -> list[dict[str, Any]]:
    return [json.loads(line) for line in process.log.read_text().splitlines()]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_logs_its_life_in_json_on_standard_error_and_is_alive(bank: Firm, service: str) -> None:
    process = bank.start(service)
    where = process.ready()
    url = where.get("http") or where["url"]
    alive = httpx.get(f"{url}/livez", trust_env=False, timeout=10)
    assert (alive.status_code, alive.text) == (200, "alive\n")
    status, checks = ready_of(url)
    assert (status == 200) == (service in {"vault", "enroller", "witness"}), checks
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=10) as stranger:
        stranger.sendall(b"\x16\x03\x01 no HTTP\r\n\r\n")
        stranger.recv(1024)
    assert process.process.stdout is not None
    process.process.terminate()
    rest = process.process.stdout.read()
    assert process.stop() == 0
    assert rest == b""  # nothing but the ready line
    told = log_of(process)
    started = next(line for line in told if line["event"] == "started")
    assert started["version"]
    assert url in started.values()
    assert told[-1]["event"] == "stopped"
    assert {line["service"] for line in told} == {service}
    assert any(line["event"] == "library" and line["library"] == "uvicorn.error" for line in told)


async def test_what_happens_is_told_without_anybodys_name(bank: Firm) -> None:
    witness = bank.start("witness").ready()
    bank.found_again(witness["url"])
    relay, enroller = bank.start("relay"), bank.start("enroller")
    where = relay.ready()
    made = tapeline(
        "enroller", "code", "--data", "enroller", "--roster", "roster.json", "--user", "annabella", cwd=bank.folder
    )
    await enrol(made["code"], where, enroller.ready(), bank.folder / "store")
    assert [relay.stop(), enroller.stop()] == [0, 0]
    told = {(line["event"], line.get("type")) for line in log_of(relay)}
    assert {("directory_leaf", "roster"), ("directory_leaf", "device"), ("stopped", None)} <= told
    assert ("directory_leaf", "prekey") not in told  # everyday, told at --log-level debug
    assert "device_enrolled" in {line["event"] for line in log_of(enroller)}
    for process in (relay, enroller):
        text = process.log.read_text()
        assert "annabella" not in text
        assert made["code"] not in text


def test_an_hour_of_absent_witnesses_is_told_by_readiness_and_not_by_a_flood(bank: Firm) -> None:
    process = bank.start("relay")
    url = process.ready()["http"]
    eventually(lambda: "checkpoint_not_cosigned" in process.log.read_text(), what="the first attempt")
    status, checks = ready_of(url)
    assert status == 503
    assert "cosigned" in checks["checkpoint"]
    assert checks["database"] == "ok"
    eventually(lambda: ready_of(url)[1]["witnesses"] == "No answer from w1.", what="the witness's absence")
    failures = [line for line in log_of(process) if line["event"] == "witness_failed"]
    assert len(failures) <= 2
    assert process.stop() == 0


def test_the_escrow_service_is_not_ready_without_its_vault(bank: Firm) -> None:
    vault = bank.start("vault")
    address = vault.ready()["grpc"]
    escrow = bank.start("escrow", "--vault", address)
    url = escrow.ready()["http"]
    eventually(lambda: ready_of(url)[1]["vault"] == "ok", what="the vault's answer")
    vault.kill()
    eventually(lambda: ready_of(url)[1]["vault"] == "The vault does not answer.", what="the vault's absence")
    assert escrow.stop() == 0


def test_a_taken_port_is_one_line_of_ours(bank: Firm) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        done = subprocess.run(
            [*bank.command("vault", "--port", str(other.getsockname()[1]))],
            cwd=bank.folder, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 3
    (line,) = done.stderr.strip().splitlines()
    assert "taken" in line
    assert done.stdout == ""
