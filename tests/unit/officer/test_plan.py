"""A plan's mistakes are the planner's own: each is named by file, line, person and key, and none passes in silence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from gov_kit import DEPLOYMENT, T0
from officer_kit import write_plan

from tapeline.base.errors import MalformedInput, TapelineError
from tapeline.base.rules import Refused
from tapeline.governance.roster import Roster
from tapeline.officer.plan import read_plan, roster_from_plan
from tapeline.officer.plan_example import EXAMPLE
from tapeline.officer.warnings import roster_warnings


def build(folder: Path, text: str = EXAMPLE) -> Roster:
    plan = read_plan(write_plan(folder, text))
    return roster_from_plan(plan, deployment=DEPLOYMENT, version=1, previous=b"", now_ms=T0)


def changed(old: str, new: str) -> tuple[str, int]:
    """The example with one passage replaced, and the line on which it stands."""
    assert EXAMPLE.count(old) >= 1, old
    return EXAMPLE.replace(old, new, 1), EXAMPLE[: EXAMPLE.index(old)].count("\n") + 1


def test_the_example_has_every_key_and_gives_no_cause_for_a_warning(tmp_path: Path) -> None:
    roster = build(tmp_path)
    assert len(roster.people) == 12
    assert (roster.publication_delay_ms, roster.change_delay_ms, roster.merge_delay_ms) == (3600000, 259200000, 60000)
    assert roster_warnings(roster, T0) == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('group = "compliance"', 'grp = "compliance"', r'\[\[people\]\] "ada", grp: .*no key "grp".*mean "group"'),
        ("approval_groups = 2", "approval_group = 2", r"\[thresholds\], approval_group: .*mean \"approval_groups\""),
        ("change_ms = 259200000", "change_days = 3", r"\[delays\], change_days: .*mean \"change_ms\""),
        ('organisation = "Bank"', 'organization = "Bank"', r'organization: .*mean "organisation"'),
        ('roles = ["reviewer"]', 'roles = ["reviwer"]', r'\[\[people\]\] "rita", roles: .*mean "reviewer"'),
        ('roles = ["auditor"]', "roles = []", r'\[\[people\]\] "aude", roles: name at least one'),
        ('id = "otto"', 'id = "olga"', r'\[\[people\]\] "olga", id: "olga" stands there twice'),
        ("officers = 2", 'officers = "two"', r"\[thresholds\], officers: this must be a whole number"),
        ('group = "legal"', "", r'\[\[people\]\] "amos": an approver needs a "group"'),
        ('group = "outside"', 'group = "external"', r'"notary", group: "external" is neither'),
        ('part = "parts/otto.json"', 'part = "parts/nobody.json"', r'"otto", part: .*nobody.json" is not readable'),
        ('part = "parts/otto.json"', 'part = "parts/olga.json"', r'"otto", part: this is the key of "olga"'),
        ('part = "parts/otto.json"', 'part = "parts/relay.json"', r'"otto", part: .*relay.json" is another part'),
        ("expires_days = 365", "expires_days = 100000", r"expires_days: a roster lasts from 1 to 1095 days"),
    ],
)
def test_a_mistake_is_named_by_line_person_and_key(tmp_path: Path, old: str, new: str, says: str) -> None:
    text, line = changed(old, new)
    with pytest.raises(MalformedInput) as error:
        build(tmp_path, text)
    assert re.search(says, error.value.cause), error.value.cause
    number = re.match(r"plan\.toml, line (\d+), ", error.value.cause)
    assert number is not None, error.value.cause
    assert abs(int(number[1]) - line) <= 3  # a key that is left out is told by its row


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    text, _ = changed('default_class = "7y"\n', "")
    with pytest.raises(MalformedInput, match='the key "default_class" is missing'):
        build(tmp_path, text)


def test_broken_toml_is_told_with_its_line(tmp_path: Path) -> None:
    text, line = changed('default_class = "7y"', 'default_class "7y"')
    with pytest.raises(MalformedInput, match=f"line {line}"):
        build(tmp_path, text)


def test_an_inconsistent_plan_is_no_attack(tmp_path: Path) -> None:
    text, _ = changed("officers = 2 ", "officers = 9 ")
    with pytest.raises(TapelineError, match=r"makes no consistent roster: A roster has too few officers\.") as error:
        build(tmp_path, text)
    assert not isinstance(error.value, Refused)
    assert "report the sender" not in error.value.remedy
