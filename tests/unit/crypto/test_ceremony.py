from __future__ import annotations

from dataclasses import replace

import pytest
from dkg_kit import Table, parameters

from tapeline.base.errors import MalformedInput
from tapeline.base.hashing import counted, tagged_hash, u64
from tapeline.base.rules import Refused, Rule
from tapeline.crypto.ceremony import (
    escrow_key_id,
    extension,
    session_id,
    setup_from,
    sign_announcement,
    sign_round1,
    vault_key_id,
    verify_announcement,
    verify_round1,
)
from tapeline.crypto.cocktail.round1 import Round1Message
from tapeline.crypto.cocktail.setup import session_context
from tapeline.crypto.group import B


@pytest.fixture(scope="module")
def table() -> Table:
    return Table(2, 3)


def test_session_id_and_context_are_of_the_written_form(table: Table) -> None:
    nonces = [announcement.nonce for announcement in table.announcements]
    fields = (b"demo", b"firm-a", b"r" * 64, u64(1), b"years-5", u64(2), u64(3), u64(0))
    assert table.setup.session_id == tagged_hash("ceremony", *fields, counted(nonces))
    assert table.setup.context == session_context(table.setup.session_id, table.setup.host_keys)
    assert setup_from(table.parameters, table.announcements[::-1]) == table.setup


CHANGES = {
    "deployment": {"deployment": "live"},
    "firm": {"firm": "firm-b"},
    "roster": {"roster_hash": b"s" * 64},
    "epoch": {"epoch": 2},
    "class": {"retention_class": "years-7"},
    "threshold": {"threshold": 3},
    "attempt": {"attempt": 1},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_every_parameter_is_bound(table: Table, change: dict[str, str | int | bytes]) -> None:
    nonces = [announcement.nonce for announcement in table.announcements]
    changed = replace(table.parameters, **change)  # type: ignore[arg-type]
    assert session_id(changed, nonces) != table.setup.session_id
    assert extension(changed, list(table.signed().values())) != table.extension


def test_every_nonce_is_bound_and_there_are_n_of_32_bytes(table: Table) -> None:
    nonces = [announcement.nonce for announcement in table.announcements]
    assert session_id(table.parameters, [nonces[1], nonces[0], nonces[2]]) != table.setup.session_id
    for bad in (nonces[:2], [*nonces, nonces[0]], [nonces[0], nonces[1], b"short"]):
        with pytest.raises(MalformedInput):
            session_id(table.parameters, bad)


@pytest.mark.rule(Rule.DKG_INDEX)
@pytest.mark.parametrize("indices", [(1, 2, 2), (0, 1, 2), (1, 2, 4)])
def test_announcements_are_one_of_each(table: Table, indices: tuple[int, ...]) -> None:
    changed = [replace(a, index=index) for a, index in zip(table.announcements, indices, strict=True)]
    with pytest.raises(Refused) as refusal:
        setup_from(table.parameters, changed)
    assert refusal.value.rule is Rule.DKG_INDEX


@pytest.mark.rule(Rule.DKG_ROUND1)
@pytest.mark.parametrize(
    "change", [{"index": 2}, {"host_key": B}, {"nonce": b"n" * 32}], ids=["index", "host key", "nonce"]
)
def test_a_changed_announcement_is_refused(table: Table, change: dict[str, object]) -> None:
    key, announcement = table.roster_keys[1], table.announcements[0]
    signature = sign_announcement(key, table.parameters, announcement)
    verify_announcement(key.public, table.parameters, announcement, signature)
    changed = replace(announcement, **change)  # type: ignore[arg-type]
    with pytest.raises(Refused) as refusal:
        verify_announcement(key.public, table.parameters, changed, signature)
    assert (refusal.value.rule, refusal.value.culprit) == (Rule.DKG_ROUND1, str(changed.index))


@pytest.mark.rule(Rule.DKG_ROUND1)
def test_an_announcement_of_another_attempt_is_refused(table: Table) -> None:
    key, announcement = table.roster_keys[1], table.announcements[0]
    signature = sign_announcement(key, parameters(2, 3, attempt=1), announcement)
    with pytest.raises(Refused) as refusal:
        verify_announcement(key.public, table.parameters, announcement, signature)
    assert refusal.value.rule is Rule.DKG_ROUND1


def test_a_signed_round_1_message_comes_back(table: Table) -> None:
    for index, signed in table.signed().items():
        message = verify_round1(table.roster_keys[index].public, table.setup, index, signed)
        assert Round1Message.decode(message, table.setup, index) == table.messages[index]


@pytest.mark.rule(Rule.DKG_ROUND1)
def test_a_message_of_another_custodian_index_or_ceremony_is_refused(table: Table) -> None:
    key, body = table.roster_keys[1], table.messages[1].encode()
    other = Table(2, 3, "other").setup
    for public, index, signed in (
        (table.roster_keys[2].public, 1, table.signed()[1]),
        (key.public, 2, table.signed()[1]),
        (key.public, 1, sign_round1(key, other, 1, body)),
        (key.public, 1, body),
        (key.public, 1, b""),
    ):
        with pytest.raises(Refused) as refusal:
            verify_round1(public, table.setup, index, signed)
        assert (refusal.value.rule, refusal.value.culprit) == (Rule.DKG_ROUND1, str(index))


def test_the_extension_takes_all_messages(table: Table) -> None:
    signed = list(table.signed().values())
    assert extension(table.parameters, signed) == tagged_hash(
        "ext", b"r" * 64, table.parameters.encode(), counted(signed)
    )
    with pytest.raises(MalformedInput):
        extension(table.parameters, signed[:2])


def test_key_ids() -> None:
    identity = escrow_key_id(B, b"t" * 64)
    assert identity == tagged_hash("escrow-key", B.encode(), b"t" * 64)
    assert vault_key_id(b"v" * 1216, identity) == tagged_hash("vault-key", b"v" * 1216, identity)
