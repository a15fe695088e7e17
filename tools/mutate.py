"""Turn off the check of one rule at one place at a time, and demand that a test fails.

A *site* is one `require(…, Rule.X, …)` or one `with refusing(Rule.X, …)`. In a copy of the sources the first loses its
effect, and the second swallows what is raised inside. The tests marked `@pytest.mark.rule(Rule.X)` run against it,
and where all pass, the tests of the room that the site is in. If none fails, no test holds that place, and this tool
fails. A rule is checked at many places: turning all of them off at once would hide those that nobody tests.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from rich.progress import Progress

from tapeline.base.rules import Rule

PROJECT = Path(__file__).resolve().parent.parent
ROOTS = ("proto", "core", "client_sdk", "server", "escrow", "cli", "testing")
SECONDS_PER_RUN = 300
EQUIVALENT = Path(__file__).with_name("mutate_equivalent.json")
"""Sites that no test can hold, with the reason: another check stands behind them."""
ROOMS = {"client": ["tests/unit/client", "tests/attacks"], "review": ["tests/unit/review", "tests/unit/audit"]}
"""Tests of a package that are not in tests/unit under its name alone."""


@dataclass(frozen=True)
class Site:
    """One check: the file, the function around it, the rule, and its number among that rule's checks in there."""

    path: str
    function: str
    rule: Rule
    number: int

    @property
    def name(self) -> str:
        """A name that survives edits elsewhere in the file."""
        module = self.path.partition("/tapeline/")[2].removesuffix(".py").replace("/", ".")
        return f"{self.rule.id} {module}:{self.function}#{self.number}"

    @property
    def package(self) -> str:
        """The package's name, which the folder of its unit tests has too."""
        return self.path.partition("/tapeline/")[2].partition("/")[0]


class Checks(ast.NodeTransformer):
    """Finds the checks of one file, and turns off the one that is wanted."""

    def __init__(self, path: str, wanted: Site | None = None) -> None:
        self.sites: list[Site] = []
        self._path = path
        self._wanted = wanted
        self._functions: list[str] = []
        self._counts: dict[tuple[str, Rule], int] = {}

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Note the function around a check."""
        return self._inside(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        """Note the function around a check."""
        return self._inside(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """Note the class around a check."""
        return self._inside(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Turn `require(condition, Rule.X, …)` into `require(bool(condition) or True, …)`, still evaluated."""
        self.generic_visit(node)
        rule = _rule_of(node.args[1]) if _named(node.func) == "require" and len(node.args) > 1 else None
        if rule is not None and self._is_wanted(rule):
            node.args[0] = ast.BoolOp(ast.Or(), [node.args[0], ast.Constant(value=True)])
        return node

    def visit_With(self, node: ast.With) -> ast.AST:
        """Turn `with refusing(Rule.X, …)` into `with contextlib.suppress(Exception)`."""
        self.generic_visit(node)
        for item in node.items:
            call = item.context_expr
            rule = _rule_of(call.args[0]) if isinstance(call, ast.Call) and _named(call.func) == "refusing" else None
            if rule is not None and self._is_wanted(rule):
                item.context_expr = ast.parse("__import__('contextlib').suppress(Exception)", mode="eval").body
        return node

    def _inside(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> ast.AST:
        self._functions.append(node.name)
        self.generic_visit(node)
        self._functions.pop()
        return node

    def _is_wanted(self, rule: Rule) -> bool:
        function = ".".join(self._functions)
        number = self._counts[function, rule] = self._counts.get((function, rule), 0) + 1
        site = Site(self._path, function, rule, number)
        self.sites.append(site)
        return site == self._wanted


def _named(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _rule_of(node: ast.expr) -> Rule | None:
    known = isinstance(node, ast.Attribute) and _named(node.value) == "Rule" and node.attr in Rule.__members__
    return Rule[node.attr] if known and isinstance(node, ast.Attribute) else None


def all_sites() -> Iterator[Site]:
    """Yield every check of the product, in the order of files and lines."""
    for root in ROOTS:
        for path in sorted((PROJECT / root).rglob("*.py")):
            source = path.read_text()
            if "Rule." in source:
                checks = Checks(str(path.relative_to(PROJECT)))
                checks.visit(ast.parse(source))
                yield from checks.sites


class Copy:
    """A copy of the sources, in which one site is off at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for root in ROOTS:
            shutil.copytree(PROJECT / root, folder / root, ignore=shutil.ignore_patterns("__pycache__"))

    def verdict(self, site: Site) -> str | None:
        """Return what is wrong with the site's pinning, or None where a test dies with it."""
        target = self._folder / site.path
        original = target.read_text()
        tree = Checks(site.path, site).visit(ast.parse(original))
        target.write_text(ast.unparse(ast.fix_missing_locations(tree)))
        try:
            return self._survives(site)
        finally:
            target.write_text(original)

    def _survives(self, site: Site) -> str | None:
        marked = self._pytest("--rule", site.rule.id, *_files_naming(site.rule))
        if marked == 1:
            return None
        if marked == 5:
            return "no test is marked with its rule"
        room = [one for one in ROOMS.get(site.package, [f"tests/unit/{site.package}"]) if (PROJECT / one).exists()]
        return None if room and self._pytest(*room) == 1 else "all tests pass with it off"

    def _pytest(self, *arguments: str) -> int:
        paths = os.pathsep.join(str(self._folder / root) for root in ROOTS)
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-m", "not soak", "-p", "no:cacheprovider", *arguments]
        environment = os.environ | {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            run = subprocess.run(
                command, cwd=PROJECT, env=environment, capture_output=True, timeout=SECONDS_PER_RUN, check=False
            )
        except subprocess.TimeoutExpired:
            return 1  # what hangs without its check is held by the suite's own time limit
        return run.returncode


def _files_naming(rule: Rule) -> list[str]:
    paths = (PROJECT / "tests").rglob("test_*.py")
    return sorted(str(path) for path in paths if f"Rule.{rule.name}" in path.read_text()) or ["tests/unit/base"]


def main(arguments: list[str]) -> int:
    """Turn off the wanted sites; print one line for each that no test holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wanted", nargs="*", help="rule ids (REC-9), or parts of sites' names; all where none is given")
    parser.add_argument("--list", action="store_true", help="print the sites and turn nothing off")
    options = parser.parse_args(arguments)
    equivalent: dict[str, str] = json.loads(EQUIVALENT.read_text())
    every = list(all_sites())
    stale = sorted(equivalent.keys() - {site.name for site in every})
    chosen = [site for site in every if not options.wanted or any(_matches(site, one) for one in options.wanted)]
    tried = [site for site in chosen if site.name not in equivalent]
    if options.list:
        print("\n".join(site.name for site in chosen))
        return 0
    started = time.monotonic()
    bad = _turn_off(tried)
    for name in stale:
        print(f"{name}: listed as equivalent in {EQUIVALENT.name}, and not in the code")
    held, seconds = len(tried) - bad, time.monotonic() - started
    print(f"{held} of {len(tried)} checks die with their test, {len(chosen) - len(tried)} equivalent, {seconds:.0f} s.")
    return 1 if bad or stale else 0


def _matches(site: Site, wanted: str) -> bool:
    return site.rule.id == wanted or (not wanted.isupper() and wanted in site.name)


def _turn_off(sites: list[Site]) -> int:
    workers = os.cpu_count() or 1
    copies: SimpleQueue[Copy] = SimpleQueue()
    bad = 0
    with tempfile.TemporaryDirectory() as scratch, Progress(transient=True) as progress:
        for number in range(workers):
            copies.put(Copy(Path(scratch) / str(number)))

        def verdict(site: Site) -> str | None:
            copy = copies.get()
            try:
                return copy.verdict(site)
            finally:
                copies.put(copy)

        task = progress.add_task("turning off checks", total=len(sites))
        with ThreadPoolExecutor(workers) as pool:
            for site, problem in zip(sites, pool.map(verdict, sites), strict=True):
                progress.advance(task)
                if problem:
                    bad += 1
                    progress.console.print(f"{site.name}: {problem}", markup=False, soft_wrap=True)
    return bad


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
