"""The trust policy (C2SP tlog-policy): which logs, which witnesses, and which of them suffice.

log example.com/log+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k
witness inside <vkey>
witness outside <vkey> https://witness.example/
group both all inside outside
quorum both
"""

from __future__ import annotations

from types import MappingProxyType

from tapeline.base.rules import Rule, require
from tapeline.transparency.keys import ED25519, parse_vkey
from tapeline.transparency.quorum import Policy, PolicyGroup, PolicyLog, PolicyWitness

__all__ = ["Policy", "PolicyGroup", "PolicyLog", "PolicyWitness", "parse_policy"]

MAX_POLICY_BYTES = 256 * 1024
MAX_COMPONENTS = 64
"""Of each kind: logs, witnesses, groups (tlog-policy, Implementation limits, asks for 32)."""

_WORDS = frozenset({"none", "all", "any"})


def parse_policy(raw: bytes) -> Policy:
    """Parse a policy strictly.

    Stricter than C2SP in two points: a log and a witness never share a key, and no name starts with `#`.
    Looser in two, as transparency-dev/formats is: a comment may follow a line's items, and a witness may be named by
    a plain Ed25519 vkey (0x01), which then stands for the cosigning key of the same name (0x04).

    Raises:
        Refused: POLICY_SYNTAX.
    """
    require(len(raw) <= MAX_POLICY_BYTES, Rule.POLICY_SYNTAX, "The policy is too large.")
    # tlog-policy, Character set: tab, newline, 0x20-0x7E, 0x80-0xFF.
    plain = all(octet in b"\t\n" or (octet >= 0x20 and octet != 0x7F) for octet in raw)
    require(plain and raw.endswith(b"\n"), Rule.POLICY_SYNTAX, "The policy is not lines of printable text.")
    reader = _Reader()
    # Octets with the high bit set are opaque: surrogate escapes keep each apart from every other.
    for line in raw.decode("utf-8", "surrogateescape").split("\n"):
        items = _items(line)
        if items:
            reader.read(items)
    return reader.finish()


def _items(line: str) -> list[str]:
    """Cut at spaces and tabs only, up to the first item that starts a comment."""
    items = [item for item in line.replace("\t", " ").split(" ") if item]
    comment = next((place for place, item in enumerate(items) if item.startswith("#")), len(items))
    return items[:comment]


class _Reader:
    """Collects the lines in order, so that a line can name only what came before it."""

    def __init__(self) -> None:
        self._logs: list[PolicyLog] = []
        self._witnesses: list[PolicyWitness] = []
        self._groups: dict[str, PolicyGroup] = {}
        self._names: set[str] = set()
        self._members: set[str] = set()
        self._quorums: list[str] = []

    def read(self, items: list[str]) -> None:
        keyword, *arguments = items
        handler = {
            "log": self._log,
            "witness": self._witness,
            "group": self._group,
            "quorum": self._quorum,
        }.get(keyword)
        require(handler is not None, Rule.POLICY_SYNTAX, "A policy line starts with an unknown word.")
        if handler is not None:
            handler(arguments)

    def finish(self) -> Policy:
        require(len(self._quorums) == 1, Rule.POLICY_SYNTAX, "A policy has exactly one quorum line.")
        counts = (len(self._logs), len(self._witnesses), len(self._groups))
        require(max(counts) <= MAX_COMPONENTS, Rule.POLICY_SYNTAX, "The policy has too many parts.")
        quorum = None if self._quorums[0] == "none" else self._quorums[0]
        return Policy(tuple(self._logs), tuple(self._witnesses), MappingProxyType(self._groups), quorum)

    def _log(self, arguments: list[str]) -> None:
        require(len(arguments) in {1, 2}, Rule.POLICY_SYNTAX, "A log line is: log <vkey> [<url>].")
        key = parse_vkey(arguments[0])
        require(key.kind == ED25519, Rule.POLICY_SYNTAX, "A log's key is not one that signs notes.")
        self._logs.append(PolicyLog(key, *arguments[1:]))

    def _witness(self, arguments: list[str]) -> None:
        require(len(arguments) in {2, 3}, Rule.POLICY_SYNTAX, "A witness line is: witness <name> <vkey> [<url>].")
        self._define(arguments[0])
        key = parse_vkey(arguments[1])
        self._witnesses.append(PolicyWitness(arguments[0], key.as_cosigner(), *arguments[2:]))

    def _group(self, arguments: list[str]) -> None:
        require(len(arguments) >= 3, Rule.POLICY_SYNTAX, "A group line is: group <name> all|any|<k> <name>…")
        name, rule, *members = arguments
        for member in members:
            # tlog-policy, Defining a witness group: each name is a member at most once, so counts only once.
            require(
                member in self._names and member not in self._members,
                Rule.POLICY_SYNTAX,
                "A group names a member that is not defined above it, or that is a member already.",
            )
            self._members.add(member)
        self._define(name)
        self._groups[name] = PolicyGroup(name, _threshold(rule, len(members)), tuple(members))

    def _quorum(self, arguments: list[str]) -> None:
        require(len(arguments) == 1, Rule.POLICY_SYNTAX, "A quorum line is: quorum <name>.")
        require(
            arguments[0] == "none" or arguments[0] in self._names,
            Rule.POLICY_SYNTAX,
            "The quorum names nothing that is defined above it.",
        )
        self._quorums.append(arguments[0])

    def _define(self, name: str) -> None:
        free = name not in self._names and name not in _WORDS
        require(free, Rule.POLICY_SYNTAX, "A name is defined twice, or is a word of the policy language.")
        self._names.add(name)


def _threshold(rule: str, count: int) -> int:
    if rule in {"any", "all"}:
        return 1 if rule == "any" else count
    canonical = rule.isascii() and rule.isdigit() and rule[0] != "0" and len(rule) <= 4
    require(
        canonical and 1 <= int(rule) <= count, Rule.POLICY_SYNTAX, "A threshold is not between 1 and the group's size."
    )
    return int(rule)
