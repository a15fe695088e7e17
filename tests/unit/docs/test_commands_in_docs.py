"""Every `tapeline …` in the README and the guides names a group, a subcommand and options that exist."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_kit import USAGE_ERROR, parse
from docs_kit import PAGES, PROJECT, blocks, command_lines

from tapeline.cli.main import _HELP

FILES = ("aude.key", "roster.json", "FILE")  # named by a command that demands that they exist
COMMANDS = [(page, words) for page in PAGES for words in command_lines(page)]


@pytest.mark.parametrize(
    ("page", "words"), COMMANDS, ids=[f"{page.name}: {' '.join(words)}" for page, words in COMMANDS]
)
def test_it_parses(page: Path, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in FILES:
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    lines = [line.partition(" > ")[0] for block in blocks(page, "sh") for line in _one_line(block).splitlines()]
    in_sentence_only = " ".join(words) not in lines
    parse(words, whole=not in_sentence_only)


def _one_line(block: str) -> str:
    return block.replace('"', "")


@pytest.mark.parametrize("line", ["tapeline nobody serve", "tapeline relay fly", "tapeline relay"])
def test_a_group_or_subcommand_that_does_not_exist_is_noticed(line: str) -> None:
    with pytest.raises(AssertionError, match=r"there is no|stops at a group"):
        parse(line.split(), whole=True)


@pytest.mark.parametrize("line", ["tapeline key new --nmae Olga --out x --name y", "tapeline key new --name Olga"])
def test_an_unknown_or_missing_option_is_noticed(line: str) -> None:
    with pytest.raises(USAGE_ERROR):
        parse(line.split(), whole=True)


def test_an_unknown_option_is_noticed_in_a_sentence_too() -> None:
    with pytest.raises(USAGE_ERROR):
        parse(["tapeline", "key", "new", "--nmae"], whole=False)


def test_each_page_shows_commands() -> None:
    assert {page.name for page, _ in COMMANDS} == {page.name for page in PAGES}
    assert len(COMMANDS) > 40


def test_readme_and_help_agree_on_how_long_the_demo_takes() -> None:
    assert "about a minute" in _HELP
    assert "about a minute" in (PROJECT / "README.md").read_text()
