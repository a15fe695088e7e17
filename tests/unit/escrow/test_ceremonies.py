"""The ceremony's board, and the custodians who believe nothing that it shows."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from agent_kit import cheap_store
from gov_kit import CLASS, DEPLOYMENT, T0, hpke, key, make_roster, sign_roster, successor

from tapeline.agent.ceremony import (
    ACTIVATION,
    CERTIFICATE,
    JOIN,
    OPEN_KIND,
    ROUND1,
    ROUNDS,
    SUCCESS,
    ceremony_id,
    sign_message,
)
from tapeline.agent.vault_key import attest_vault_key
from tapeline.base.errors import MalformedInput, NotFound, StateError
from tapeline.base.rules import Refused, Rule
from tapeline.base.times import DAY
from tapeline.crypto.ceremony import sign_round1
from tapeline.crypto.wire import encode
from tapeline.custodian.ceremony.call import require_newest_roster, verify_call
from tapeline.custodian.ceremony.carried import CarriedCeremony, roster_of_ceremony, write_state
from tapeline.custodian.ceremony.memory import CeremonyMemory
from tapeline.custodian.ceremony.record import CeremonyRecord
from tapeline.custodian.ceremony.run import advance, run_ceremony
from tapeline.custodian.ceremony.steps import Custodian, setup_of, step
from tapeline.escrow.ceremonies import CeremonyBoard
from tapeline.escrow.database import open_database
from tapeline.governance.certificate import verify_certificate
from tapeline.governance.dsse import add_signature, signer
from tapeline.officer.ceremony import certificate_of
from tapeline.wire.v1 import escrow_pb2 as wire
from tapeline.wire.v1.objects_pb2 import SignedObject

ROSTER = make_roster()
NAMES = ("carl", "cleo", "cyra")


def parameters(**changes: object) -> wire.CeremonyParameters:
    attestation = attest_vault_key(key("acme/vault"), DEPLOYMENT, 1, CLASS, hpke("v").public())
    values: dict[str, object] = {
        "deployment": DEPLOYMENT, "firm": "acme", "roster": ROSTER.statement_hash, "epoch": 1,
        "retention_class": CLASS, "threshold": 2, "custodians": NAMES, "attempt": 1,
        "v_public": hpke("v").public().encode(), "v_attestation": SignedObject.FromString(attestation),
        "active_from_ms": T0, "not_after_ms": T0 + DAY, **changes,
    }  # fmt: skip
    return wire.CeremonyParameters(**values)  # type: ignore[arg-type]


def opening(by: str = "olga", signed_by: str = "", **changes: object) -> wire.CeremonyOpen:
    body = encode(parameters(**changes))
    return wire.CeremonyOpen(
        parameters=body, officer=by, signature=key(f"acme/{signed_by or by}").sign(OPEN_KIND, body)
    )


def state_of(request: wire.CeremonyOpen) -> wire.CeremonyState:
    return wire.CeremonyState(parameters=request.parameters, officer=request.officer, signature=request.signature)


class MemoryPort:
    """A board in memory that anyone can tamper with, as the escrow service could."""

    def __init__(self, request: wire.CeremonyOpen) -> None:
        self.state = state_of(request)
        self.ceremony_id = ceremony_id(request.parameters)

    def ceremony(self, ceremony: bytes) -> wire.CeremonyState:
        copy = wire.CeremonyState()
        copy.CopyFrom(self.state)
        return copy

    def post_ceremony(self, ceremony: bytes, round_name: str, message: bytes) -> None:
        signed = SignedObject.FromString(message)
        custodian = wire.CeremonyBody.FromString(signed.body).custodian
        self.state.messages.append(wire.CeremonyMessage(round=round_name, custodian=custodian, message=signed))

    def replace_payload(self, round_name: str, custodian: str, payload: bytes) -> None:
        """Let the custodian truly sign another payload, as a dishonest custodian would."""
        for one in self.state.messages:
            if (one.round, one.custodian) == (round_name, custodian):
                made = sign_message(key(f"acme/{custodian}"), self.ceremony_id, round_name, custodian, payload)
                one.message.CopyFrom(SignedObject.FromString(made))

    def payload(self, round_name: str, custodian: str) -> bytes:
        found = next(one for one in self.state.messages if (one.round, one.custodian) == (round_name, custodian))
        return wire.CeremonyBody.FromString(found.message.body).payload


class Table:
    """Three custodians with their own stores around one port."""

    def __init__(self, folder: Path, port: MemoryPort | CarriedCeremony, ceremony: bytes) -> None:
        self.port, self.ceremony = port, ceremony
        self.memories = {name: CeremonyMemory(cheap_store(folder / name)) for name in NAMES}

    def advance(self, name: str) -> CeremonyRecord:
        me = Custodian(name, key(f"acme/{name}"))
        return advance(self.port, self.memories[name], me, ROSTER, self.ceremony, secrets.token_bytes)[0]

    def until(self, round_name: str) -> None:
        """Let everyone make the messages up to a round and nobody go further, as if all were equally fast."""
        for name in ROUNDS[: ROUNDS.index(round_name) + 1]:
            state = self.port.ceremony(self.ceremony)
            for custodian in NAMES:
                self._make(custodian, name, state)

    def _make(self, custodian: str, round_name: str, state: wire.CeremonyState) -> None:
        memory, me = self.memories[custodian], Custodian(custodian, key(f"acme/{custodian}"))
        record = memory.restore(self.ceremony) or CeremonyRecord.fresh(self.ceremony, secrets.token_bytes)
        if round_name in record.messages:
            return
        board = {(one.round, one.custodian): encode(one.message) for one in state.messages}
        made = step(verify_call(state, ROSTER), me, record, board, secrets.token_bytes)
        memory.save(made)
        self.port.post_ceremony(self.ceremony, round_name, made.messages[round_name])


@pytest.fixture
def table(tmp_path: Path) -> Table:
    port = MemoryPort(opening())
    return Table(tmp_path, port, port.ceremony_id)


def refused(rule: Rule, culprit: str | None, table: Table, name: str) -> None:
    with pytest.raises(Refused) as refusal:
        table.advance(name)
    assert (refusal.value.rule, refusal.value.culprit) == (rule, culprit)


def test_everyone_ends_with_the_same_certificate_and_a_working_share(table: Table) -> None:
    table.until(CERTIFICATE)
    records = [table.advance(name) for name in NAMES]
    assert len({one.certificate for one in records}) == 1
    signed = certificate_of(table.port.ceremony(b""), ROSTER)
    assert signed == records[0].certificate
    for officer in ("olga", "omar"):
        signed = add_signature(signed, signer(key(f"acme/{officer}")))
    certificate = verify_certificate(signed, ROSTER)
    for index, name in enumerate(NAMES):
        share = table.memories[name].share(certificate.escrow_key_id)
        assert share is not None
        assert share.public == certificate.verification_shares[index]


def test_an_agent_that_crashed_before_posting_posts_the_same_bytes(table: Table) -> None:
    table.until(JOIN)
    first = table.advance("carl").messages[ROUND1]
    port = table.port
    assert isinstance(port, MemoryPort)
    kept = [one for one in port.state.messages if (one.round, one.custodian) != (ROUND1, "carl")]
    del port.state.messages[:]
    port.state.messages.extend(kept)  # it was stored, and never arrived
    assert table.advance("carl").messages[ROUND1] == first
    assert wire.CeremonyBody.FromString(SignedObject.FromString(first).body).payload == port.payload(ROUND1, "carl")


def test_a_lost_store_cannot_join_twice(table: Table, tmp_path: Path) -> None:
    table.until(JOIN)
    table.memories["carl"] = CeremonyMemory(cheap_store(tmp_path / "another"))
    with pytest.raises(StateError, match="another store"):
        table.advance("carl")


@pytest.mark.rule(Rule.DKG_ROUND1)
def test_a_message_that_its_custodian_did_not_sign_is_refused(table: Table) -> None:
    table.until(JOIN)
    port = table.port
    assert isinstance(port, MemoryPort)
    for one in port.state.messages:
        if one.custodian == "cleo":
            one.message.signature = key("acme/cyra").sign("ceremony", one.message.body)
    refused(Rule.DKG_ROUND1, "cleo", table, "carl")


@pytest.mark.rule(Rule.DKG_SHARE)
def test_a_false_share_names_its_dealer(table: Table) -> None:
    table.until(ROUND1)
    port = table.port
    assert isinstance(port, MemoryPort)
    call = verify_call(port.ceremony(b""), ROSTER)
    setup = setup_of(call, {(one.round, one.custodian): encode(one.message) for one in port.state.messages})
    message = bytearray(port.payload(ROUND1, "cleo")[:-64])
    message[-1] ^= 1  # the last encrypted share, cyra's
    port.replace_payload(ROUND1, "cleo", sign_round1(key("acme/cleo"), setup, 2, bytes(message)))
    refused(Rule.DKG_SHARE, "2", table, "cyra")


@pytest.mark.rule(Rule.DKG_TRANSCRIPT)
def test_two_views_of_round_1_are_found_at_the_success_signatures(table: Table) -> None:
    table.until(SUCCESS)
    port = table.port
    assert isinstance(port, MemoryPort)
    port.replace_payload(SUCCESS, "cyra", port.payload(SUCCESS, "carl"))
    refused(Rule.DKG_TRANSCRIPT, "3", table, "carl")


@pytest.mark.rule(Rule.ACTIVATION)
def test_an_answer_without_a_working_share_stops_the_certificate(table: Table) -> None:
    table.until(ACTIVATION)
    port = table.port
    assert isinstance(port, MemoryPort)
    port.replace_payload(ACTIVATION, "cleo", port.payload(ACTIVATION, "carl"))
    refused(Rule.ACTIVATION, "cleo", table, "carl")


@pytest.mark.rule(Rule.ESCROW_CERTIFICATE)
def test_a_signature_of_another_certificate_is_found(table: Table) -> None:
    table.until(CERTIFICATE)
    port = table.port
    assert isinstance(port, MemoryPort)
    port.replace_payload(CERTIFICATE, "cleo", bytes(64))
    refused(Rule.ESCROW_CERTIFICATE, "cleo", table, "carl")


def test_an_unfinished_ceremony_has_no_certificate(table: Table) -> None:
    table.until(SUCCESS)
    with pytest.raises(StateError, match="still waits for carl"):
        certificate_of(table.port.ceremony(b""), ROSTER)


def test_a_deadline_ends_the_waiting_and_the_next_run_goes_on(table: Table) -> None:
    me = Custodian("carl", key("acme/carl"))
    now = iter(range(0, 10_000, 100))
    with pytest.raises(StateError) as stopped:
        run_ceremony(
            table.port, table.memories["carl"], me, ROSTER, table.ceremony,
            rng=secrets.token_bytes, clock=lambda: next(now), deadline_ms=300, pause=lambda _: None,
        )  # fmt: skip
    assert stopped.value.retryable
    table.until(CERTIFICATE)
    record = run_ceremony(
        table.port, table.memories["carl"], me, ROSTER, table.ceremony,
        rng=secrets.token_bytes, clock=lambda: 0, deadline_ms=1, pause=lambda _: None,
    )  # fmt: skip
    assert record.certificate


def test_a_ceremony_travels_as_a_file(tmp_path: Path) -> None:
    request = opening()
    path = tmp_path / "ceremony.state"
    write_state(path, state_of(request))
    table = Table(tmp_path, CarriedCeremony(path), ceremony_id(request.parameters))
    table.until(CERTIFICATE)
    assert table.advance("carl").certificate == certificate_of(table.port.ceremony(table.ceremony), ROSTER)
    with pytest.raises(NotFound):
        table.port.ceremony(bytes(64))


# --- the call --------------------------------------------------------------------------------------------------------


@pytest.mark.rule(Rule.SIGNATURE)
def test_a_call_that_its_officer_did_not_sign_is_refused() -> None:
    with pytest.raises(Refused) as refusal:
        verify_call(state_of(opening(by="olga", signed_by="omar")), ROSTER)
    assert refusal.value.rule is Rule.SIGNATURE


@pytest.mark.rule(Rule.ESCROW_CERTIFICATE)
@pytest.mark.parametrize(
    "changes",
    [
        {"roster": bytes(64)},
        {"firm": "other"},
        {"retention_class": "other"},
        {"custodians": ["carl", "carl", "cyra"]},
        {"custodians": ["carl", "abel"]},
        {"v_public": hpke("other").public().encode()},
        {"epoch": 2},  # the vault attested epoch 1
        {"not_after_ms": T0},
    ],
)
def test_a_call_of_other_parameters_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(Refused) as refusal:
        verify_call(state_of(opening(**changes)), ROSTER)
    assert refusal.value.rule is Rule.ESCROW_CERTIFICATE


@pytest.mark.rule(Rule.DKG_THRESHOLD)
@pytest.mark.parametrize("threshold", [0, 1, 4])
def test_a_call_of_an_unusable_threshold_is_refused(threshold: int) -> None:
    with pytest.raises(Refused) as refusal:
        verify_call(state_of(opening(threshold=threshold)), ROSTER)
    assert refusal.value.rule is Rule.DKG_THRESHOLD


# --- the service's board ---------------------------------------------------------------------------------------------


@pytest.fixture
async def board(tmp_path: Path) -> AsyncIterator[CeremonyBoard]:
    database = open_database(tmp_path / "escrow.db")
    yield CeremonyBoard(database, lambda: ROSTER, lambda: T0)
    await database.close()


def post(ceremony: bytes, name: str = "carl", payload: bytes = b"x", by: str = "") -> wire.CeremonyPost:
    message = sign_message(key(f"acme/{by or name}"), ceremony, JOIN, name, payload)
    return wire.CeremonyPost(ceremony=ceremony, round=JOIN, message=SignedObject.FromString(message))


async def test_a_ceremony_is_opened_once_and_keeps_its_messages_in_order(board: CeremonyBoard) -> None:
    ceremony = await board.open(opening())
    assert await board.open(opening()) == ceremony
    assert await board.list() == [ceremony]
    for name in ("cleo", "carl", "cleo"):
        await board.post(post(ceremony, name))
    assert [one.custodian for one in (await board.get(ceremony)).messages] == ["cleo", "carl"]


async def test_a_second_message_of_a_round_is_not_taken(board: CeremonyBoard) -> None:
    ceremony = await board.open(opening())
    await board.post(post(ceremony))
    with pytest.raises(StateError, match="another message"):
        await board.post(post(ceremony, payload=b"y"))
    assert len((await board.get(ceremony)).messages) == 1


@pytest.mark.rule(Rule.DKG_ROUND1)
async def test_a_message_in_anothers_name_is_not_taken(board: CeremonyBoard) -> None:
    ceremony = await board.open(opening())
    with pytest.raises(Refused) as refusal:
        await board.post(post(ceremony, by="cleo"))
    assert (refusal.value.rule, refusal.value.culprit) == (Rule.DKG_ROUND1, "carl")


async def test_strangers_and_unknown_ceremonies_are_not_taken(board: CeremonyBoard) -> None:
    ceremony = await board.open(opening())
    with pytest.raises(NotFound):
        await board.post(post(ceremony, "abel"))
    with pytest.raises(NotFound):
        await board.post(post(bytes(64)))


@pytest.mark.rule(Rule.SIGNATURE)
async def test_only_an_officer_opens(board: CeremonyBoard) -> None:
    with pytest.raises(MalformedInput):
        await board.open(opening(by="carl"))
    with pytest.raises(Refused) as refusal:
        await board.open(opening(by="olga", signed_by="carl"))
    assert refusal.value.rule is Rule.SIGNATURE
    with pytest.raises(MalformedInput):
        await board.open(opening(roster=bytes(64)))


async def test_an_epoch_that_has_its_key_gets_no_second_ceremony(tmp_path: Path) -> None:
    database = open_database(tmp_path / "escrow.db")
    board = CeremonyBoard(database, lambda: ROSTER, lambda: T0, lambda name: 2 if name == CLASS else 0)
    for epoch in (1, 2):
        with pytest.raises(StateError, match="has its key of epoch 2 already") as error:
            await board.open(opening(epoch=epoch))
        assert "tapeline officer ceremony open --epoch 3" in error.value.remedy
    assert await board.list() == []
    assert await board.open(opening(epoch=3))
    await database.close()


async def test_a_second_ceremony_of_one_attempt_is_refused_with_the_command_that_is_meant(board: CeremonyBoard) -> None:
    first = await board.open(opening())
    with pytest.raises(StateError, match="attempt 1 is open already") as error:
        await board.open(opening(not_after_ms=T0 + 2 * DAY))
    assert "--attempt 2" in error.value.remedy
    assert await board.list() == [first]
    assert len({first, await board.open(opening(attempt=2)), await board.open(opening(epoch=2))}) == 3


def test_a_carried_ceremony_needs_the_roster_it_was_opened_under() -> None:
    state = state_of(opening())
    assert roster_of_ceremony(sign_roster(ROSTER), state) == ROSTER
    with pytest.raises(StateError, match="another version of the roster than the given one, 2") as error:
        roster_of_ceremony(sign_roster(successor(ROSTER)), state)
    assert ROSTER.statement_hash.hex()[:16] in error.value.remedy
    with pytest.raises(StateError, match="Too few officers signed"):
        roster_of_ceremony(sign_roster(ROSTER, "olga"), state)


def test_a_newer_roster_ends_a_ceremony_and_says_so() -> None:
    require_newest_roster(state_of(opening()), ROSTER)
    with pytest.raises(StateError, match="Version 2 of the roster came after") as error:
        require_newest_roster(state_of(opening()), successor(ROSTER))
    assert "tapeline officer ceremony open" in error.value.remedy
