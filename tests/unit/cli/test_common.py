"""The commands' conventions: one paragraph for each failure, statuses, JSON, control characters shown as codes."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from tapeline.base.errors import NotFound, Unavailable
from tapeline.base.rules import Refused, Rule
from tapeline.cli.common import command_errors, print_result
from tapeline.cli.failure import Status


def failing(error: Exception) -> typer.Typer:
    app = typer.Typer()

    @app.command()
    @command_errors
    async def go(as_json: bool = typer.Option(False, "--json")) -> None:
        raise error

    return app


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Refused(Rule.REC_PROOF, "The proof does not verify."), Status.REFUSED),
        (NotFound("There is no such case.", "List the cases."), Status.REFUSED),
        (Unavailable("The relay does not answer."), Status.UNREACHABLE),
        (ConnectionRefusedError(), Status.UNREACHABLE),
        (FileNotFoundError(2, "No such file or directory", "missing.key"), Status.REFUSED),
        (KeyError("a secret value"), Status.INTERNAL),
    ],
)
def test_a_failure_is_one_paragraph_and_a_status(error: Exception, status: Status) -> None:
    result = CliRunner().invoke(failing(error), [])
    assert result.exit_code == status
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr
    assert "a secret value" not in result.stderr


def test_the_rule_and_the_remedy_reach_the_json_reader() -> None:
    result = CliRunner().invoke(failing(Refused(Rule.MSG_FORK, "Two at one index.")), ["--json"])
    told = json.loads(result.stderr)["error"]
    assert (told["rule"], told["code"], told["status"]) == ("MSG-4", "Refused", 1)
    assert told["remedy"]


def test_a_remote_text_cannot_steer_the_terminal() -> None:
    result = CliRunner().invoke(failing(NotFound("gone \x1b[2J\x07", "look \x1b]0;title\x07")), [])
    assert "\x1b" not in result.stderr
    assert "\x07" not in result.stderr


def test_debugging_shows_the_trace_without_the_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPELINE_DEBUG", "1")
    hidden = "value-of-a-local"

    app = typer.Typer()

    @app.command()
    @command_errors
    def go() -> None:
        local = hidden + "!"
        raise RuntimeError if local else ValueError

    result = CliRunner().invoke(app, [])
    assert "RuntimeError" in result.stderr
    assert "value-of-a-local!" not in result.stderr


def test_ctrl_c_ends_with_its_own_status() -> None:
    with pytest.raises(SystemExit) as stopped, command_errors():
        raise KeyboardInterrupt
    assert stopped.value.code == 130


def test_usage_errors_stay_the_parsers() -> None:
    with pytest.raises(typer.BadParameter), command_errors():
        raise typer.BadParameter("no")


def test_a_result_is_one_json_line_with_bytes_in_hex(capsys: pytest.CaptureFixture[str]) -> None:
    print_result({"hash": b"\x01\xff", "name": "é\x1b"}, as_json=True)
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert json.loads(out) == {"hash": "01ff", "name": "é\x1b"}
    assert "\x1b" not in out


def test_a_result_for_people_keeps_no_control_character(capsys: pytest.CaptureFixture[str]) -> None:
    print_result({"user": "a\x1b[31mb"})
    print_result({}, human="x\x1b[2J\ny")
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "x\\x1b[2J\ny" in out


def test_debugging_shows_no_text_of_foreign_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPELINE_DEBUG", "1")
    secret = ValueError("".join(("the ", "passphrase\x1b[2J")))
    error = KeyError("".join(("another ", "value")))
    error.__cause__ = secret
    told = CliRunner().invoke(failing(error), []).stderr
    assert "KeyError:" in told
    assert "ValueError:" in told
    assert "raise error" in told
    assert not any(word in told for word in ("the passphrase", "another value", "\x1b"))
