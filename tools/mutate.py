"""Turn off each protocol rule in turn, and demand that its named test fails.

For a rule, every `require(…, Rule.X, …)` in a copy of the sources loses its effect, and every
`with refusing(Rule.X, …)` swallows what is raised inside. The tests marked `@pytest.mark.rule(Rule.X)` then run
against the copy: if none fails, the rule's check is not pinned by a test, and this tool fails.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.progress import Progress

from tapeline.base.rules import Rule

PROJECT = Path(__file__).resolve().parent.parent
ROOTS = ("proto", "core", "client_sdk", "server", "escrow", "cli", "testing")
SECONDS_PER_RULE = 300


class TurnOff(ast.NodeTransformer):
    """Rewrites the checks of one rule so that they never refuse."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.changed = 0

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Turn `require(condition, Rule.X, …)` into `require(bool(condition) or True, …)`, still evaluated."""
        self.generic_visit(node)
        if _named(node.func) == "require" and len(node.args) > 1 and self._is_rule(node.args[1]):
            self.changed += 1
            node.args[0] = ast.BoolOp(ast.Or(), [node.args[0], ast.Constant(value=True)])
        return node

    def visit_With(self, node: ast.With) -> ast.AST:
        """Turn `with refusing(Rule.X, …)` into `with contextlib.suppress(Exception)`."""
        self.generic_visit(node)
        for item in node.items:
            call = item.context_expr
            if isinstance(call, ast.Call) and _named(call.func) == "refusing" and self._is_rule(call.args[0]):
                self.changed += 1
                item.context_expr = ast.parse("__import__('contextlib').suppress(Exception)", mode="eval").body
        return node

    def _is_rule(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Attribute) and node.attr == self.rule.name and _named(node.value) == "Rule"


def _named(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def mutated_copy(rule: Rule, target: Path) -> int:
    """Write the packages with the rule's checks off under `target`; return how many checks were found."""
    changed = 0
    for root in ROOTS:
        shutil.copytree(PROJECT / root, target / root, ignore=shutil.ignore_patterns("__pycache__"))
        for path in (target / root).rglob("*.py"):
            source = path.read_text()
            if f"Rule.{rule.name}" not in source:
                continue
            tree = ast.parse(source)
            mutation = TurnOff(rule)
            mutation.visit(tree)
            if mutation.changed:
                path.write_text(ast.unparse(ast.fix_missing_locations(tree)))
                changed += mutation.changed
    return changed


def verdict(rule: Rule) -> str | None:
    """Return what is wrong with the rule's pinning, or None where its test dies with the check."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch)
        if not mutated_copy(rule, copy):
            return "no check in the code names it"
        path = os.pathsep.join(str(copy / root) for root in ROOTS)
        command = [sys.executable, "-m", "pytest", "-q", "-x", "--rule", rule.id, "-p", "no:cacheprovider"]
        command += sorted({str(p) for p in _files_naming(rule)}) or ["tests/unit"]
        try:
            run = subprocess.run(
                command, cwd=PROJECT, env=os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
                capture_output=True, text=True, timeout=SECONDS_PER_RULE, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return f"its tests did not end within {SECONDS_PER_RULE} s"
    if run.returncode == 1:
        return None
    if run.returncode == 5:
        return "no test is marked with it"
    return "its test passes with the check off" if run.returncode == 0 else f"pytest failed:\n{run.stdout[-2000:]}"


def _files_naming(rule: Rule) -> list[Path]:
    return [path for path in (PROJECT / "tests").rglob("test_*.py") if f"Rule.{rule.name}" in path.read_text()]


def main(wanted: list[str]) -> int:
    """Check the wanted rules (ids), or all; print one line for each that is not pinned."""
    rules = [rule for rule in Rule if not wanted or rule.id in wanted]
    started, bad = time.monotonic(), 0
    with Progress(transient=True) as progress, ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        task = progress.add_task("turning off rules", total=len(rules))
        for rule, problem in zip(rules, pool.map(verdict, rules), strict=True):
            progress.advance(task)
            if problem:
                bad += 1
                progress.console.print(f"{rule.id} {rule.name}: {problem}", markup=False)
    print(f"{len(rules) - bad} of {len(rules)} rules die with their check, {time.monotonic() - started:.0f} s.")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
