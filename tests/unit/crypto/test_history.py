"""History grants: a secret handed on, with nothing to be believed."""

from __future__ import annotations

import pytest
from record_kit import make_world, view_of

from tapeline.base.rules import Refused, Rule
from tapeline.base.secret import Secret
from tapeline.crypto.group import B, Point
from tapeline.crypto.history import ParsedGrant, make_grant, make_sender_grant, open_grant, parse_grant
from tapeline.crypto.record.parse import parse_record
from tapeline.crypto.record.verify import verify_record
from tapeline.crypto.wire import encode
from tapeline.wire.v1.content_pb2 import HistoryGrant

WORLD = make_world(seed="history")
BEN, CORA = WORLD.others[0], WORLD.others[2]
PENDING = WORLD.reserve()
CREATED = WORLD.create(pending=PENDING)
OTHER = WORLD.create()
FACTS = WORLD.facts()


def bens() -> HistoryGrant:
    view = view_of(CREATED.record, BEN)
    return make_grant(view, verify_record(view, FACTS, own=BEN.fact), BEN.secret, WORLD.rng)


def senders() -> HistoryGrant:
    return make_sender_grant(parse_record(CREATED.record), CREATED, PENDING.q)


def opened(grant: HistoryGrant) -> Secret:
    """Take the grant as its grantee does: parse, judge the record by the directory, open."""
    parsed = parse_grant(encode(grant))
    own = BEN.fact if parsed.view.row_index is not None else None
    return open_grant(parsed, verify_record(parsed.view, FACTS, own=own))


def refused(grant: HistoryGrant) -> Rule:
    with pytest.raises(Refused) as caught:
        opened(grant)
    return caught.value.rule


@pytest.mark.parametrize("make", [bens, senders])
def test_a_grant_gives_the_session_root(make: object) -> None:
    assert opened(make()) == CREATED.root  # type: ignore[operator]


@pytest.mark.rule(Rule.OPEN_SECRET)
@pytest.mark.parametrize("make", [bens, senders])
def test_another_secret_than_the_rows_is_refused(make: object) -> None:
    """With M + B the grantee would read another plaintext than escrow."""
    grant: HistoryGrant = make()  # type: ignore[operator]
    grant.m = (Point.decode(grant.m) + B).encode()
    assert refused(grant) is Rule.OPEN_SECRET


@pytest.mark.rule(Rule.OPEN_SECRET)
def test_a_proof_for_another_row_record_or_grantor_is_refused() -> None:
    for proof in (senders().opening_proof, OTHER.opening_proof, bytes(64), b""):
        grant = bens()
        grant.opening_proof = proof
        assert refused(grant) is Rule.OPEN_SECRET


@pytest.mark.rule(Rule.OPEN_SECRET)
def test_a_row_that_is_not_in_the_shard_is_refused() -> None:
    grant = bens()
    grant.row.sealed = B.encode()
    assert refused(grant) is Rule.OPEN_SECRET


@pytest.mark.rule(Rule.OPEN_SECRET)
def test_a_header_of_another_session_is_refused() -> None:
    grant = bens()
    grant.record_hash = OTHER.record_hash
    assert refused(grant) is Rule.OPEN_SECRET


@pytest.mark.rule(Rule.OPEN_SECRET)
def test_a_verdict_on_another_session_does_not_count() -> None:
    parsed: ParsedGrant = parse_grant(encode(bens()))
    other = verify_record(parse_record(OTHER.record), WORLD.facts())
    with pytest.raises(Refused) as caught:
        open_grant(parsed, other)
    assert caught.value.rule is Rule.OPEN_SECRET


@pytest.mark.rule(Rule.OPEN_HYBRID)
def test_another_q_is_refused() -> None:
    grant = bens()
    grant.q = bytes(32)
    assert refused(grant) is Rule.OPEN_HYBRID


@pytest.mark.rule(Rule.REC_SHARD_HASH)
def test_a_shard_of_another_session_is_refused() -> None:
    grant = senders()
    grant.shard = parse_record(OTHER.record).shard_bytes[0]
    assert refused(grant) is Rule.REC_SHARD_HASH


@pytest.mark.rule(Rule.REC_OWN_ROW)
def test_a_row_under_anothers_prekey_than_the_grantors_is_refused() -> None:
    view = view_of(CREATED.record, CORA)
    grant = make_grant(view, verify_record(view, FACTS, own=CORA.fact), CORA.secret, WORLD.rng)
    assert refused(grant) is Rule.REC_OWN_ROW  # judged as Ben's


def test_a_grant_fits_into_a_message() -> None:
    assert len(encode(bens())) < 8 * 1024


def test_the_secret_is_shown_nowhere() -> None:
    parsed = parse_grant(encode(bens()))
    for secret in (PENDING.q.reveal(), parsed.m.encode()):
        assert secret.hex() not in repr(parsed)
        assert repr(secret)[2:-1] not in repr(parsed)
    assert ", m=" not in repr(parsed)
