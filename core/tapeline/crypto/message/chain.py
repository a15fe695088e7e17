"""The two ends of a session's message chain; never importable by the relay.

A sending chain lives in memory only: it cannot be stored, so no restored snapshot can use a nonce twice. A receiving
chain may be stored between messages; either forgets each key as it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn, Self

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from tapeline.base.errors import StateError
from tapeline.base.hashing import HASH_BYTES
from tapeline.base.rules import Rule, require
from tapeline.base.secret import Secret
from tapeline.crypto.limits import BLOBS, SESSION_MESSAGES
from tapeline.crypto.message.open import open_with_key
from tapeline.crypto.message.padme import pad
from tapeline.crypto.message.ratchet import MessageKeys, Ratchet
from tapeline.crypto.message.verify import KIND, VerifiedMessage, hash_message
from tapeline.crypto.signing import SigningKey
from tapeline.crypto.wire import at_most, encode, fixed
from tapeline.wire.v1 import objects_pb2 as pb


@dataclass(frozen=True)
class SealedMessage:
    """A finished message: stored in the outbox before it is sent, and byte-identical at every retry."""

    message: bytes
    message_hash: bytes
    index: int


class SendingChain:
    """The sender's end of one session: seals up to 256 messages, each under a key of its own."""

    def __init__(self, root: Secret, record_hash: bytes, signing_key: SigningKey) -> None:
        self._ratchet = Ratchet(root)
        self._record_hash = record_hash
        self._previous = record_hash
        self._signing_key = signing_key

    @property
    def next_index(self) -> int:
        """The index that the next message gets."""
        return self._ratchet.index

    @property
    def is_full(self) -> bool:
        """Tell whether the session has had its 256 messages."""
        return self.next_index >= SESSION_MESSAGES

    def seal(
        self,
        content: bytes,
        *,
        client_time_ms: int,
        newest_leaf: int,
        conversation_sequence: int | None = None,
        blob_hashes: Sequence[bytes] = (),
    ) -> SealedMessage:
        """Return the next message; its key is gone afterwards.

        Args:
            content: an encoded Content, at most 64 KiB.
            client_time_ms: the sender's clock.
            newest_leaf: highest leaf index that the device has seen.
            conversation_sequence: highest sequence of the conversation seen, if any.
            blob_hashes: of the attachments, 64 bytes each.

        Raises:
            Refused: WIR-3, a content over its limit.
            StateError: the session is full; open another.
        """
        if self.is_full:
            raise StateError("The session has had its 256 messages.", "Open a new session.")
        padded = pad(content)
        at_most(len(blob_hashes), BLOBS, "attachments")
        for blob_hash in blob_hashes:
            fixed(blob_hash, HASH_BYTES, "blob hash")
        index = self._ratchet.index
        # From here on the key counts as used, whatever happens: a second try must never meet its nonce again.
        keys = MessageKeys.expand(self._ratchet.step())
        header = encode(
            pb.MessageHeader(
                record_hash=self._record_hash,
                index=index,
                previous=self._previous,
                commitment=keys.commitment,
                blob_hashes=blob_hashes,
                client_time_ms=client_time_ms,
                newest_leaf=newest_leaf,
                conversation_sequence=conversation_sequence,
            )
        )
        ciphertext = ChaCha20Poly1305(keys.key.reveal()).encrypt(keys.nonce, padded, header)
        message_hash = hash_message(header, ciphertext)
        signature = self._signing_key.sign(KIND, message_hash)
        self._previous = message_hash
        return SealedMessage(
            encode(pb.Message(header=header, ciphertext=ciphertext, signature=signature)), message_hash, index
        )

    def __repr__(self) -> str:
        return f"<SendingChain at {self.next_index}, redacted>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a SendingChain is never stored")


class ReceivingChain:
    """A reader's end of one session: opens messages in order, and forgets each key."""

    def __init__(self, root: Secret, record_hash: bytes) -> None:
        self._ratchet = Ratchet(root)
        self._record_hash = record_hash

    @property
    def next_index(self) -> int:
        """The index of the next message to open."""
        return self._ratchet.index

    def open(self, verified: VerifiedMessage) -> bytes:
        """Return the content of the next message, and forget its key even where it does not open.

        A verified message is final at its index, so there is nothing to try again, and what follows still opens.

        Raises:
            Refused: MSG-1, MSG-2 (not the next message), MSG-6, MSG-7, MSG-8.
        """
        require(verified.record_hash == self._record_hash, Rule.MSG_SESSION, "The message is of another session.")
        require(verified.index == self.next_index, Rule.MSG_INDEX, "The message is not the next one to open.")
        return open_with_key(verified, self._ratchet.step())

    def to_state(self) -> Secret:
        """Return what an encrypted store keeps between messages, 68 bytes; earlier keys cannot be had from it."""
        return self._ratchet.to_state()

    @classmethod
    def from_state(cls, state: Secret, record_hash: bytes) -> Self:
        """Return the chain as it was stored."""
        chain = cls.__new__(cls)
        chain._ratchet = Ratchet.from_state(state)
        chain._record_hash = record_hash
        return chain

    def __repr__(self) -> str:
        return f"<ReceivingChain at {self.next_index}, redacted>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a ReceivingChain is stored by to_state alone")
