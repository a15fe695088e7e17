"""Write the rule table of docs/protocol.md from the code and the tests; `--check` fails where it is not fresh.

One row for each rule: its id, what is refused, the modules that check it, and the named tests that pin it.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tapeline.base.rules import Rule

PROJECT = Path(__file__).resolve().parent.parent
DOCUMENT = PROJECT / "docs" / "protocol.md"
ROOTS = ("core", "client_sdk", "server", "escrow", "cli")
BEGIN, END = "<!-- rule table: begin -->", "<!-- rule table: end -->"


def checks() -> dict[str, set[str]]:
    """Return rule name → dotted modules that call `require` or `refusing` with it."""
    found: dict[str, set[str]] = defaultdict(set)
    for root in ROOTS:
        for path in (PROJECT / root).rglob("*.py"):
            module = ".".join(path.relative_to(PROJECT / root).with_suffix("").parts[1:]).removesuffix(".__init__")
            for name in _rules_required(ast.parse(path.read_text())):
                found[name].add(module)
    return found


def _rules_required(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            called = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            position = {"require": 1, "refusing": 0, "Refused": 0}.get(called)
            if position is not None and len(node.args) > position:
                yield from _rule_named(node.args[position])


def _rule_named(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Rule":
        yield node.attr


def named_tests() -> dict[str, list[str]]:
    """Return rule name → names of the tests marked with it."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((PROJECT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for rule in _marked(node):
                    found[rule].append(f"{path.stem}::{node.name}")
    return found


def _marked(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    for mark in node.decorator_list:
        if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Attribute) and mark.func.attr == "rule":
            for argument in mark.args:
                yield from _rule_named(argument)


def table() -> str:
    """Return the Markdown table, one row for each rule in the order of the code."""
    where, tests = checks(), named_tests()
    rows = ["| id | refused | checked in | test |", "|---|---|---|---|"]
    for rule in Rule:
        modules = ", ".join(f"`{module}`" for module in sorted(where[rule.name])) or "nowhere"
        named = f"`{tests[rule.name][0]}`" if tests[rule.name] else "none"
        rows.append(f"| {rule.id} | {rule.value.refuses} | {modules} | {named} |")
    return "\n".join(rows)


def document_with(rows: str) -> str:
    """Return the protocol document with the table between its marks replaced."""
    before, rest = DOCUMENT.read_text().split(BEGIN)
    return f"{before}{BEGIN}\n\n{rows}\n\n{END}{rest.split(END)[1]}"


def main() -> int:
    """Write the table, or with --check say whether it is fresh and whole."""
    rows = table()
    fresh = document_with(rows)
    if "--check" not in sys.argv[1:]:
        DOCUMENT.write_text(fresh)
        return 0
    if fresh != DOCUMENT.read_text():
        print("The rule table of docs/protocol.md is stale: run `python tools/rule_table.py`.")
        return 1
    if "| nowhere |" in rows or "| none |" in rows:
        print("A rule has no check or no test: see `nowhere` and `none` in docs/protocol.md.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
