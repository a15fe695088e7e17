"""A session to send messages in, and a modified client that seals any header over any body."""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from record_kit import T0, SeededRng

from tapeline.base.secret import Secret
from tapeline.crypto.message.chain import ReceivingChain, SealedMessage, SendingChain
from tapeline.crypto.message.padme import pad
from tapeline.crypto.message.ratchet import MessageKeys, message_key_at
from tapeline.crypto.message.verify import VerifiedMessage, hash_message, parse_message, verify_alone, verify_message
from tapeline.crypto.signing import SigningKey
from tapeline.crypto.wire import encode
from tapeline.wire.v1 import objects_pb2 as pb


@dataclass
class Session:
    """One session's root, record hash and sender; both chains start at index 0."""

    rng: SeededRng = field(default_factory=lambda: SeededRng("session"))

    def __post_init__(self) -> None:
        self.key = SigningKey.generate(self.rng)
        self.root = Secret(self.rng(64))
        self.record_hash = self.rng(64)
        self.sending = SendingChain(Secret(self.root.reveal()), self.record_hash, self.key)
        self.receiving = ReceivingChain(Secret(self.root.reveal()), self.record_hash)
        self.previous = self.record_hash

    def seal(self, content: bytes = b"hello", **fields: object) -> SealedMessage:
        return self.sending.seal(content, **({"client_time_ms": T0, "newest_leaf": 5} | fields))  # type: ignore[arg-type]

    def verify(self, message: bytes) -> VerifiedMessage:
        """Judge the next message, as relay and readers do."""
        verified = verify_message(
            parse_message(message), sender_key=self.key.public, record_hash=self.record_hash,
            expected_index=self.receiving.next_index, expected_previous=self.previous,
        )  # fmt: skip
        self.previous = verified.message_hash
        return verified

    def verify_alone(self, message: bytes) -> VerifiedMessage:
        """Judge a message wherever it stands."""
        return verify_alone(parse_message(message), sender_key=self.key.public)

    def forge(
        self, *, body: bytes | None = None, key_index: int = 0, ciphertext: bytes | None = None, **header: object
    ) -> bytes:
        """Return a message of the modified client at index 0: any body, header or ciphertext, properly signed."""
        keys = MessageKeys.expand(message_key_at(self.root, key_index))
        fields: dict[str, object] = {
            "record_hash": self.record_hash, "index": 0, "previous": self.record_hash, "commitment": keys.commitment,
            "client_time_ms": T0, "newest_leaf": 5,
        }  # fmt: skip
        encoded = encode(pb.MessageHeader(**(fields | header)))  # type: ignore[arg-type]
        if ciphertext is None:
            sealed = body if body is not None else pad(b"hello")
            ciphertext = ChaCha20Poly1305(keys.key.reveal()).encrypt(keys.nonce, sealed, encoded)
        signature = self.key.sign("msg", hash_message(encoded, ciphertext))
        return encode(pb.Message(header=encoded, ciphertext=ciphertext, signature=signature))
