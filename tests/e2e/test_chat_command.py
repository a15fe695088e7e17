"""`tapeline chat` as a person types it, against a real deployment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tapeline.testing.background import BackgroundDeployment


def chat(folder: Path, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run a chat command on a store in a folder, with its passphrase file."""
    secret = folder / "passphrase"
    if not secret.exists():
        folder.mkdir(exist_ok=True)
        secret.touch(mode=0o600)
        secret.write_text("a long passphrase\n")
    command = [sys.executable, "-c", "from tapeline.cli.main import run; run()", "chat", *arguments]
    places = ["--store", str(folder / "store"), "--passphrase-file", str(secret)]
    return subprocess.run(
        [*command, *places], input=typed, capture_output=True, text=True, timeout=60, env=os.environ, check=False
    )


def result(done: subprocess.CompletedProcess[str]) -> dict[str, object]:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def enrolled(tapeline_deployment: BackgroundDeployment, tmp_path: Path) -> tuple[Path, Path]:
    """Two enrolled folders, of chat-ann and chat-ben."""
    for user in ("chat-ann", "chat-ben"):
        places = ("--relay", tapeline_deployment.relay, "--enroller", tapeline_deployment.enroller)
        done = chat(tmp_path / user, "enrol", *places, "--json", typed=tapeline_deployment.code(user) + "\n")
        assert result(done) == {"user": user, "firm": "bank"}
    return tmp_path / "chat-ann", tmp_path / "chat-ben"


def test_a_conversation_on_the_command_line(enrolled: tuple[Path, Path]) -> None:
    ann, ben = enrolled
    conversation = str(result(chat(ann, "start", "chat-ben", "--json"))["conversation"])
    told = result(chat(ann, "send", conversation[:12], "hello \x1b[2J there", "--logged", "--json"))
    assert told["sequence"] == 4  # membership, record, disclosure, record of a new process's session
    read = chat(ben, "read", "--seconds", "3", "--json")
    messages = [json.loads(line) for line in read.stdout.splitlines()]
    assert [(one["from"], one["kind"]) for one in messages] == [
        ("bank/chat-ann", "RecordingDisclosure"),
        ("bank/chat-ann", "Text"),
    ]
    assert "recorded" in messages[0]["text"]
    assert "ecorded" not in read.stderr  # it is said once
    listed = result(chat(ben, "list", "--json"))["conversations"]
    assert listed == {conversation: ["bank/chat-ann", "bank/chat-ben"]}

    chat(ann, "send", conversation[:12], "again \x1b[2J")
    shown = chat(ben, "read", "--seconds", "3")
    assert "again \\x1b[2J" in shown.stdout
    assert "hello" not in shown.stdout  # each once


def test_an_unknown_conversation_is_named_in_one_paragraph(enrolled: tuple[Path, Path]) -> None:
    done = chat(enrolled[0], "send", "ffff", "hello")
    assert done.returncode != 0
    assert "tapeline chat list" in done.stderr
    assert "Traceback" not in done.stderr


def test_who_was_added_may_send_and_list_before_having_read_anything(enrolled: tuple[Path, Path]) -> None:
    ann, ben = enrolled
    conversation = str(result(chat(ann, "start", "chat-ben", "--json"))["conversation"])
    # The text comes by standard input, where no list of processes shows it.
    assert result(chat(ben, "send", conversation[:12], "--json", typed="first\nword\n"))["sequence"] == 4
    assert conversation in dict(result(chat(ben, "list", "--json"))["conversations"])  # type: ignore[call-overload]
    shown = chat(ann, "read", "--seconds", "3")
    assert " UTC " in shown.stdout
    assert "chat-ben: first\n    │ word\n" in shown.stdout


def test_mistakes_are_named(tapeline_deployment: BackgroundDeployment, tmp_path: Path) -> None:
    where = {"--relay": tapeline_deployment.relay, "--enroller": tapeline_deployment.enroller}
    code = tmp_path / "code"
    code.write_text(tapeline_deployment.code("chat-eve") + "\n")

    def enrol(**wrong: str) -> subprocess.CompletedProcess[str]:
        told = [word for pair in (where | wrong).items() for word in pair]
        return chat(tmp_path / "chat-eve", "enrol", *told, "--code-file", str(code), "--json")

    nonsense = enrol(**{"--relay": "nonsense"})
    assert "not of the form host:port: nonsense" in nonsense.stderr
    assert not (tmp_path / "chat-eve" / "store").exists()
    http = tapeline_deployment.deployment.relay_http.removeprefix("http://").rstrip("/")
    other = enrol(**{"--relay": http})
    assert (other.returncode, "not by gRPC" in other.stderr) == (3, True)
    assert result(enrol())["user"] == "chat-eve"  # the same code, the right address
    stranger = chat(tmp_path / "chat-eve", "start", "chat-nobody")
    assert "bank/chat-nobody is not enrolled" in stranger.stderr
