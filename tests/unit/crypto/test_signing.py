from __future__ import annotations

import copy
import pickle

import pytest
from dkg_kit import seeded

from tapeline.base.ed25519 import is_public_key
from tapeline.base.errors import MalformedInput
from tapeline.base.hashing import tagged_hash
from tapeline.base.rules import Refused, Rule
from tapeline.base.secret import Secret
from tapeline.crypto.signing import (
    SigningKey,
    framed_signature_holds,
    signature_holds,
    verify_signature,
)

KEY = SigningKey.from_seed(Secret(bytes(range(32))))
SIGNATURE = KEY.sign("msg", b"body")
IDENTITY = (1).to_bytes(32, "little")


def test_a_signature_holds_for_its_kind_bytes_and_key() -> None:
    verify_signature(KEY.public, "msg", b"body", SIGNATURE)
    assert framed_signature_holds(KEY.public, tagged_hash("sig/msg", b"body"), SIGNATURE)


OTHER = SigningKey.generate(seeded("other"))
WRONG = {
    "kind": (KEY.public, "login", b"body", SIGNATURE),
    "body": (KEY.public, "msg", b"bodY", SIGNATURE),
    "key": (OTHER.public, "msg", b"body", SIGNATURE),
    "key length": (KEY.public + b"\0", "msg", b"body", SIGNATURE),
    "flipped": (KEY.public, "msg", b"body", bytes([SIGNATURE[0] ^ 1]) + SIGNATURE[1:]),
    "short": (KEY.public, "msg", b"body", SIGNATURE[:-1]),
    "long": (KEY.public, "msg", b"body", SIGNATURE + b"\0"),
    "empty": (KEY.public, "msg", b"body", b""),
}


@pytest.mark.rule(Rule.SIGNATURE)
@pytest.mark.parametrize("arguments", WRONG.values(), ids=WRONG.keys())
def test_anything_else_is_refused(arguments: tuple[bytes, str, bytes, bytes]) -> None:
    with pytest.raises(Refused) as refusal:
        verify_signature(*arguments, culprit="someone")
    assert refusal.value.rule is Rule.SIGNATURE
    assert refusal.value.culprit == "someone"


def test_the_identity_signs_nothing() -> None:
    """R = identity, z = 0 verifies for every message under the identity key in verifiers that accept it."""
    assert not is_public_key(IDENTITY)
    assert not signature_holds(IDENTITY, "msg", b"body", IDENTITY + bytes(32))


def test_a_key_comes_back_from_its_seed() -> None:
    assert SigningKey.from_seed(KEY.seed).public == KEY.public
    with pytest.raises(MalformedInput):
        SigningKey.from_seed(Secret(bytes(31)))


def test_a_key_shows_nothing_of_itself() -> None:
    assert KEY.seed.reveal().hex() not in repr(KEY)
    for leak in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            leak(KEY)
