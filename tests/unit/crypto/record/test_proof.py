"""The proof that every row holds what escrow's rows hold, and the attacks that it stops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from record_kit import Draft, SeededRng, make_world, refusal_of

from tapeline.base.rules import Refused, Rule
from tapeline.crypto.group import B_HAT, B, Point, Scalar
from tapeline.crypto.record.parse import parse_record
from tapeline.crypto.record.proof import Statement, verify_proof
from tapeline.crypto.record.prove import prove
from tapeline.crypto.record.rows import EscrowRow, Row
from tapeline.crypto.record.verify import verify_record

WORLD = make_world(seed="proof")
WIDE = make_world({"acme": {"ann": 1, "ben": 67}, "bolt": {"cora": 1}}, seed="wide proof")
RNG = SeededRng("proofs")


def refused(change: Callable[[Draft], None]) -> Rule:
    """Tell which rule refuses a record that a modified client changed, proved as well as it can, and signed."""
    draft = WORLD.draft()
    change(draft)
    return refusal_of(WORLD.finish(draft), WORLD.facts())


def statement(rows: int = 2, firms: int = 2, label: bytes = bytes(64)) -> tuple[Statement, Scalar]:
    m, r = Scalar.random(RNG).base_mul(), Scalar.random(RNG)
    points = [Scalar.random(RNG).base_mul() for _ in range(firms + rows)]
    escrow = [EscrowRow(f"firm {n}", RNG(64), point, m + point.mul(r)) for n, point in enumerate(points[:firms])]
    devices = [Row(RNG(64), point, m + point.mul(r)) for point in points[firms:]]
    return Statement(label, r.base_mul(), B_HAT.mul(r), escrow, devices), r


def assert_refused(claim: Statement, proof: bytes) -> None:
    with pytest.raises(Refused) as caught:
        verify_proof(claim, proof)
    assert caught.value.rule is Rule.REC_PROOF


@pytest.mark.parametrize(("rows", "firms"), [(0, 1), (1, 1), (0, 3), (5, 2)])
def test_an_honest_proof_verifies(rows: int, firms: int) -> None:
    claim, r = statement(rows, firms)
    proof = prove(claim, r, RNG)
    assert len(proof) == 64
    verify_proof(claim, proof)


@pytest.mark.rule(Rule.REC_PROOF)
def test_a_device_row_with_another_secret_is_refused() -> None:
    def change(draft: Draft) -> None:
        draft.rows[0] = replace(draft.rows[0], sealed=draft.rows[0].sealed + B)

    assert refused(change) is Rule.REC_PROOF


@pytest.mark.rule(Rule.REC_PROOF)
@pytest.mark.parametrize("position", [0, 1])
def test_an_escrow_row_with_another_secret_is_refused(position: int) -> None:
    """The attack that all of this is for: devices can read, escrow cannot."""

    def change(draft: Draft) -> None:
        row = draft.escrow_rows[position]
        draft.escrow_rows[position] = replace(row, sealed=row.sealed + B)

    assert refused(change) is Rule.REC_PROOF


@pytest.mark.rule(Rule.REC_PROOF)
def test_another_r_in_one_row_is_refused() -> None:
    def change(draft: Draft) -> None:
        draft.rows[0] = replace(draft.rows[0], sealed=draft.m + draft.rows[0].point.mul(Scalar.random(RNG)))

    assert refused(change) is Rule.REC_PROOF


@pytest.mark.rule(Rule.REC_PROOF)
@pytest.mark.parametrize("field", ["c0", "c0_hat"])
def test_a_header_of_another_r_is_refused(field: str) -> None:
    def change(draft: Draft) -> None:
        setattr(draft, field, (B if field == "c0" else B_HAT).mul(Scalar.random(RNG)))

    assert refused(change) is Rule.REC_PROOF


@pytest.mark.rule(Rule.REC_PROOF)
def test_anothers_header_shifted_by_a_known_delta_is_refused() -> None:
    """C0 + δB as a new record, rows shifted by δP: its partials would open the victim's session.

    The rows are consistent, and the thief knows δ but not r; Ĉ0 and the proof of r are what stop it.
    """
    victim = parse_record(WORLD.create().record)
    delta = Scalar.random(RNG)
    draft = WORLD.draft()
    draft.c0 = victim.header.c0 + delta.base_mul()
    draft.c0_hat = victim.header.c0_hat + B_HAT.mul(delta)
    draft.escrow_rows = [replace(row, sealed=row.sealed + row.point.mul(delta)) for row in victim.header.escrow_rows]
    draft.rows = [replace(row, sealed=row.sealed + row.point.mul(delta)) for row in victim.rows]
    draft.r = delta  # the best that the thief can prove with
    assert refusal_of(WORLD.finish(draft), WORLD.facts()) is Rule.REC_PROOF
    shifted = WORLD.finish(draft, proofs=victim.header.proofs)
    assert refusal_of(shifted, WORLD.facts()) is Rule.REC_PROOF


@pytest.mark.rule(Rule.REC_PROOF)
def test_anothers_header_and_proof_under_a_new_context_are_refused() -> None:
    """All of a victim's group elements and its proofs, with a reservation and label of the thief's own."""
    victim = parse_record(WORLD.create().record)
    draft = WORLD.draft()
    draft.c0, draft.c0_hat = victim.header.c0, victim.header.c0_hat
    draft.escrow_rows, draft.rows = list(victim.header.escrow_rows), list(victim.rows)
    moved = WORLD.finish(draft, proofs=victim.header.proofs)
    assert refusal_of(moved, WORLD.facts()) is Rule.REC_PROOF


@pytest.mark.rule(Rule.REC_PROOF)
def test_proofs_swapped_between_shards_are_refused() -> None:
    draft = WIDE.draft()
    proofs = list(parse_record(WIDE.finish(draft)).header.proofs)
    assert refusal_of(WIDE.finish(draft, proofs=proofs[::-1]), WIDE.facts()) is Rule.REC_PROOF


@pytest.mark.rule(Rule.REC_PROOF)
def test_each_shard_needs_its_own_proof() -> None:
    """One wrong row in the second shard: the first shard's readers are served right, the record is refused."""
    draft = WIDE.draft()
    draft.rows[-1] = replace(draft.rows[-1], sealed=draft.rows[-1].sealed + B)
    assert refusal_of(WIDE.finish(draft), WIDE.facts()) is Rule.REC_PROOF


@pytest.mark.rule(Rule.REC_PROOF)
@pytest.mark.parametrize("field", ["label", "c0", "c0_hat", "escrow_rows", "rows"])
def test_a_proof_is_bound_to_every_part_of_its_statement(field: str) -> None:
    claim, r = statement()
    other, _ = statement()
    proof = prove(claim, r, RNG)
    value = b"\1" * 64 if field == "label" else getattr(other, field)
    assert_refused(replace(claim, **{field: value}), proof)


@pytest.mark.rule(Rule.REC_PROOF)
def test_a_proof_is_bound_to_names_that_no_relation_holds() -> None:
    """Firm, key id and prekey hash stand in no equation: only the hash ties them."""
    claim, r = statement()
    proof = prove(claim, r, RNG)
    renamed = [replace(claim.escrow_rows[0], firm="other"), *claim.escrow_rows[1:]]
    rekeyed = [replace(claim.escrow_rows[0], key_id=bytes(64)), *claim.escrow_rows[1:]]
    rehashed = [replace(claim.rows[0], prekey=bytes(64)), *claim.rows[1:]]
    assert_refused(replace(claim, escrow_rows=renamed), proof)
    assert_refused(replace(claim, escrow_rows=rekeyed), proof)
    assert_refused(replace(claim, rows=rehashed), proof)


@pytest.mark.rule(Rule.REC_PROOF)
def test_a_row_dropped_from_the_statement_is_refused() -> None:
    claim, r = statement(rows=3)
    proof = prove(claim, r, RNG)
    assert_refused(replace(claim, rows=claim.rows[:-1]), proof)
    assert_refused(replace(claim, rows=claim.rows[::-1]), proof)


@pytest.mark.rule(Rule.REC_PROOF)
@pytest.mark.parametrize("proof", [bytes(64), b"\xff" * 64, (1).to_bytes(32, "little") + bytes(32)])
def test_scalars_zero_or_not_reduced_are_refused(proof: bytes) -> None:
    assert_refused(statement()[0], proof)


@pytest.mark.rule(Rule.WIRE_SIZE)
@pytest.mark.parametrize("length", [0, 63, 65])
def test_a_proof_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(Refused) as caught:
        verify_proof(statement()[0], bytes(length))
    assert caught.value.rule is Rule.WIRE_SIZE


def test_nonces_differ_for_other_statements_even_where_the_generator_repeats() -> None:
    """Two challenges on one nonce would give r away: z1 − z2 = (c1 − c2) r."""

    def stuck(count: int) -> bytes:
        return b"\x07" * count

    claim, r = statement()
    nonces = set()
    for label in (bytes(64), b"\1" * 64):
        proof = prove(replace(claim, label=label), r, stuck)
        c, z = Scalar.decode(proof[:32]), Scalar.decode(proof[32:])
        nonces.add((z.base_mul() - claim.c0.mul(c)).encode())
    assert len(nonces) == 2


def test_the_kits_records_hold_what_they_say() -> None:
    """Escrow's rows open to M with the known scalars, so that the tests above are about real records."""
    created = WORLD.create()
    record = parse_record(created.record)
    verified = verify_record(record, WORLD.facts())
    for row in verified.escrow_rows:
        opened = row.sealed - verified.c0.mul(WORLD.escrow[row.firm].scalar)
        assert opened == Point.decode(created.m.reveal())
