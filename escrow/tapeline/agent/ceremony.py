"""The language of the ceremony's board: rounds, the id of a ceremony, and signed messages."""

from __future__ import annotations

from tapeline.base.hashing import tagged_hash
from tapeline.base.rules import Rule, require
from tapeline.crypto.limits import STATEMENT_BYTES
from tapeline.crypto.objects import open_object, seal_object
from tapeline.crypto.signing import SigningKey, signature_holds
from tapeline.crypto.wire import encode
from tapeline.wire.v1.escrow_pb2 import CeremonyBody

MESSAGE_KIND = "ceremony"
OPEN_KIND = "ceremony-open"

JOIN, ROUND1, SUCCESS, ACTIVATION, CERTIFICATE = "join", "round1", "success", "activation", "certificate"
ROUNDS = (JOIN, ROUND1, SUCCESS, ACTIVATION, CERTIFICATE)
"""In their order; a custodian posts exactly one message in each."""

MESSAGE_BYTES = STATEMENT_BYTES


def ceremony_id(parameters: bytes) -> bytes:
    """Return H("ceremony-board", parameters), 64 bytes: what every message of the ceremony names."""
    return tagged_hash("ceremony-board", parameters)


def sign_message(key: SigningKey, ceremony: bytes, round_name: str, custodian: str, payload: bytes) -> bytes:
    """Return a custodian's message of one round as a signed object."""
    body = CeremonyBody(ceremony=ceremony, round=round_name, custodian=custodian, payload=payload)
    return seal_object(key, MESSAGE_KIND, encode(body))


def verify_message(message: bytes, public: bytes, ceremony: bytes, round_name: str, custodian: str) -> bytes:
    """Return the payload of a message that `custodian`, whose roster key is `public`, signed for this round.

    Raises:
        Refused: DKG-7 with its culprit, or of the wire format.
    """
    signed, body = open_object(message, CeremonyBody, what="ceremony message", limit=MESSAGE_BYTES)
    require(
        (body.ceremony, body.round, body.custodian) == (ceremony, round_name, custodian)
        and signature_holds(public, MESSAGE_KIND, signed.body, signed.signature),
        Rule.DKG_ROUND1,
        "A ceremony message is not its custodian's, or is of another ceremony or round.",
        culprit=custodian,
    )
    return body.payload
