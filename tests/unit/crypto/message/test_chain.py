"""Sealing and opening in order, and what is refused of a modified client's messages."""

from __future__ import annotations

import copy
import hashlib
import hmac
import pickle

import pytest
from message_kit import Session

from tapeline.base.errors import MalformedInput, StateError
from tapeline.base.hashing import tagged_hash
from tapeline.base.rules import Refused, Rule
from tapeline.base.secret import Secret
from tapeline.crypto.limits import MESSAGE_BODY, SESSION_MESSAGES
from tapeline.crypto.message.chain import ReceivingChain
from tapeline.crypto.message.export import export_key, verify_export
from tapeline.crypto.message.padme import pad, padme
from tapeline.crypto.message.ratchet import MessageKeys, Ratchet, message_key_at
from tapeline.crypto.message.verify import parse_message, verify_alone
from tapeline.crypto.signing import SigningKey
from tapeline.wire.v1 import objects_pb2 as pb


def opening_refused(session: Session, message: bytes) -> Rule:
    verified = session.verify(message)
    with pytest.raises(Refused) as caught:
        session.receiving.open(verified)
    return caught.value.rule


def test_messages_arrive_in_order() -> None:
    session = Session()
    contents = [b"", b"one", b"two " * 1000, bytes(MESSAGE_BODY)]
    sealed = [session.seal(content) for content in contents]
    assert [one.index for one in sealed] == [0, 1, 2, 3]
    for one, content in zip(sealed, contents, strict=True):
        verified = session.verify(one.message)
        assert verified.message_hash == one.message_hash
        assert session.receiving.open(verified) == content


def test_the_header_says_what_was_asked() -> None:
    session = Session()
    session.seal()
    sealed = session.seal(
        client_time_ms=7, newest_leaf=9, conversation_sequence=0, blob_hashes=[b"\1" * 64, b"\2" * 64]
    )
    parsed = parse_message(sealed.message)
    header = parsed.header
    assert (header.index, header.client_time_ms, header.newest_leaf) == (1, 7, 9)
    assert header.HasField("conversation_sequence")
    assert list(header.blob_hashes) == [b"\1" * 64, b"\2" * 64]
    assert parsed.message_hash == tagged_hash("msg", parsed.header_bytes, hashlib.sha512(parsed.ciphertext).digest())


def test_keys_are_the_documented_ones() -> None:
    """CK_0 = root, MK_i = HMAC-SHA512(CK_i, 1), CK_(i+1) = HMAC-SHA512(CK_i, 2); HKDF-Expand of one block each."""
    root = bytes(range(64))
    ck1 = hmac.digest(root, b"\2", "sha512")
    mk1 = hmac.digest(ck1, b"\1", "sha512")
    assert message_key_at(Secret(root), 1).reveal() == mk1
    keys = MessageKeys.expand(Secret(mk1))
    for name, length, value in (
        (b"key", 32, keys.key.reveal()),
        (b"nonce", 12, keys.nonce),
        (b"commitment", 32, keys.commitment),
    ):
        assert value == hmac.digest(mk1, b"tapeline/v1/message/" + name + b"\1", "sha512")[:length]


@pytest.mark.rule(Rule.MSG_COMMITMENT)
def test_a_header_that_commits_to_another_key_is_refused() -> None:
    session = Session()
    assert opening_refused(session, session.forge(commitment=bytes(32))) is Rule.MSG_COMMITMENT


@pytest.mark.rule(Rule.MSG_COMMITMENT)
def test_a_message_under_a_later_key_is_refused() -> None:
    session = Session()
    assert opening_refused(session, session.forge(key_index=1)) is Rule.MSG_COMMITMENT


@pytest.mark.rule(Rule.MSG_AEAD)
def test_a_ciphertext_that_does_not_open_is_refused() -> None:
    session = Session()
    ciphertext = bytearray(parse_message(session.forge()).ciphertext)
    ciphertext[0] ^= 1
    assert opening_refused(session, session.forge(ciphertext=bytes(ciphertext))) is Rule.MSG_AEAD


@pytest.mark.rule(Rule.MSG_AEAD)
def test_a_ciphertext_of_another_header_is_refused() -> None:
    """Same key, same index, other claims in the clear: the header is the associated data."""
    session = Session()
    ciphertext = parse_message(session.forge()).ciphertext
    assert opening_refused(session, session.forge(ciphertext=ciphertext, client_time_ms=1)) is Rule.MSG_AEAD


@pytest.mark.rule(Rule.MSG_PADDING)
def test_a_body_with_hidden_bytes_in_its_padding_is_refused() -> None:
    session = Session()
    body = pad(b"x" * 29)
    assert opening_refused(session, session.forge(body=body[:-1] + b"\1")) is Rule.MSG_PADDING


@pytest.mark.rule(Rule.MSG_PADDING)
def test_a_body_padded_further_than_padme_is_refused() -> None:
    session = Session()
    body = pad(b"x" * 29)
    assert (
        opening_refused(session, session.forge(body=body + bytes(padme(len(body) + 1) - len(body)))) is Rule.MSG_PADDING
    )


def test_a_message_that_does_not_open_does_not_block_those_after_it() -> None:
    session = Session()
    opening_refused(session, session.forge(commitment=bytes(32)))
    session.seal()  # index 0, which the forged message took
    session.sending._previous = session.previous
    assert session.receiving.open(session.verify(session.seal(b"next").message)) == b"next"


@pytest.mark.rule(Rule.MSG_INDEX)
def test_a_reader_opens_no_message_twice_or_out_of_order() -> None:
    session = Session()
    messages = [session.verify_alone(session.seal().message) for _ in range(2)]
    with pytest.raises(Refused) as caught:
        session.receiving.open(messages[1])
    assert caught.value.rule is Rule.MSG_INDEX
    session.receiving.open(messages[0])
    with pytest.raises(Refused) as caught:
        session.receiving.open(messages[0])
    assert caught.value.rule is Rule.MSG_INDEX


@pytest.mark.rule(Rule.MSG_SESSION)
def test_a_reader_opens_no_message_of_another_session() -> None:
    session = Session()
    foreign = ReceivingChain(session.root, bytes(64))
    with pytest.raises(Refused) as caught:
        foreign.open(session.verify(session.seal().message))
    assert caught.value.rule is Rule.MSG_SESSION


# --- what the chains keep ---


def test_a_session_ends_after_256_messages() -> None:
    session = Session()
    last = [session.seal() for _ in range(SESSION_MESSAGES)][-1]
    assert last.index == SESSION_MESSAGES - 1
    assert session.sending.is_full
    with pytest.raises(StateError):
        session.seal()


@pytest.mark.rule(Rule.WIRE_SIZE)
def test_a_content_over_its_limit_uses_no_key() -> None:
    session = Session()
    for wrong in ({"content": bytes(MESSAGE_BODY + 1)}, {"blob_hashes": [b"short"]}, {"blob_hashes": [bytes(64)] * 33}):
        with pytest.raises(Refused) as caught:
            session.seal(**wrong)  # type: ignore[arg-type]
        assert caught.value.rule is Rule.WIRE_SIZE
    assert session.seal().index == 0


def test_no_two_messages_share_a_key_or_nonce() -> None:
    root = Session().root
    keys = [MessageKeys.expand(message_key_at(root, index)) for index in range(64)]
    assert len({one.key.reveal() for one in keys}) == len({one.nonce for one in keys}) == 64


def test_a_stored_reader_goes_on_and_cannot_go_back() -> None:
    session = Session()
    first, second = session.seal(b"first"), session.seal(b"second")
    opened = session.verify(first.message)
    session.receiving.open(opened)
    state = session.receiving.to_state()
    assert len(state) == 68
    restored = ReceivingChain.from_state(state, session.record_hash)
    assert restored.next_index == 1
    with pytest.raises(Refused):
        restored.open(opened)
    assert restored.open(session.verify(second.message)) == b"second"
    used = message_key_at(session.root, 0).reveal()
    assert used not in state.reveal()
    assert session.root.reveal() not in state.reveal()


def test_a_sender_cannot_be_stored_or_copied() -> None:
    session = Session()
    for make in (pickle.dumps, copy.copy, copy.deepcopy):
        for chain in (session.sending, session.receiving):
            with pytest.raises(TypeError):
                make(chain)
    assert not hasattr(session.sending, "to_state")


def test_a_chain_forgets_where_it_was() -> None:
    ratchet = Ratchet(Session().root)
    before = ratchet._chain_key
    ratchet.step()
    assert before.reveal() == bytes(64)
    assert "redacted" in repr(Session().sending)
    assert "redacted" in repr(Session().receiving)


@pytest.mark.parametrize("length", [0, 63, 65])
def test_a_chain_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(MalformedInput):
        Ratchet(Secret(bytes(length)))


# --- export ---


def test_one_key_proves_one_message() -> None:
    session = Session()
    messages = [session.seal(b"message %d" % n).message for n in range(3)]
    key = export_key(session.root, 1)
    assert verify_export(messages[1], key, sender_key=session.key.public) == b"message 1"
    for other in (messages[0], messages[2]):
        with pytest.raises(Refused) as caught:
            verify_export(other, key, sender_key=session.key.public)
        assert caught.value.rule is Rule.MSG_COMMITMENT


@pytest.mark.rule(Rule.MSG_SIGNATURE)
def test_an_export_of_another_sender_is_refused() -> None:
    session = Session()
    other = SigningKey.generate(session.rng)
    with pytest.raises(Refused) as caught:
        verify_export(session.seal().message, export_key(session.root, 0), sender_key=other.public)
    assert caught.value.rule is Rule.MSG_SIGNATURE


def test_what_is_exported_is_what_was_signed() -> None:
    session = Session()
    message = pb.Message.FromString(session.seal().message)
    assert verify_alone(parse_message(message.SerializeToString()), sender_key=session.key.public).index == 0
