"""ML-DSA-44 cosignatures of witnesses (C2SP tlog-cosignature), counted beside Ed25519 ones."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from tlog_kit import LOG, ORIGIN, WITNESSES, checkpoint_of, leaves, signed

from tapeline.base.rules import Refused, Rule
from tapeline.transparency.checkpoint import Checkpoint
from tapeline.transparency.cosignature import line_bytes, verify_cosignature
from tapeline.transparency.cosigned import CosignedCheckpoint, verify_cosigned
from tapeline.transparency.keys import COSIGNATURE_ML_DSA_44, VerifierKey, parse_signing_key, parse_vkey
from tapeline.transparency.note import Note, NoteSignature, parse_note
from tapeline.transparency.policy import parse_policy

SECRET = MLDSA44PrivateKey.from_seed_bytes(bytes(range(32)))
PUBLIC = SECRET.public_key().public_bytes_raw()
KEY = VerifierKey("pq.example/w", COSIGNATURE_ML_DSA_44, PUBLIC)
HEAD = checkpoint_of(leaves(5))
TEXT = HEAD.encode()


def _u64(number: int) -> bytes:
    return number.to_bytes(8, "big")


def _cosign(head: Checkpoint = HEAD, time: int = 1_000, key: VerifierKey = KEY, start: int = 0) -> NoteSignature:
    """Written from the specification's struct, apart from the code under test."""
    name, origin = key.name.encode(), head.origin.encode()
    message = b"subtree/v1\n\x00" + bytes([len(name)]) + name + _u64(time) + bytes([len(origin)]) + origin
    message += _u64(start) + _u64(head.size) + head.root
    return NoteSignature(key.name, key.key_id, _u64(time) + SECRET.sign(message))


def _verify(*extra: NoteSignature, times: dict[str, int], quorum: str) -> CosignedCheckpoint:
    parsed = parse_note(signed(HEAD, times))
    lines = [f"log {LOG.key.encode()}", f"witness w1 {WITNESSES['w1'].key.encode()}", f"witness pq {KEY.encode()}"]
    policy = parse_policy("\n".join([*lines, f"group q {quorum} w1 pq", "quorum q", ""]).encode())
    note = Note(parsed.text, (*parsed.signatures, *extra)).encode()
    return verify_cosigned(note, policy, log_origin=ORIGIN)


def test_the_key_has_a_vkey_of_its_own_id() -> None:
    digest = hashlib.sha256(b"pq.example/w\n\x06" + PUBLIC).digest()
    assert KEY.key_id == digest[:4]
    assert parse_vkey(KEY.encode()) == KEY == KEY.as_cosigner()


@pytest.mark.rule(Rule.POLICY_SYNTAX)
@pytest.mark.parametrize("public", [PUBLIC[:-1], PUBLIC + b"\0", PUBLIC[:32]])
def test_a_key_of_another_length_is_refused(public: bytes) -> None:
    with pytest.raises(Refused):
        parse_vkey(VerifierKey(KEY.name, COSIGNATURE_ML_DSA_44, public).encode())


@pytest.mark.rule(Rule.POLICY_SYNTAX)
def test_it_is_no_log_key_and_no_private_key() -> None:
    with pytest.raises(Refused):
        parse_policy(f"log {KEY.encode()}\nquorum none\n".encode())
    with pytest.raises(Refused, match="ML-DSA-44"):
        parse_signing_key("PRIVATE+KEY+" + KEY.encode())


def test_a_cosignature_verifies_and_tells_its_time() -> None:
    signature = _cosign()
    assert verify_cosignature(TEXT, signature, KEY) == 1_000
    assert line_bytes(KEY) == len(signature.line.encode())


@pytest.mark.rule(Rule.NOTE_SIGNATURE)
@pytest.mark.parametrize("case", ["time", "zero", "cut", "longer", "empty", "name", "root", "size", "origin", "subtree",
                                  "key", "type"])  # fmt: skip
def test_what_the_witness_did_not_cosign_is_refused(case: str) -> None:
    good = _cosign()
    value, key, text = good.value, KEY, TEXT
    if case == "time":
        value = _u64(1_001) + value[8:]
    elif case == "zero":
        value = _cosign(time=0).value
    elif case in {"cut", "longer", "empty"}:
        value = {"cut": value[:-1], "longer": value + b"\0", "empty": value[:8]}[case]
    elif case == "name":
        value = _cosign(key=VerifierKey("pq.example/other", COSIGNATURE_ML_DSA_44, PUBLIC)).value
    elif case == "root":
        text = Checkpoint(ORIGIN, 5, bytes(32)).encode()
    elif case == "size":
        text = Checkpoint(ORIGIN, 6, HEAD.root).encode()
    elif case == "origin":
        text = Checkpoint("o" * 256, 5, HEAD.root).encode()
    elif case == "subtree":
        value = _cosign(start=1).value
    elif case == "key":
        other = MLDSA44PrivateKey.from_seed_bytes(bytes(32)).public_key().public_bytes_raw()
        key = VerifierKey(KEY.name, COSIGNATURE_ML_DSA_44, other)
    else:
        key = VerifierKey(KEY.name, 0x05, PUBLIC)
    with pytest.raises(Refused) as refusal:
        verify_cosignature(text, NoteSignature(key.name, key.key_id, value), key)
    assert refusal.value.rule is Rule.NOTE_SIGNATURE


def test_it_counts_beside_an_ed25519_one() -> None:
    cosigned = _verify(_cosign(time=1_003), times={"w1": 1_000}, quorum="all")
    assert cosigned.witness_times == {"w1": 1_000, "pq": 1_003}


@pytest.mark.rule(Rule.NOTE_QUORUM)
def test_a_witness_counts_once_and_under_its_listed_key_only() -> None:
    """Its line of another type, or one of an unknown type, is a line of an unknown key and votes for nobody."""
    w1 = VerifierKey(WITNESSES["w1"].key.name, COSIGNATURE_ML_DSA_44, PUBLIC)
    unknown = NoteSignature(KEY.name, VerifierKey(KEY.name, 0x07, PUBLIC).key_id, b"anything")
    lines = (_cosign(key=w1), unknown)
    assert _verify(*lines, times={"w1": 1_000}, quorum="any").witness_times == {"w1": 1_000}
    with pytest.raises(Refused) as refusal:
        _verify(*lines, times={"w1": 1_000}, quorum="all")
    assert refusal.value.rule is Rule.NOTE_QUORUM


@pytest.mark.rule(Rule.NOTE_SYNTAX)
def test_a_witness_does_not_vote_twice() -> None:
    with pytest.raises(Refused, match="twice"):
        _verify(_cosign(), _cosign(time=1_001), times={"w1": 1_000}, quorum="any")


def test_one_line_that_does_not_verify_condemns_the_note() -> None:
    good = _cosign()
    with pytest.raises(Refused) as refusal:
        _verify(NoteSignature(good.name, good.key_id, good.value[:-1]), times={"w1": 1_000}, quorum="any")
    assert refusal.value.rule is Rule.NOTE_SIGNATURE
