from __future__ import annotations

from dataclasses import replace

import pytest
from dkg_kit import Table, seeded

from tapeline.base.errors import MalformedInput
from tapeline.crypto.cocktail.accusation import ACCUSATION_BYTES, Accusation, accusation_holds, accuse
from tapeline.crypto.cocktail.deal import deal_polynomial
from tapeline.crypto.cocktail.round1 import Round1Message
from tapeline.crypto.group import Scalar


def _cheat(table: Table, *, opens: bool) -> Round1Message:
    """Return dealer 2's message with a false ciphertext for participant 1: of another polynomial, or just noise."""
    polynomials = ([Scalar.from_int(a), Scalar.from_int(a + 1)] for a in (11, 21))
    ephemeral = Scalar.from_int(77)
    true, false = (deal_polynomial(table.setup, table.host_secrets[2], p, ephemeral, {}) for p in polynomials)
    sent = false.ciphertexts[0] if opens else bytes(48)
    return replace(true, ciphertexts=(sent, *true.ciphertexts[1:]))


@pytest.mark.parametrize("opens", [True, False])
def test_a_false_ciphertext_is_proven_to_all(opens: bool) -> None:
    table = Table(2, 3)
    message = _cheat(table, opens=opens)
    accusation = accuse(table.setup, table.host_secrets[1], 2, message, seeded("accuse"))
    encoded = accusation.encode()
    assert len(encoded) == ACCUSATION_BYTES
    assert accusation_holds(table.setup, message, Accusation.decode(encoded))


def test_no_one_can_accuse_an_honest_dealer() -> None:
    table = Table(2, 3)
    honest = accuse(table.setup, table.host_secrets[1], 2, table.messages[2], seeded("accuse"))
    assert not accusation_holds(table.setup, table.messages[2], honest)


def test_a_false_key_is_no_accusation() -> None:
    """The accuser pretends to other Diffie-Hellman points, under which the honest ciphertext does not open."""
    table = Table(2, 3)
    honest = accuse(table.setup, table.host_secrets[1], 2, table.messages[2], seeded("accuse"))
    for part in ("ephemeral_static", "static_static"):
        pretended = replace(honest.secrets, **{part: Scalar.from_int(3).base_mul()})
        assert not accusation_holds(table.setup, table.messages[2], replace(honest, secrets=pretended))


def test_an_accusation_is_of_one_message_only() -> None:
    table = Table(2, 3)
    message = _cheat(table, opens=True)
    accusation = accuse(table.setup, table.host_secrets[1], 2, message, seeded("accuse"))
    assert not accusation_holds(table.setup, table.messages[2], accusation)
    assert not accusation_holds(table.setup, message, replace(accusation, accuser=3))
    assert not accusation_holds(table.setup, message, replace(accusation, accused=3))
    assert not accusation_holds(table.setup, message, replace(accusation, accuser=0))


@pytest.mark.parametrize("length", [0, ACCUSATION_BYTES - 1, ACCUSATION_BYTES + 1])
def test_an_accusation_has_one_length(length: int) -> None:
    with pytest.raises(MalformedInput):
        Accusation.decode(bytes(length))
