"""Tapeline's own vectors of ceremony and opening: the code, and the second implementation."""

from __future__ import annotations

import json
from typing import Any

import pytest
import second_implementation as second
from second_implementation import ceremony, edwards, hashing, hpke, proofs, record, statements, wire
from vectors_kit import FOLDER, cases, escrow_fact, load, named, refusal, un, vault_of

from tapeline.agent.bundle import bundle_info, open_bundle
from tapeline.base.hashing import tagged_hash
from tapeline.base.secret import Secret
from tapeline.crypto.activation import ActivationAnswer, ActivationChallenge, verify_activation
from tapeline.crypto.ceremony import (
    Announcement,
    CeremonyParameters,
    escrow_key_id,
    extension,
    setup_from,
    vault_key_id,
    verify_announcement,
    verify_round1,
)
from tapeline.crypto.cocktail.accusation import Accusation, accusation_holds
from tapeline.crypto.cocktail.certificate import verify_certificate
from tapeline.crypto.cocktail.round1 import Round1Message
from tapeline.crypto.cocktail.round2 import receive
from tapeline.crypto.cocktail.setup import Setup
from tapeline.crypto.combine import combine
from tapeline.crypto.group import Point, Scalar
from tapeline.crypto.hpke_open import HpkePrivate
from tapeline.crypto.partial import Partial, PartialContext, VerifiedPartial, verify_partial
from tapeline.crypto.record.root import session_root
from tapeline.crypto.words import fingerprint_words, word_list
from tapeline.governance.dsse import parse_envelope
from tapeline.governance.release import bundle_hash
from tapeline.transparency.merkle import leaf_hash
from tapeline.wire.v1.escrow_pb2 import PartialBundle, VaultBundle

OPENING, STATEMENTS = load("opening"), load("statements")
PROJECT = FOLDER.parents[3]

# --- ceremony.json ---


def parameters_of(case: dict[str, Any]) -> CeremonyParameters:
    return CeremonyParameters(
        case["deployment"], case["name"], un(case["roster_hash"]), case["epoch"], case["retention_class"],
        case["threshold"], len(case["custodians"]), case["attempt"],
    )  # fmt: skip


def setup_of(case: dict[str, Any]) -> Setup:
    """The setup from announcements that their custodians signed."""
    announced = []
    for index, one in enumerate(case["custodians"], 1):
        announced.append(Announcement(index, Point.decode(un(one["host_key"])), un(one["nonce"])))
        signature = un(one["announcement_signature"])
        verify_announcement(un(one["roster_key"]), parameters_of(case), announced[-1], signature)
    return setup_from(parameters_of(case), announced)


@pytest.mark.parametrize("case", cases("ceremony"))
def test_a_ceremony_by_the_code(case: dict[str, Any]) -> None:
    setup, people = setup_of(case), case["custodians"]
    assert (setup.session_id, setup.context) == (un(case["session_id"]), un(case["context"]))
    assert parameters_of(case).encode() == un(case["parameters"])
    signed = [un(one["round1"]) for one in people]
    ext = extension(parameters_of(case), signed)
    assert ext == un(case["extension"])
    messages = {
        index: Round1Message.decode(verify_round1(un(one["roster_key"]), setup, index, un(one["round1"])), setup, index)
        for index, one in enumerate(people, 1)
    }
    for one in people:
        outcome = receive(setup, Scalar.decode(un(one["host_secret"])), messages, ext)
        assert outcome.share.secret.to_bytes() == un(one["share"])
        assert outcome.share.public.encode() == un(one["verification_share"])
        assert outcome.transcript.encode() == un(case["transcript"])
        challenge = ActivationChallenge(un(case["transcript_hash"]), one["id"], un(one["activation_nonce"]))
        assert challenge.c0.encode() == un(one["activation_c0"])
        verify_activation(ActivationAnswer.decode(un(one["activation_answer"])), outcome.share.public, challenge)
        assert tagged_hash("activation-answer", challenge.nonce + un(one["activation_answer"])) == un(
            one["activation_hash"]
        )
    transcript = outcome.transcript
    verify_certificate(transcript, {index: un(one["success_signature"]) for index, one in enumerate(people, 1)})
    assert (transcript.digest(), transcript.group_key.encode()) == (un(case["transcript_hash"]), un(case["escrow_key"]))
    key_id = escrow_key_id(transcript.group_key, transcript.digest())
    assert key_id == un(case["escrow_key_id"])
    assert vault_key_id(vault_of(case["name"]).public().encode(), key_id) == un(case["v_key_id"])
    assert list(fingerprint_words("escrow-key", un(case["escrow_key"]))) == case["escrow_key_words"]


def second_parameters(case: dict[str, Any]) -> ceremony.Parameters:
    return ceremony.Parameters(
        un(case["deployment"]), case["name"], un(case["roster_hash"]), case["epoch"], case["retention_class"],
        case["threshold"], len(case["custodians"]), case["attempt"],
    )  # fmt: skip


@pytest.mark.parametrize("case", cases("ceremony"))
def test_a_ceremony_by_the_second_implementation(case: dict[str, Any]) -> None:
    parameters, people = second_parameters(case), case["custodians"]
    assert hashing.listed(parameters.parts()) == un(case["parameters"])
    session = ceremony.session_id(parameters, [un(one["nonce"]) for one in people])
    host_keys = [un(one["host_key"]) for one in people]
    context = ceremony.context_of(session, host_keys)
    assert (session, context) == (un(case["session_id"]), un(case["context"]))
    dealt = []
    for index, one in enumerate(people, 1):
        key, announced = (
            un(one["roster_key"]),
            ceremony.announcement(parameters, index, un(one["host_key"]), un(one["nonce"])),
        )
        assert edwards.signed_as(key, "dkg-announce", announced, un(one["announcement_signature"]))
        message, signature = un(one["round1"])[:-64], un(one["round1"])[-64:]
        assert edwards.signed_as(key, "dkg-round1", ceremony.round1_body(context, index, message), signature)
        dealt.append(ceremony.read_round1(message, case["threshold"], len(people)))
    ext = ceremony.extension(parameters, [un(one["round1"]) for one in people])
    transcript = ceremony.transcript(context, host_keys, dealt, ext)
    assert (ext, transcript) == (un(case["extension"]), un(case["transcript"]))
    digest = edwards.hashlib.sha512(transcript).digest()
    escrow_key, shares = ceremony.keys_of(dealt)
    assert (digest, escrow_key) == (un(case["transcript_hash"]), un(case["escrow_key"]))
    assert ceremony.escrow_key_id(escrow_key, digest) == un(case["escrow_key_id"])
    v_public = hpke.public_key(un(case["v_seed"]))
    assert ceremony.vault_key_id(v_public, un(case["escrow_key_id"])) == un(case["v_key_id"])
    for one, share in zip(people, shares, strict=True):
        assert share == un(one["verification_share"]) == (edwards.scalar(un(one["share"])) * edwards.B).encode()
        nonce, answer = un(one["activation_nonce"]), un(one["activation_answer"])
        assert proofs.activation_c0(digest, one["id"], nonce).encode() == un(one["activation_c0"])
        proofs.verify_activation(answer, share, digest, one["id"], nonce)
        assert hashing.H("activation-answer", nonce + answer) == un(one["activation_hash"])
    numbers = statements.fingerprint("escrow-key", escrow_key)
    assert [word_list()[number] for number in numbers] == case["escrow_key_words"]


@pytest.mark.parametrize("case", cases("ceremony", "accusations"))
def test_accusations(case: dict[str, Any]) -> None:
    run = named("ceremony", "acme")
    setup, accusation = setup_of(run), Accusation.decode(un(case["accusation"]))
    dealer = run["custodians"][accusation.accused - 1]
    message = verify_round1(un(dealer["roster_key"]), setup, accusation.accused, un(case["round1"]))
    decoded = Round1Message.decode(message, setup, accusation.accused)
    assert accusation_holds(setup, decoded, accusation) is case["guilty"]
    host_keys = [un(one["host_key"]) for one in run["custodians"]]
    args = un(run["context"]), host_keys, un(case["round1"])[:-64], run["threshold"]
    assert ceremony.is_guilty(un(case["accusation"]), *args) is case["guilty"]


@pytest.mark.parametrize("case", cases("ceremony", "refused"))
def test_activation_answers_that_are_refused(case: dict[str, Any]) -> None:
    run = named("ceremony", "acme")
    share, digest = run["custodians"][case["share_of"] - 1]["verification_share"], un(run["transcript_hash"])
    nonce, custodian, answer = un(case["nonce"]), case["custodian"], un(case["answer"])
    challenge = ActivationChallenge(digest, custodian, nonce)
    first = verify_activation, ActivationAnswer.decode(answer), Point.decode(un(share)), challenge
    assert refusal(*first) == case["rule"]
    with pytest.raises(second.Refusal, match=case["rule"]):
        proofs.verify_activation(answer, un(share), digest, custodian, nonce)


# --- opening.json ---


def shares_of_acme() -> list[bytes]:
    return [un(one["verification_share"]) for one in named("ceremony", "acme")["custodians"]]


def code_verifies(partial: bytes, warrant_leaf: bytes = un(OPENING["warrant_leaf"])) -> VerifiedPartial:
    shares = [Point.decode(one) for one in shares_of_acme()]
    context = PartialContext(un(OPENING["certificate_hash"]), un(OPENING["record_hash"]), warrant_leaf)
    return verify_partial(Partial.decode(partial), shares, Point.decode(un(OPENING["c0"])), context)


def second_verifies(partial: bytes, warrant_leaf: bytes = un(OPENING["warrant_leaf"])) -> tuple[int, edwards.Point]:
    named_by = un(OPENING["c0"]), un(OPENING["certificate_hash"]), un(OPENING["record_hash"])
    return proofs.verify_partial(partial, shares_of_acme(), *named_by, warrant_leaf)


@pytest.mark.parametrize("pair", [(0, 1), (0, 2), (2, 1), (0, 1, 2)])
def test_any_two_custodians_open_the_record(pair: tuple[int, ...]) -> None:
    chosen = [un(OPENING["partials"][one]) for one in pair]
    c_e, c0, q = un(OPENING["c_e"]), Point.decode(un(OPENING["c0"])), un(OPENING["q"])
    verified = [code_verifies(one) for one in chosen]
    m = combine(Point.decode(c_e), c0, verified, OPENING["threshold"], verified[0].context)
    other = proofs.combine(c_e, [second_verifies(one) for one in chosen], OPENING["threshold"])
    assert m.encode() == other == un(OPENING["m"])
    assert session_root(m, Secret(q), un(OPENING["record_hash"])).reveal() == un(OPENING["root"])
    assert record.session_root(other, q, un(OPENING["record_hash"])) == un(OPENING["root"])


def test_what_a_partial_names() -> None:
    """Case, warrant and certificate by their statement hashes, the warrant by its leaf in the audit log."""
    key = un(OPENING["case_signer"])
    case, leaf = OPENING["case"].encode(), un(OPENING["warrant_audit_leaf"])
    parsed = parse_envelope(case, "case")
    assert parsed.signed_by(key)
    assert parsed.statement_hash == un(OPENING["case_hash"])
    payload = statements.verify_statement(case, "case", key)
    assert statements.statement_hash("case", payload) == un(OPENING["case_hash"])
    warrant = parse_envelope(OPENING["warrant"].encode(), "warrant").statement_hash
    assert wire.parse("AuditLeaf", leaf)["statement_hash"] == warrant
    assert leaf_hash(leaf) == hashing.leaf_hash(leaf) == un(OPENING["warrant_leaf"])
    custodian = un(named("ceremony", "acme")["custodians"][0]["roster_key"])
    certificate = load("ceremony")["certificate"].encode()
    certified = statements.verify_statement(certificate, "escrow-key", custodian)
    assert statements.statement_hash("escrow-key", certified) == un(OPENING["certificate_hash"])
    assert json.loads(certified)["escrow_key_id"] == escrow_fact("acme").key_id.hex()


@pytest.mark.parametrize("case", cases("opening", "bundles"))
def test_bundles(case: dict[str, Any]) -> None:
    seed, sealed = un(OPENING["case_key_seed"]), un(case["sealed"])
    args = un(OPENING["case_hash"]), un(OPENING["warrant_leaf"]), case["who"], case["epoch"]
    assert bundle_info(*args) == statements.bundle_info(*args) == un(case["info"])
    assert hpke.open_sealed(seed, un(case["info"]), sealed) == un(case["plaintext"])
    assert bundle_hash(sealed) == hashing.H("bundle-bytes", sealed) == un(case["bundle_hash"])
    kind = VaultBundle if case["who"] == "vault" else PartialBundle
    opened = open_bundle(HpkePrivate.from_seed(Secret(seed)), bundle_info(*args), sealed, kind, culprit=case["who"])
    if isinstance(opened, VaultBundle):
        assert opened.sessions[0].q == un(OPENING["q"])
    else:
        assert opened.partials[0].partial == un(OPENING["partials"][0])


@pytest.mark.parametrize("case", cases("opening", "refused", partial=True))
def test_partials_that_are_refused(case: dict[str, Any]) -> None:
    args = un(case["partial"]), un(case["warrant_leaf"])
    assert refusal(code_verifies, *args) == case["rule"]
    with pytest.raises(second.Refusal, match=case["rule"]):
        second_verifies(*args)


@pytest.mark.parametrize("case", cases("opening", "refused", combined=True))
def test_combinations_that_are_refused(case: dict[str, Any]) -> None:
    chosen = [un(OPENING["partials"][one]) for one in case["combined"]]
    verified = [code_verifies(one) for one in chosen]
    c_e, c0 = Point.decode(un(OPENING["c_e"])), Point.decode(un(OPENING["c0"]))
    assert refusal(combine, c_e, c0, verified, OPENING["threshold"], verified[0].context) == case["rule"]
    with pytest.raises(second.Refusal, match=case["rule"]):
        proofs.combine(un(OPENING["c_e"]), [second_verifies(one) for one in chosen], OPENING["threshold"])


@pytest.mark.parametrize("case", cases("opening", "refused", bundle=True))
def test_bundles_that_are_refused(case: dict[str, Any]) -> None:
    seed, sealed = un(OPENING["case_key_seed"]), un(OPENING["bundles"][case["bundle"]]["sealed"])
    info = bundle_info(un(OPENING["case_hash"]), un(OPENING["warrant_leaf"]), case["who"], case["epoch"])
    key = HpkePrivate.from_seed(Secret(seed))
    assert refusal(open_bundle, key, info, sealed, PartialBundle, culprit=case["who"]) == case["rule"]
    assert hpke.open_sealed(seed, info, sealed) is None
