"""Tapeline's own vectors of hashes, directory objects and messages: the code, and the second implementation."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
import second_implementation as second
from second_implementation import edwards, hashing, hpke, messages, proofs, wire
from vectors_kit import cases, device_fact, load, named, refusal, secret_of, spliced, un, uns

from tapeline.base.hashing import counted, tagged_hash
from tapeline.base.secret import Secret
from tapeline.crypto.ack import verify_ack
from tapeline.crypto.device import EnrollerView, verify_device_entry
from tapeline.crypto.group import B_HAT, Point, Scalar
from tapeline.crypto.ids import conversation_id, object_hash, tag, user_id
from tapeline.crypto.membership import verify_statement
from tapeline.crypto.message.chain import ReceivingChain
from tapeline.crypto.message.export import export_key, verify_export
from tapeline.crypto.message.padme import pad, padme
from tapeline.crypto.message.ratchet import MessageKeys
from tapeline.crypto.message.verify import VerifiedMessage, parse_message, verify_message
from tapeline.crypto.prekey import possession_challenge, possession_statement, verify_prekey
from tapeline.crypto.record.root import ROOT_BYTES
from tapeline.crypto.signing import SigningKey, signature_holds, verify_signature
from tapeline.transparency.merkle import leaf_hash
from tapeline.wire.v1 import objects_pb2 as pb

MESSAGES = load("messages")

# --- hashing.json ---


@pytest.mark.parametrize("case", cases("hashing", hash=True))
def test_tagged_hashes(case: dict[str, Any]) -> None:
    parts = uns(case["parts"])
    assert tagged_hash(case["tag"], *parts) == hashing.H(case["tag"], *parts) == un(case["hash"])


@pytest.mark.parametrize("case", cases("hashing", list=True))
def test_lists(case: dict[str, Any]) -> None:
    assert counted(uns(case["items"])) == hashing.listed(uns(case["items"])) == un(case["list"])


@pytest.mark.parametrize("case", cases("hashing", point=True))
def test_points_from_uniform_bytes(case: dict[str, Any]) -> None:
    uniform = un(case["uniform"])
    assert Point.from_hash(uniform).encode() == edwards.from_uniform(uniform).encode() == un(case["point"])


def test_generators() -> None:
    published = un(named("hashing", "generator2")["generator2"])
    assert B_HAT.encode() == edwards.G_HAT.encode() == published
    case = named("hashing", "multiples")
    scalar, number = Scalar.decode(un(case["scalar"])), edwards.scalar(un(case["scalar"]))
    assert scalar.base_mul().encode() == (number * edwards.B).encode() == un(case["of_b"])
    assert B_HAT.mul(scalar).encode() == (number * edwards.G_HAT).encode() == un(case["of_generator2"])


def test_ids_and_tags() -> None:
    user, chat = named("hashing", "user"), named("hashing", "conversation")
    names = un(user["deployment"]), user["firm"], user["user"]
    assert user_id(*names) == hashing.user_id(*names) == un(user["user_id"])
    for case, identity in ((user, user["user_id"]), (chat, chat["conversation"])):
        args = un(case["salt"]), un(identity)
        assert tag(*args) == hashing.tag(*args) == un(case["tag_"])
    genesis = un(chat["genesis"])
    assert (
        conversation_id(object_hash("membership", genesis))
        == hashing.conversation_id(genesis)
        == un(chat["conversation"])
    )


@pytest.mark.parametrize("case", cases("hashing", leaf=True))
def test_leaves_and_acknowledgements(case: dict[str, Any]) -> None:
    leaf, signature = un(case["leaf"]), un(case["ack_signature"])
    assert leaf_hash(leaf) == hashing.leaf_hash(leaf) == un(case["leaf_hash"])
    verify_ack(un(case["public"]), case["origin"], pb.Ack(index=case["index"], leaf=leaf, signature=signature))
    wire.parse({"archive": "Leaf", "audit": "AuditLeaf"}[case["kind"]], leaf)
    body = hashing.ack_body(case["origin"], case["index"], leaf)
    assert body == un(case["ack_hash"])
    assert edwards.signed_as(un(case["public"]), "ack", body, signature)
    later = pb.Ack(index=case["index"] + 1, leaf=leaf, signature=signature)
    assert refusal(verify_ack, un(case["public"]), case["origin"], later) == "ACK-1"


@pytest.mark.parametrize("case", cases("hashing", signed_kind=True))
def test_signatures(case: dict[str, Any]) -> None:
    kind, body, signature = case["signed_kind"], un(case["body"]), un(case["signature"])
    assert SigningKey.from_seed(Secret(un(case["seed"]))).sign(kind, body) == signature
    assert signature_holds(un(case["public"]), kind, body, signature)
    assert hashing.H("sig/" + kind, body) == un(case["digest"])
    assert edwards.signed_as(un(case["public"]), kind, body, signature)


@pytest.mark.parametrize("case", cases("hashing", "refused"))
def test_elements_and_signatures_that_are_refused(case: dict[str, Any]) -> None:
    if "signature" in case:
        args = un(case["public"]), case["signed_kind"], un(case["body"]), un(case["signature"])
        assert refusal(verify_signature, *args) == case["rule"]
        assert not edwards.signed_as(*args)
        return
    first = {"point": Point.decode, "scalar": Scalar.decode, "uniform": Point.from_hash}
    other = {"point": edwards.point, "scalar": edwards.scalar, "uniform": _mapped}
    (field,) = first.keys() & case.keys()
    assert refusal(first[field], un(case[field])) == case["rule"]
    with pytest.raises(second.Refusal, match=case["rule"]):
        other[field](un(case[field]))


def _mapped(uniform: bytes) -> edwards.Point:
    return edwards.point(edwards.from_uniform(uniform).encode())


# --- directory.json ---


@pytest.mark.parametrize("case", cases("directory", prekey=True))
def test_devices_and_prekeys_by_the_code(case: dict[str, Any]) -> None:
    fact, secret = device_fact(case["name"]), secret_of(case["name"])
    prekey = fact.prekeys[0].prekey
    assert (fact.device.entry_hash, fact.device.user_id) == (un(case["entry_hash"]), un(case["user_id"]))
    assert (prekey.prekey_hash, prekey.point) == (un(case["prekey_hash"]), secret.scalar.base_mul())
    assert prekey.hpke == secret.hpke.public()
    assert SigningKey.from_seed(Secret(un(case["seed"]))).public == fact.device.device_key
    statement = possession_statement(pb.Prekey.FromString(pb.SignedObject.FromString(un(case["prekey"])).body))
    challenge = possession_challenge(statement, Point.decode(un(case["possession_commitment"])))
    assert (statement, challenge.to_bytes()) == (un(case["possession_statement"]), un(case["possession_challenge"]))


@pytest.mark.parametrize("case", cases("directory", prekey=True))
def test_devices_and_prekeys_by_the_second_implementation(case: dict[str, Any]) -> None:
    signed_entry, entry = wire.opened("DeviceEntry", un(case["entry"]))
    assert hashing.H("device", signed_entry["body"]) == un(case["entry_hash"])
    assert edwards.signed_as(entry["issuer"], "device", signed_entry["body"], signed_entry["signature"])
    assert entry["issuer"] == un(load("directory")["enrollers"][entry["firm"]])
    assert hashing.user_id(entry["deployment"], entry["firm"], entry["user"]) == un(case["user_id"])
    signed, prekey = wire.opened("Prekey", un(case["prekey"]))
    assert edwards.signed_as(entry["device_key"], "prekey", signed["body"], signed["signature"])
    assert hashing.H("prekey", signed["body"]) == un(case["prekey_hash"])
    assert proofs.possession_statement(prekey) == un(case["possession_statement"])
    assert proofs.possession_commitment(prekey).encode() == un(case["possession_commitment"])
    assert prekey["possession"][:32] == un(case["possession_challenge"])
    proofs.verify_possession(prekey)
    assert (edwards.scalar(un(case["p"])) * edwards.B).encode() == prekey["point"]
    assert hpke.public_key(un(case["hpke_seed"])) == prekey["hpke_public"]


def test_membership_statements() -> None:
    signer, previous = device_fact("ann-1").device.device_key, None
    for name in ("genesis", "successor"):
        case = named("directory", name)
        previous = verify_statement(un(case["statement"]), signer_key=signer, previous=previous)
        signed, body = wire.opened("MembershipStatement", un(case["statement"]))
        assert edwards.signed_as(signer, "membership", signed["body"], signed["signature"])
        found = hashing.H("membership", signed["body"])
        assert previous.statement_hash == found == un(case["statement_hash"])
        assert previous.conversation == un(case["conversation"])
        assert (body["conversation"] or hashing.H("conversation", found)) == un(case["conversation"])
    assert body["previous"] == un(named("directory", "genesis")["statement_hash"])


@pytest.mark.parametrize("case", cases("directory", "refused", device=True))
def test_prekeys_that_are_refused(case: dict[str, Any]) -> None:
    device = device_fact(case["device"]).device
    obj = spliced(un(named("directory", case["device"])["prekey"]), case["splices"])
    assert refusal(verify_prekey, obj, device) == case["rule"]
    if case["rule"] == "PRE-1":
        with pytest.raises(second.Refusal, match="PRE-1"):
            proofs.verify_possession(wire.opened("Prekey", obj)[1])


@pytest.mark.parametrize("case", cases("directory", "refused", entry=True))
def test_device_entries_that_are_refused(case: dict[str, Any]) -> None:
    document = load("directory")
    issuer = EnrollerView(un(document["deployment"]), case["firm"], un(document["enrollers"][case["firm"]]))
    assert refusal(verify_device_entry, un(case["entry"]), issuer) == case["rule"]
    if case["rule"].startswith("WIR"):
        with pytest.raises(second.Refusal, match=case["rule"]):
            wire.opened("DeviceEntry", un(case["entry"]))


# --- messages.json ---


def verified(message: bytes, index: int, previous: bytes) -> VerifiedMessage:
    return verify_message(
        parse_message(message), sender_key=un(MESSAGES["sender"]), record_hash=un(MESSAGES["record_hash"]),
        expected_index=index, expected_previous=previous,
    )  # fmt: skip


def test_padme() -> None:
    for length, padded in MESSAGES["padme"]:
        assert padme(length) == messages.padme(length) == padded


def test_messages_by_the_code() -> None:
    root = un(MESSAGES["root"])
    assert len(root) == ROOT_BYTES
    chain = ReceivingChain(Secret(root), un(MESSAGES["record_hash"]))
    for case in MESSAGES["cases"]:
        assert chain.to_state().reveal()[4:] == un(case["chain_key"])
        message = verified(un(case["message"]), case["index"], un(case["previous"]))
        assert message.message_hash == un(case["message_hash"])
        assert chain.open(message) == un(case["content"])
        assert pad(un(case["content"])) == un(case["body"])
        message_key = export_key(Secret(root), case["index"])
        keys = MessageKeys.expand(message_key)
        published = un(case["key"]), un(case["nonce"]), un(case["commitment"])
        assert (keys.key.reveal(), keys.nonce, keys.commitment) == published
        exported = verify_export(un(case["message"]), message_key, sender_key=un(MESSAGES["sender"]))
        assert (message_key.reveal(), exported) == (un(case["message_key"]), un(case["content"]))


@pytest.mark.parametrize("case", cases("messages"))
def test_messages_by_the_second_implementation(case: dict[str, Any]) -> None:
    message, sender, record_hash = un(case["message"]), un(MESSAGES["sender"]), un(MESSAGES["record_hash"])
    chain_key, message_key = messages.chain(un(MESSAGES["root"]), case["index"])
    assert (chain_key, message_key) == (un(case["chain_key"]), un(case["message_key"]))
    keys = messages.expand(message_key)
    assert (keys.key, keys.nonce, keys.commitment) == (un(case["key"]), un(case["nonce"]), un(case["commitment"]))
    assert messages.padded(un(case["content"])) == un(case["body"])
    found = messages.verify(message, sender, record_hash, case["index"], un(case["previous"]))
    assert found == un(case["message_hash"])
    assert hashlib.sha512(wire.parse("Message", message)["ciphertext"]).hexdigest() == case["ciphertext_hash"]
    assert messages.open_message(message, message_key) == un(case["content"])


@pytest.mark.parametrize("case", cases("messages", "refused"))
def test_messages_that_are_refused(case: dict[str, Any]) -> None:
    message, sender, record_hash = un(case["message"]), un(MESSAGES["sender"]), un(MESSAGES["record_hash"])

    def first() -> bytes:
        return ReceivingChain(Secret(un(MESSAGES["root"])), record_hash).open(verified(message, 0, record_hash))

    assert refusal(first) == case["rule"]

    def second_first() -> bytes:
        messages.verify(message, sender, record_hash, 0, record_hash)
        return messages.open_message(message, messages.chain(un(MESSAGES["root"]), 0)[1])

    with pytest.raises(second.Refusal, match=case["rule"]):
        second_first()
