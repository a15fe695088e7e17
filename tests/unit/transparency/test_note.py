from __future__ import annotations

import hashlib

import pytest
from nacl.bindings import (
    crypto_core_ed25519_add,
    crypto_core_ed25519_scalar_add,
    crypto_core_ed25519_scalar_mul,
    crypto_core_ed25519_scalar_reduce,
    crypto_scalarmult_ed25519_base_noclamp,
)
from nacl.signing import SigningKey
from tlog_kit import LOG, WITNESSES, checkpoint_of, leaves, seed

from tapeline.base.ed25519 import ed25519_holds
from tapeline.base.errors import MalformedInput
from tapeline.base.rules import Refused, Rule
from tapeline.transparency.checkpoint import Checkpoint, parse_checkpoint
from tapeline.transparency.cosignature import Cosigner, claimed_time, verify_cosignature
from tapeline.transparency.keys import COSIGNATURE_V1, ED25519, VerifierKey, encode_signing_key, parse_vkey
from tapeline.transparency.note import (
    Note,
    NoteSignature,
    NoteSigner,
    parse_note,
    verify_note_signature,
)

TEXT = checkpoint_of(leaves(3)).encode()
LINE = LOG.sign(TEXT).line
RAW = TEXT + b"\n" + LINE.encode()


def test_a_note_survives_the_journey() -> None:
    note = parse_note(RAW)
    assert note.encode() == RAW
    assert verify_note_signature(note, [LOG.key]) == note.signatures


def test_the_last_empty_line_ends_the_text() -> None:
    text = b"one\n\ntwo\n\n\n"
    assert parse_note(text + b"\n" + LOG.sign(text).line.encode()).text == text


def _line(encoded: str, name: str = "log.example") -> bytes:
    return TEXT + f"\n— {name} {encoded}\n".encode()


@pytest.mark.rule(Rule.NOTE_SYNTAX)
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        TEXT,
        TEXT + b"\n",
        RAW[:-1],
        RAW + b"\n",
        RAW.replace(b"\n", b"\r\n"),
        RAW.replace("—".encode(), b"-"),
        TEXT[:-1] + b"\xff\n\n" + LINE.encode(),
        b"\x1b" + RAW,
        _line("AAAAAAA="[:-1]),
        _line("AAAAAAB="),  # a stray bit: another spelling of AAAAAAA=
        _line("AAAAAA=="),  # four bytes: an id without a signature
        _line("AAAA AAA="),
        _line(""),
        _line("AAAAAAA=", name=""),
        _line("AAAAAAA=", name="a+b"),
        _line("AAAAAAA=", name="a\u00a0b"),
        TEXT + b"\n" + LINE.encode() * 65,
        b"x" * (256 * 1024) + RAW,
    ],
)
def test_a_malformed_note_is_refused(raw: bytes) -> None:
    with pytest.raises(Refused) as refusal:
        parse_note(raw)
    assert refusal.value.rule is Rule.NOTE_SYNTAX


ROOT = "+sVCA+fMaWzw38tCySodna9wrZ5iH0vY2YZi8A48ElQ="


@pytest.mark.rule(Rule.NOTE_SYNTAX)
@pytest.mark.parametrize(
    "text",
    [
        f"\n2\n{ROOT}\n",
        f"{'o' * 1025}\n2\n{ROOT}\n",
        "o\n2\n",
        f"o\n2\n{ROOT}",
        f"o\n02\n{ROOT}\n",
        f"o\n+2\n{ROOT}\n",
        f"o\n-2\n{ROOT}\n",
        f"o\n 2\n{ROOT}\n",
        f"o\n2 \n{ROOT}\n",
        f"o\n2_0\n{ROOT}\n",
        f"o\n٢\n{ROOT}\n",
        f"o\n\n{ROOT}\n",
        f"o\n{2**63}\n{ROOT}\n",
        f"o\n2\n{ROOT[:-1]}\n",
        f"o\n2\n{ROOT[:-2]}R=\n",
        "o\n2\nAAAA\n",
        f"o\n2\n{ROOT}\n\n",
        f"o\n2\n{ROOT}\next\n\n",
        f"o\n2\n{ROOT}\n" + "ext\n" * 17,
    ],
)
def test_a_malformed_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        parse_checkpoint(text.encode())
    assert refusal.value.rule is Rule.NOTE_SYNTAX


def test_checkpoints_survive_the_journey() -> None:
    for checkpoint in (
        checkpoint_of([]),
        checkpoint_of(leaves(9)),
        Checkpoint("o o", 2**63 - 1, b"r" * 32, ("a", "b")),
    ):
        assert parse_checkpoint(checkpoint.encode()) == checkpoint


@pytest.mark.rule(Rule.NOTE_SIGNATURE)
def test_another_keys_signature_is_not_the_logs() -> None:
    impostor = NoteSigner(LOG.key.name, seed("impostor"))
    forged = NoteSignature(LOG.key.name, LOG.key.key_id, impostor.sign(TEXT).value)
    for signatures in [(impostor.sign(TEXT),), (forged,), (LOG.sign(TEXT), forged), (LOG.sign(TEXT + b"x\n"),)]:
        with pytest.raises(Refused) as refusal:
            verify_note_signature(Note(TEXT, signatures), [LOG.key])
        assert refusal.value.rule is Rule.NOTE_SIGNATURE


@pytest.mark.rule(Rule.NOTE_SIGNATURE)
def test_a_cosignature_binds_key_text_and_time() -> None:
    witness, other = WITNESSES["w1"], WITNESSES["w2"]
    good = witness.cosign(TEXT, 1_679_315_147)
    assert verify_cosignature(TEXT, good, witness.key) == claimed_time(good) == 1_679_315_147
    later = NoteSignature(good.name, good.key_id, (1_679_315_148).to_bytes(8, "big") + good.value[8:])
    zero_time = SigningKey(seed("w1").reveal()).sign(b"cosignature/v1\ntime 0\n" + TEXT).signature
    zero = NoteSignature(good.name, good.key_id, bytes(8) + zero_time)
    plain = NoteSignature(good.name, good.key_id, NoteSigner(good.name, seed("w1")).sign(TEXT).value)
    for text, signature, key in [
        (TEXT, later, witness.key),
        (TEXT, zero, witness.key),
        (TEXT, plain, witness.key),
        (TEXT + b"x\n", good, witness.key),
        (TEXT, good, other.key),
        (TEXT, NoteSignature(good.name, good.key_id, good.value + b"\x00"), witness.key),
        (TEXT, NoteSignature(good.name, good.key_id, good.value[:7]), witness.key),
    ]:
        with pytest.raises(Refused) as refusal:
            verify_cosignature(text, signature, key)
        assert refusal.value.rule is Rule.NOTE_SIGNATURE


@pytest.mark.parametrize("time", [0, -1, 2**63])
def test_no_witness_states_an_impossible_time(time: int) -> None:
    with pytest.raises(MalformedInput):
        WITNESSES["w1"].cosign(TEXT, time)


def test_keys_survive_the_journey_and_say_their_use() -> None:
    assert parse_vkey(LOG.key.encode()) == LOG.key
    witness = WITNESSES["w1"].key
    assert parse_vkey(witness.encode()) == witness
    assert witness.kind == COSIGNATURE_V1
    assert NoteSigner.from_text(encode_signing_key(LOG.key.name, ED25519, seed("log"))).key == LOG.key
    assert Cosigner.from_text(encode_signing_key(witness.name, COSIGNATURE_V1, seed("w1"))).key == witness
    with pytest.raises(Refused):
        Cosigner.from_text(encode_signing_key(LOG.key.name, ED25519, seed("log")))
    with pytest.raises(Refused):
        NoteSigner.from_text(encode_signing_key(witness.name, COSIGNATURE_V1, seed("w1")))


@pytest.mark.rule(Rule.POLICY_SYNTAX)
@pytest.mark.parametrize(
    "text",
    ["", "a", "a+b", "PRIVATE+KEY+a+00000000+AAAA", LOG.key.encode() + "\n", LOG.key.encode().upper(),
     VerifierKey("log", 0x06, LOG.key.public).encode(), VerifierKey("log", ED25519, b"short").encode(),
     LOG.key.encode().replace("log.example", "log.exemple"), VerifierKey("x" * 2100, ED25519, LOG.key.public).encode()],
)  # fmt: skip
def test_a_malformed_vkey_is_refused(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        parse_vkey(text)
    assert refusal.value.rule is Rule.POLICY_SYNTAX


@pytest.mark.rule(Rule.POLICY_SYNTAX)
def test_a_vkey_of_small_order_is_refused() -> None:
    identity = b"\x01" + bytes(31)
    with pytest.raises(Refused) as refusal:
        parse_vkey(VerifierKey("log", ED25519, identity).encode())
    assert refusal.value.rule is Rule.POLICY_SYNTAX
    with pytest.raises(Refused):
        VerifierKey("a b", ED25519, LOG.key.public)


@pytest.mark.rule(Rule.POLICY_SYNTAX)
def test_a_malformed_private_key_is_refused() -> None:
    good = encode_signing_key("log", ED25519, seed("log"))
    NoteSigner.from_text(good)
    for text in (good + "\n", good.removeprefix("PRIVATE+KEY+"), good.replace("+log+", "+gol+"), good[:-4]):
        with pytest.raises(Refused) as refusal:
            NoteSigner.from_text(text)
        assert refusal.value.rule is Rule.POLICY_SYNTAX


def test_a_signer_does_not_show_its_seed() -> None:
    assert seed("log").reveal().hex() not in repr(vars(LOG))
    with pytest.raises(Refused) as refusal:
        NoteSigner.from_text("PRIVATE+KEY+log+00000000+AWZvb2Jhcg==")
    assert "AWZvb2Jhcg" not in str(refusal.value)


def test_a_key_with_a_low_order_component_verifies_nothing() -> None:
    """A = aB + T with T of order 2: cofactorless checks accept every second signature of such a key's holder."""
    order_two = (2**255 - 20).to_bytes(32, "little")
    scalar = crypto_core_ed25519_scalar_reduce(bytes(range(64)))
    nonce = crypto_core_ed25519_scalar_reduce(bytes(range(1, 65)))
    public = crypto_core_ed25519_add(crypto_scalarmult_ed25519_base_noclamp(scalar), order_two)
    commitment = crypto_scalarmult_ed25519_base_noclamp(nonce)
    for number in range(64):
        message = b"%d" % number
        challenge = crypto_core_ed25519_scalar_reduce(hashlib.sha512(commitment + public + message).digest())
        product = crypto_core_ed25519_scalar_mul(challenge, scalar)
        signature = commitment + crypto_core_ed25519_scalar_add(nonce, product)
        assert not ed25519_holds(public, message, signature)
