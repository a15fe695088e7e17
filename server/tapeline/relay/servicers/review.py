"""Review: what reviewers, custodians and auditors get."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine

from tapeline.base.times import Clock
from tapeline.crypto.signing import SigningKey
from tapeline.relay.services.ledger import Ledger
from tapeline.tlog.publisher import LogPublisher
from tapeline.wire.v1.relay_pb2_grpc import ReviewServicer


class Review(ReviewServicer):
    """For people with a role."""

    def __init__(
        self, ledger: Ledger, engine: AsyncEngine, log: LogPublisher, relay_key: SigningKey, clock: Clock
    ) -> None:
        self._ledger, self._engine, self._log = ledger, engine, log
        self._relay_key, self._clock = relay_key, clock
