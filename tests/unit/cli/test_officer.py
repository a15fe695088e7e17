"""`tapeline officer`: what is signed is read first, asked for, and never overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest
from officer_kit import command as tapeline
from officer_kit import signed, write_key, write_plan
from typer.testing import CliRunner

from tapeline.cli.main import build
from tapeline.governance.dsse import parse_envelope
from tapeline.governance.roster import Roster
from tapeline.officer.plan_example import EXAMPLE


def text_of(*words: object) -> str:
    arguments = [*map(str, words)]
    result = CliRunner().invoke(build(arguments), arguments)
    assert result.exit_code == 0, result.stderr
    return result.stdout


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_plan(tmp_path)
    tapeline("officer", "roster", "build", "--plan", "plan.toml", "--out", "roster.json")
    return tmp_path


def test_a_signed_roster_is_never_overwritten(folder: Path) -> None:
    file = folder / "roster.json"
    file.write_bytes(signed(Roster.parse(file.read_bytes()), "olga", "otto"))
    before = file.read_bytes()
    error = tapeline("officer", "roster", "build", "--plan", "plan.toml", "--out", "roster.json", expect=1)
    assert "There is a file roster.json already." in error["cause"]
    assert file.read_bytes() == before


def test_signing_elsewhere_overwrites_nothing_either(folder: Path) -> None:
    write_key(folder, "olga")
    (folder / "other.json").write_text("something")
    words = ("officer", "sign", "roster.json", "--key", "olga.key", "--passphrase-file", "passphrase", "--yes")
    assert "already" in tapeline(*words, "--out", "other.json", expect=1)["cause"]
    assert (folder / "other.json").read_text() == "something"
    assert tapeline(*words, "--out", "signed.json")["signatures"] == 1
    assert parse_envelope((folder / "roster.json").read_bytes(), "roster").signatures == ()


def test_nobody_signs_without_a_yes(folder: Path) -> None:
    write_key(folder, "olga")
    words = ("officer", "sign", "roster.json", "--key", "olga.key", "--passphrase-file", "passphrase")
    error = tapeline(*words, expect=1)
    assert "say yes" in error["cause"]
    assert parse_envelope((folder / "roster.json").read_bytes(), "roster").signatures == ()
    assert tapeline(*words, "--yes")["signatures"] == 1


def test_one_who_is_no_officer_signs_nothing(folder: Path) -> None:
    write_key(folder, "rita")
    words = ("--key", "rita.key", "--passphrase-file", "passphrase", "--yes")
    error = tapeline("officer", "sign", "roster.json", *words, expect=1)
    assert error["cause"] == "This key is no officer's: rita is reviewer."
    assert parse_envelope((folder / "roster.json").read_bytes(), "roster").signatures == ()


def test_an_officer_who_leaves_signs_the_roster_that_leaves_her_out(folder: Path) -> None:
    write_key(folder, "olga")
    without = EXAMPLE[: EXAMPLE.index('[[people]]\nid = "olga"')] + EXAMPLE[EXAMPLE.index('[[people]]\nid = "otto"') :]
    write_plan(folder, without)
    made = tapeline(
        "officer", "roster", "build", "--plan", "plan.toml", "--previous", "roster.json", "--out", "roster2.json"
    )
    assert made["version"] == 2
    assert 'The person "olga" is left out.' in made["changes"]
    words = ("officer", "sign", "roster2.json", "--key", "olga.key", "--passphrase-file", "passphrase", "--yes")
    assert "--previous" in tapeline(*words, expect=1)["remedy"]
    assert tapeline(*words, "--previous", "roster.json")["signatures"] == 1
    told = tapeline("officer", "show", "roster2.json", "--previous", "roster.json")
    assert told["signed_by"] == ["olga"]


def test_the_next_version_keeps_the_deployment(folder: Path) -> None:
    write_plan(folder)
    tapeline("officer", "roster", "build", "--plan", "plan.toml", "--previous", "roster.json", "--out", "roster2.json")
    first, second = (Roster.parse((folder / name).read_bytes()) for name in ("roster.json", "roster2.json"))
    assert (second.deployment, second.previous) == (first.deployment, first.statement_hash)


def test_all_of_a_roster_is_on_the_screen(folder: Path) -> None:
    shown = " ".join(text_of("officer", "show", "roster.json").split())
    for passage in ("3 days before new approvers", "http://127.0.0.1:7013", "works council", "2 of 3", "nobody yet"):
        assert passage in shown, passage


def test_the_example_is_printed_as_it_can_be_used(folder: Path) -> None:
    assert text_of("officer", "roster", "example") == EXAMPLE


def test_a_kind_that_officers_do_not_sign_is_named(folder: Path) -> None:
    from gov_kit import T0, sign

    from tapeline.governance.approval import Rejection

    write_key(folder, "olga")
    rejection = Rejection(b"c" * 64, "ada", "No.", T0)
    (folder / "rejection.json").write_bytes(sign(rejection, "acme/ada"))
    error = tapeline("officer", "sign", "rejection.json", "--key", "olga.key", "--yes", expect=1)
    assert error["cause"] == "Officers sign no rejection."


def test_a_roster_that_leaves_no_common_quorum_is_not_built(folder: Path) -> None:
    """The quorum in force goes on for the delay: who builds is told to add first, or to keep the old one running."""
    plan = folder / "plan.toml"
    plan.write_text(EXAMPLE.replace("total = 3", "total = 4") if "total = 3" in EXAMPLE else EXAMPLE)
    tapeline("officer", "roster", "build", "--plan", "plan.toml", "--out", "whole.json")
    fewer = _without_witness(plan.read_text(), "university").replace("total = 4", "total = 3")
    plan.write_text(fewer)
    words = ("officer", "roster", "build", "--plan", "plan.toml", "--previous", "whole.json", "--out", "next.json")
    error = tapeline(*words, expect=1)
    assert "Without university" in error["cause"]
    assert "3 days" in error["remedy"]
    assert "--replace-witnesses" in error["remedy"]
    assert not (folder / "next.json").exists()
    assert tapeline(*words, "--replace-witnesses")["version"] == 2


def _without_witness(plan: str, name: str) -> str:
    before, *tables = plan.split("[[witnesses]]")
    return "[[witnesses]]".join([before, *(table for table in tables if f'"{name}"' not in table)])
