from __future__ import annotations

import pytest
from tlog_kit import LOG, ORIGIN, WITNESSES, policy, seed

from tapeline.base.rules import Refused, Rule
from tapeline.transparency.keys import COSIGNATURE_V1, ED25519, VerifierKey
from tapeline.transparency.note import NoteSigner
from tapeline.transparency.policy import Policy, PolicyGroup, PolicyWitness, parse_policy

W1, W2, W3 = (witness.key.encode() for witness in WITNESSES.values())
TWO = f"witness w1 {W1}\nwitness w2 {W2}\n"


@pytest.mark.parametrize(
    ("quorum", "met", "unmet"),
    [
        ("group q any w1 w2 w3", ["w1", "w2", "w3", "w1 w2"], [""]),
        ("group q all w1 w2 w3", ["w1 w2 w3"], ["", "w1 w2", "w2 w3"]),
        ("group q 2 w1 w2 w3", ["w1 w2", "w1 w3", "w1 w2 w3"], ["", "w1", "w3"]),
        ("group in 1 w1 w2\ngroup q all in w3", ["w1 w3", "w2 w3"], ["w1 w2", "w3", "w1 in"]),
    ],
)
def test_quorums_count_witnesses(quorum: str, met: list[str], unmet: list[str]) -> None:
    parsed = policy(quorum)
    assert all(parsed.is_met_by(names.split()) for names in met)
    assert not any(parsed.is_met_by(names.split()) for names in unmet)


def test_a_witness_alone_or_nobody_may_be_the_quorum() -> None:
    assert parse_policy(f"witness w1 {W1}\nquorum w1\n".encode()).is_met_by(["w1"])
    assert parse_policy(b"quorum none\n").is_met_by([])


def test_comments_blanks_and_urls() -> None:
    text = f"# c\n \t\n\tlog  {LOG.key.encode()}\thttps://l.example/\n {TWO} #x\nquorum w2 # y\n"
    parsed = parse_policy(text.encode())
    assert parsed.logs[0].url == "https://l.example/"
    assert parsed.log_keys(ORIGIN) == [LOG.key]
    assert parsed.log_keys("other") == []
    assert parsed.quorum == "w2"


def test_a_plain_ed25519_vkey_names_the_cosigning_key_of_its_name() -> None:
    plain = NoteSigner("w1.example/w", seed("w1")).key
    parsed = parse_policy(f"witness w1 {plain.encode()}\nquorum w1\n".encode())
    assert plain.kind == ED25519
    assert parsed.witnesses[0].key == WITNESSES["w1"].key


def test_names_are_opaque_octets() -> None:
    kelvin, latin = b"\xe2\x84\xaa", b"\xff"
    raw = b"witness K %s\nwitness %s %s\nwitness %s %s\ngroup q all K %s %s\nquorum q\n" % (
        W1.encode(), kelvin, W2.encode(), latin, W3.encode(), kelvin, latin,
    )  # fmt: skip
    assert len({witness.name for witness in parse_policy(raw).witnesses}) == 3


@pytest.mark.rule(Rule.POLICY_SYNTAX)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "quorum none",
        TWO,
        "quorum none\nquorum none\n",
        "quorum w1\n" + TWO,
        TWO + "quorum w1 w2\n",
        TWO + "quorum\n",
        TWO + "quorum any\n",
        TWO + "witness w1 " + W3 + "\nquorum w1\n",
        TWO + "witness w3 " + W1 + "\nquorum w1\n",  # the same key under another name: C2SP forbids it
        f"log {LOG.key.encode()}\nlog {LOG.key.encode()}\nquorum none\n",
        f"log {VerifierKey('x', ED25519, WITNESSES['w1'].key.public).encode()}\n{TWO}quorum w1\n",
        f"log {W1}\nquorum none\n",
        "log\nquorum none\n",
        f"witness all {W1}\nquorum all\n",
        f"witness none {W1}\nquorum none\n",
        f"witness #1 {W1}\nquorum none\n",
        f"witness w1\n{W1}\nquorum none\n",
        f"witness w1 {W1} url more\nquorum w1\n",
        f"mirror m {W1}\nquorum none\n",
        TWO + "group any 1 w1\nquorum any\n",
        TWO + "group g 0 w1\nquorum g\n",
        TWO + "group g -1 w1\nquorum g\n",
        TWO + "group g 01 w1\nquorum g\n",
        TWO + "group g 3 w1 w2\nquorum g\n",
        TWO + "group g all\nquorum g\n",
        TWO + "group g\nquorum w1\n",
        TWO + "group\nquorum w1\n",
        TWO + "group g all w1 w1\nquorum g\n",
        TWO + "group g all w1\ngroup h all w1 g\nquorum h\n",
        TWO + "group g all g\nquorum g\n",
        TWO + "group g all none\nquorum g\n",
        TWO + "group w1 all w2\nquorum w1\n",
        "\x0cquorum none\n",
        "\x7fquorum none\n",
        "quorum none\r\n",
        "quorum\u00a0none\n",
        "#" * 300_000 + "\nquorum none\n",
        "".join(
            f"witness n{n} {VerifierKey('n', COSIGNATURE_V1, NoteSigner('n', seed(str(n))).key.public).encode()}\n"
            for n in range(65)
        )
        + "quorum n1\n",
    ],
)
def test_a_malformed_policy_is_refused(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        parse_policy(text.encode())
    assert refusal.value.rule is Rule.POLICY_SYNTAX


@pytest.mark.rule(Rule.POLICY_SYNTAX)
def test_a_policy_built_in_code_is_checked_too() -> None:
    w1, twin = (PolicyWitness(name, WITNESSES["w1"].key) for name in ("w1", "twin"))
    w2 = PolicyWitness("w2", WITNESSES["w2"].key)
    cases = [
        ((w1, twin), {}, None),
        ((w1, PolicyWitness("w1", WITNESSES["w2"].key)), {}, None),
        ((w1, w2), {}, "w3"),
        ((w1, w2), {"g": PolicyGroup("g", 1, ("g",))}, "g"),
        ((w1, w2), {"g": PolicyGroup("g", 2, ("w1", "w1"))}, "g"),
        ((w1, w2), {"g": PolicyGroup("g", 0, ("w1",))}, "g"),
    ]
    for witnesses, groups, quorum in cases:
        with pytest.raises(Refused) as refusal:
            Policy((), witnesses, groups, quorum)
        assert refusal.value.rule is Rule.POLICY_SYNTAX
    both = {"all": PolicyGroup("all", 2, ("w1", "w2")), "out": PolicyGroup("out", 1, ("w2",))}
    Policy((), (w1, w2), {**both, "q": PolicyGroup("q", 2, ("all", "out"))}, "q")
