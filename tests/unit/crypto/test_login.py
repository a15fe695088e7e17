"""Logins are for one server, one time, one key."""

from __future__ import annotations

import pytest
from record_kit import SeededRng

from tapeline.base.errors import PermissionRefused
from tapeline.base.rules import Refused, Rule
from tapeline.crypto.login import ESCROW, RELAY, sign_login, verify_login
from tapeline.crypto.signing import SigningKey
from tapeline.wire.v1.common_pb2 import Challenge
from tapeline.wire.v1.objects_pb2 import SignedObject

KEY = SigningKey.generate(SeededRng("login"))
CHALLENGE = Challenge(nonce=b"n" * 48, origin="log.example", expires_ms=2000)
LOGIN = sign_login(KEY, CHALLENGE, origin="log.example", audience=RELAY)


def test_a_login_verifies() -> None:
    login = verify_login(LOGIN, origin="log.example", audience=RELAY, now_ms=1999)
    assert (login.key, login.nonce, login.expires_ms) == (KEY.public, b"n" * 48, 2000)


@pytest.mark.parametrize(
    ("origin", "audience", "now_ms"),
    [("other.example", RELAY, 1999), ("log.example", ESCROW, 1999), ("log.example", RELAY, 2000)],
)
def test_another_server_or_time_is_refused(origin: str, audience: str, now_ms: int) -> None:
    with pytest.raises(PermissionRefused):
        verify_login(LOGIN, origin=origin, audience=audience, now_ms=now_ms)


def test_a_challenge_of_another_origin_is_not_signed() -> None:
    with pytest.raises(PermissionRefused):
        sign_login(KEY, CHALLENGE, origin="other.example", audience=RELAY)


@pytest.mark.rule(Rule.SIGNATURE)
def test_a_login_that_its_key_did_not_sign_is_refused() -> None:
    forged = SignedObject.FromString(LOGIN)
    forged.signature = KEY.sign("msg", forged.body)
    with pytest.raises(Refused) as caught:
        verify_login(forged.SerializeToString(), origin="log.example", audience=RELAY, now_ms=1)
    assert caught.value.rule is Rule.SIGNATURE
