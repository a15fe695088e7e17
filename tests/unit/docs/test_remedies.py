"""No error, help or message advises a command or an option that does not exist: every text of the product is held
against the real command line.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_kit import every_command, parse, wrong_mentions
from docs_kit import PROJECT

ROOTS = ("core", "client_sdk", "server", "escrow", "cli", "testing")
FILES = sorted(path for root in ROOTS for path in (PROJECT / root).rglob("*.py") if "wire/v1" not in str(path))
EXAMPLES = [(name, command) for name, command in every_command() if "Example:" in (command.help or "")]
DEAD_ADVICE = (
    "List the ceremonies.",
    "List the cases.",
    "Log in with a role",
    "Enrol the device first",
    "Collect the officers' signatures",
    "Ask the sender for a history grant",
)
"""What once stood here and led nowhere: there was no such command, or it was not the way out."""


def sentences(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the texts of a file with their lines, its own docstring apart; what is filled in later stands as X."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    parts |= {id(node.value) for node in tree.body[:1] if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            texts = (part.value if isinstance(part, ast.Constant) else "X" for part in node.values)
            yield node.lineno, "".join(str(text) for text in texts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node.lineno, node.value


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(PROJECT)) for path in FILES])
def test_every_command_that_a_text_names_exists(path: Path) -> None:
    wrong = [
        f"line {line}: {what}"
        for line, text in sentences(path)
        if "tapeline " in text or text.startswith(("Give --", "Check --", "Choose another --"))
        for what in wrong_mentions(" ".join(text.split()))
    ]
    assert wrong == []


def test_advice_that_led_nowhere_does_not_come_back() -> None:
    found = [
        f"{path.name}:{line} {text}"
        for path in FILES
        for line, text in sentences(path)
        for dead in DEAD_ADVICE
        if dead in text
    ]
    assert found == []


@pytest.mark.parametrize(("name", "command"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_the_example_in_the_help_is_a_whole_command(
    name: str, command: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = str(command.help).split("Example:", 1)[1].strip()  # type: ignore[attr-defined]
    line = text[1:].partition("`")[0] if text.startswith("`") else re.split(r"\n\s*\n", text, maxsplit=1)[0]
    words = shlex.split(" ".join(line.split()).partition(" > ")[0], comments=True)
    for file in (word for word in words if word.endswith((".key", ".json", ".complaint"))):
        (tmp_path / file).touch()
    assert " ".join(words).startswith(f"tapeline {name}"), words
    parse(words, whole=True)


@pytest.mark.parametrize(
    "text",
    [
        "See `tapeline nobody serve`.",
        "Run: tapeline officer fly --high.",
        "See: tapeline officer.",
        "Try `tapeline key show FILE --loudly`.",
        "Give --nonsense.",
    ],
)
def test_advice_to_use_what_does_not_exist_is_noticed(text: str) -> None:
    assert list(wrong_mentions(text))


@pytest.mark.parametrize(
    "text",
    ["Make one with: tapeline witness key.", "tapeline stores it", "See: tapeline officer show FILE --previous R."],
)
def test_advice_that_holds_is_left_in_peace(text: str) -> None:
    assert list(wrong_mentions(text)) == []
