"""The root command: lists every group, loads only the one asked for, explains what is not installed."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import pytest
from typer.testing import CliRunner

from tapeline.cli.groups import GROUPS
from tapeline.cli.main import build

PROBE = """
import sys
from tapeline.cli.main import build
build(["--help"])
heavy = [name for name in ("grpc", "sqlalchemy", "starlette", "sqlcipher3") if name in sys.modules]
print(heavy)
"""


def test_help_lists_every_group() -> None:
    result = CliRunner().invoke(build(["--help"]), ["--help"])
    assert result.exit_code == 0
    for group in GROUPS:
        assert group.name in result.stdout


def test_the_version_is_printed() -> None:
    result = CliRunner().invoke(build(["--version"]), ["--version"])
    assert result.exit_code == 0
    assert result.stdout.startswith("tapeline ")


def test_help_loads_no_server() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize("words", [[], ["serve", "--port", "0"], ["--help"]])
def test_a_group_whose_extra_is_missing_says_what_to_install(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tapeline.cli.relay", None)  # importing it now raises ModuleNotFoundError
    result = CliRunner().invoke(build(["relay"]), ["relay", *words])
    assert result.exit_code == 2
    assert "pip install 'tapeline[relay]'" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "words", [["officer", "revoke"], ["custodian", "file", "ceremony"], ["demo"], ["chat", "send"]]
)
def test_help_flows_to_the_width_and_switches_show_no_type(words: list[str]) -> None:
    result = CliRunner(env={"COLUMNS": "100", "TERM": "dumb"}).invoke(build(words), [*words, "--help"])
    assert result.exit_code == 0
    assert "<bool>" not in result.stdout.split("--help")[0]
    lines = [line.strip() for line in result.stdout.split("╭")[0].splitlines()]
    for line, following in pairwise(lines):
        # A line ends where the next word would not have fitted, not where the source's line did.
        if line and following and not line.startswith("Usage"):
            assert len(f"{line} {following.split()[0]}") > 96, line
