"""messages.json: the key schedule of a session, padding, three messages, and what is refused."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from own_vectors.form import Document, Stream, Value
from own_vectors.story import T0, Story
from tapeline.base.secret import Secret
from tapeline.crypto.message.chain import SendingChain
from tapeline.crypto.message.export import export_key
from tapeline.crypto.message.padme import pad, padme
from tapeline.crypto.message.ratchet import MessageKeys, Ratchet
from tapeline.crypto.message.verify import hash_message
from tapeline.crypto.signing import SigningKey
from tapeline.crypto.wire import encode
from tapeline.wire.v1 import objects_pb2 as pb
from tapeline.wire.v1.content_pb2 import Content, Text

LENGTHS = (4, 7, 8, 9, 15, 16, 17, 31, 33, 100, 127, 129, 1000, 4097, 65535, 65540)


class Session:
    """A session with a root and a record hash from the seed; `forge` is a modified client's."""

    def __init__(self, story: Story) -> None:
        rng = Stream("messages")
        self.root, self.record_hash, self.key = rng(64), rng(64), story.ann.key
        blob = rng(64)
        self.contents = [
            encode(Content(message_id=rng(16), text=Text(text="Good morning"))),
            b"",
            encode(Content(message_id=rng(16), text=Text(text="λ" * 150), labels={"b": "2", "a": "1"})),
        ]
        chain = SendingChain(Secret(self.root), self.record_hash, self.key)
        first, second, third = self.contents
        self.sealed = [
            chain.seal(first, client_time_ms=T0, newest_leaf=120),
            chain.seal(second, client_time_ms=T0 + 1, newest_leaf=121, conversation_sequence=0),
            chain.seal(third, client_time_ms=0, newest_leaf=0, conversation_sequence=3, blob_hashes=[blob]),
        ]

    def forge(
        self,
        *,
        body: bytes | None = None,
        key_index: int = 0,
        signer: SigningKey | None = None,
        **header: bytes | int,
    ) -> bytes:
        """Return a signed first message with any header, body or key."""
        keys = MessageKeys.expand(export_key(Secret(self.root), key_index))
        message = pb.MessageHeader(
            record_hash=self.record_hash, previous=self.record_hash, commitment=keys.commitment, client_time_ms=T0,
            newest_leaf=5,
        )  # fmt: skip
        for name, value in header.items():
            setattr(message, name, value)
        encoded, padded = encode(message), pad(b"hello") if body is None else body
        ciphertext = ChaCha20Poly1305(keys.key.reveal()).encrypt(keys.nonce, padded, encoded)
        signature = (signer or self.key).sign("msg", hash_message(encoded, ciphertext))
        return encode(pb.Message(header=encoded, ciphertext=ciphertext, signature=signature))


def document(story: Story) -> Document:
    """Return the file."""
    session = Session(story)
    return {
        "description": "The key schedule of a session, Padmé, and messages that are judged and opened one after the "
        "other (protocol, sections 5, 10). A refused one stands as the session's first message.",
        "root": session.root.hex(),
        "record_hash": session.record_hash.hex(),
        "sender": session.key.public.hex(),
        "padme": [[length, padme(length)] for length in LENGTHS],
        "cases": _messages(session),
        "refused": _refused(story, session),
    }


def _messages(session: Session) -> list[Value]:
    cases: list[Value] = []
    previous, ratchet = session.record_hash, Ratchet(Secret(session.root))
    for content, sealed in zip(session.contents, session.sealed, strict=True):
        chain_key = ratchet.to_state().reveal()[4:]
        message_key = ratchet.step()
        keys, message = MessageKeys.expand(message_key), pb.Message.FromString(sealed.message)
        cases.append({
            "name": f"message {sealed.index}", "index": sealed.index, "previous": previous.hex(),
            "chain_key": chain_key.hex(), "message_key": message_key.reveal().hex(), "key": keys.key.reveal().hex(),
            "nonce": keys.nonce.hex(), "commitment": keys.commitment.hex(), "content": content.hex(),
            "body": pad(content).hex(),
            "ciphertext_hash": hashlib.sha512(message.ciphertext).hexdigest(),
            "message_hash": sealed.message_hash.hex(), "message": sealed.message.hex(),
        })  # fmt: skip
        previous = sealed.message_hash
    return cases


def _refused(story: Story, session: Session) -> list[Value]:
    framed = pad(b"hello")
    altered = pb.Message.FromString(session.forge())
    header, ciphertext = altered.header, altered.ciphertext
    ciphertext = ciphertext[:-1] + bytes([ciphertext[-1] ^ 1])
    signature = session.key.sign("msg", hash_message(header, ciphertext))
    unopenable = encode(pb.Message(header=header, ciphertext=ciphertext, signature=signature))
    wide = header.replace(b"\x1a\x40", b"\x10\x80\x80\x80\x80\x10\x1a\x40", 1)  # index, before previous
    signed_wide = session.key.sign("msg", hash_message(wide, altered.ciphertext))
    rows = {
        "an index of 2^32": (
            "WIR-1", encode(pb.Message(header=wide, ciphertext=altered.ciphertext, signature=signed_wide)),
        ),
        "a time beyond every database": ("WIR-3", session.forge(client_time_ms=2**63)),
        "a time after the year 9999": ("WIR-3", session.forge(client_time_ms=253_402_300_800_000)),
        "a leaf index of 2^63": ("WIR-3", session.forge(newest_leaf=2**63)),
        "of another session": ("MSG-1", session.forge(record_hash=bytes(64))),
        "an index too far": ("MSG-2", session.forge(index=1)),
        "another previous hash": ("MSG-3", session.forge(previous=bytes(64))),
        "signed by another device": ("MSG-5", session.forge(signer=story.devices["ben-1"].key)),
        "the key of message 1": ("MSG-6", session.forge(key_index=1)),
        "a commitment to another key": ("MSG-6", session.forge(commitment=bytes(32))),
        "a length that no content pads to": ("MSG-7", session.forge(body=framed + bytes(1))),
        "padding that is not zero": ("MSG-7", session.forge(body=framed[:-1] + b"\x01")),
        "more padding than Padmé's": ("MSG-7", session.forge(body=framed + bytes(2))),
        "a length beyond the body": ("MSG-7", session.forge(body=b"\xff\x00" + framed[2:])),
        "an altered ciphertext": ("MSG-8", unopenable),
    }  # fmt: skip
    return [{"name": name, "rule": rule, "message": message.hex()} for name, (rule, message) in rows.items()]
