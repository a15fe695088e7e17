"""Verdicts that clients of one process share: what was verified once is not verified again for a neighbour.

Each cache's name holds everything that the verdict depends on, so a hit is the same answer, only sooner. Nothing
secret is in here.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

from tapeline.crypto.ack import verify_ack
from tapeline.crypto.message.verify import ParsedMessage, VerifiedMessage, parse_message, verify_message
from tapeline.crypto.record import judge_rows
from tapeline.crypto.record.facts import DeviceFact, Facts
from tapeline.crypto.record.parse import ParsedHeader, ParsedView, parse_header, parse_shard, parse_view
from tapeline.crypto.record.rows import Shard
from tapeline.crypto.record.verify import VerifiedRecord, verify_record
from tapeline.wire.v1.objects_pb2 import Ack

K = TypeVar("K")
V = TypeVar("V")
_ACKS = 16_384
_MESSAGES = 8_192
_RECORDS = 1_024


class Lru(Generic[K, V]):
    """A bounded memory; the least recently used entry goes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._entries: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        """Return what is remembered."""
        value = self._entries.get(key)
        if value is not None:
            self._entries.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> None:
        """Remember."""
        self._entries[key] = value
        if len(self._entries) > self._limit:
            self._entries.popitem(last=False)


class SharedVerdicts:
    """Verdicts on acknowledgements, messages and records; pass one object to all clients of a process."""

    def __init__(self) -> None:
        self._acks: Lru[tuple[bytes, str, int, bytes, bytes], bool] = Lru(_ACKS)
        self._parsed: Lru[bytes, ParsedMessage] = Lru(_MESSAGES)
        self._messages: Lru[tuple[bytes, bytes, bytes, int, bytes], VerifiedMessage] = Lru(_MESSAGES)
        self._headers: Lru[bytes, ParsedHeader] = Lru(_RECORDS)
        self._shards: Lru[bytes, Shard] = Lru(_RECORDS)
        self._records: Lru[tuple[bytes, bytes, Facts], VerifiedRecord] = Lru(_RECORDS)

    def ack(self, public: bytes, origin: str, ack: Ack) -> None:
        """Refuse under ACK-1 an acknowledgement that the relay did not sign."""
        key = (public, origin, ack.index, ack.leaf, ack.signature)
        if self._acks.get(key) is None:
            verify_ack(public, origin, ack)
            self._acks.put(key, True)

    def parsed(self, data: bytes) -> ParsedMessage:
        """Return a message as parsed; see `parse_message` for its refusals."""
        found = self._parsed.get(data)
        if found is None:
            found = parse_message(data)
            self._parsed.put(data, found)
        return found

    def view(self, data: bytes) -> ParsedView:
        """Return a view as parsed; header and shard, which neighbours share, are decoded once."""
        return parse_view(data, header_of=self.header, shard_of=self._shard_of)

    def header(self, data: bytes) -> ParsedHeader:
        """Return a header as parsed; see `parse_header` for its refusals."""
        found = self._headers.get(data)
        if found is None:
            found = parse_header(data)
            self._headers.put(data, found)
        return found

    def _shard_of(self, data: bytes) -> Shard:
        found = self._shards.get(data)
        if found is None:
            found = parse_shard(data)
            self._shards.put(data, found)
        return found

    def message(
        self, parsed: ParsedMessage, *, sender_key: bytes, record_hash: bytes, index: int, previous: bytes
    ) -> VerifiedMessage:
        """Return a message as verified; see `verify_message` for its refusals."""
        # The message hash covers header and ciphertext; with the signature it names the message entirely.
        key = (parsed.message_hash + parsed.signature, sender_key, record_hash, index, previous)
        found = self._messages.get(key)
        if found is None:
            found = verify_message(
                parsed,
                sender_key=sender_key,
                record_hash=record_hash,
                expected_index=index,
                expected_previous=previous,
            )
            self._messages.put(key, found)
        return found

    def record(self, view: ParsedView, facts: Facts, own: DeviceFact) -> VerifiedRecord:
        """Return a record as verified for one reader: of a known shard, only the reader's own row is judged anew."""
        key = (view.record_hash, view.shard_bytes, facts)
        found = self._records.get(key)
        if found is None:
            found = verify_record(view, facts, own=own)
            self._records.put(key, found)
            return found
        judge_rows.judge_shard_of_view(view)
        judge_rows.judge_own_row(view, own, facts)
        return found
