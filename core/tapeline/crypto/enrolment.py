"""The enrolment code: a one-time secret with the hashes that leave nothing to trust on first use (protocol, Keys).

    tl1_q83vASNFZ4mrze8BI0VniQ…

is base64url, without padding, of: one-time part 16 ‖ roster pin 32 ‖ log key pin 32 ‖ check 4. The pins are the first
32 bytes of the 64-byte hashes of roster version 1 and of the archive log's verifier key.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass

from tapeline.base.errors import MalformedInput
from tapeline.base.hashing import tagged_hash
from tapeline.base.secret import Secret
from tapeline.base.times import Rng

PREFIX = "tl1_"
ONE_TIME_BYTES = 16
PIN_BYTES = 32
_CHECK_BYTES = 4
_BYTES = ONE_TIME_BYTES + 2 * PIN_BYTES + _CHECK_BYTES
_REMEDY = "Copy the whole code again, or ask the enroller for a new one."


def log_key_hash(vkey: str) -> bytes:
    """Return H("log-key", vkey line), 64 bytes, of the archive log's verifier key."""
    return tagged_hash("log-key", vkey.encode())


def possession_body(one_time: str, device_key: bytes) -> bytes:
    """Return H("enrol", one-time part, device key): what a new device signs with kind "enrol"."""
    return tagged_hash("enrol", one_time.encode(), device_key)


@dataclass(frozen=True, slots=True)
class EnrolmentCode:
    """What a person types or scans once; the one-time part is secret until it is used.

    Attributes:
        one_time: 16 bytes, spent at the enroller.
        roster_pin: first 32 bytes of the statement hash of the firm's roster version 1.
        log_key_pin: first 32 bytes of `log_key_hash`.
    """

    one_time: Secret
    roster_pin: bytes
    log_key_pin: bytes

    @classmethod
    def make(cls, roster_hash: bytes, archive_vkey: str, rng: Rng) -> EnrolmentCode:
        """Return a fresh code under a roster version 1 (its 64-byte statement hash) and a log's vkey line."""
        return cls(Secret(rng(ONE_TIME_BYTES)), roster_hash[:PIN_BYTES], log_key_hash(archive_vkey)[:PIN_BYTES])

    @property
    def one_time_text(self) -> str:
        """The one-time part as `EnrolRequest.code` carries it, 32 hexadecimal digits."""
        return self.one_time.reveal().hex()

    def encode(self) -> str:
        """Return the code as it is handed over; it is secret until used."""
        body = self.one_time.reveal() + self.roster_pin + self.log_key_pin
        return PREFIX + base64.urlsafe_b64encode(body + _check(body)).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> EnrolmentCode:
        """Parse a code strictly, after removing blanks around it.

        Raises:
            MalformedInput: a wrong prefix, length, alphabet or check; the text itself is never part of the cause.
        """
        raw = _decode(text.strip())
        body, check = raw[:-_CHECK_BYTES], raw[-_CHECK_BYTES:]
        # The check finds slips of the hand, not forgers: it says so before the one-time part is spent.
        if not hmac.compare_digest(_check(body), check):
            raise MalformedInput("The enrolment code has a slip in it.", _REMEDY)
        pins = body[ONE_TIME_BYTES:]
        return cls(Secret(body[:ONE_TIME_BYTES]), pins[:PIN_BYTES], pins[PIN_BYTES:])

    def matches_roster(self, roster_hash: bytes) -> bool:
        """Tell whether a 64-byte statement hash is the pinned roster's."""
        return hmac.compare_digest(roster_hash[:PIN_BYTES], self.roster_pin)

    def matches_log_key(self, archive_vkey: str) -> bool:
        """Tell whether a vkey line is the pinned log's."""
        return hmac.compare_digest(log_key_hash(archive_vkey)[:PIN_BYTES], self.log_key_pin)


def _decode(text: str) -> bytes:
    encoded = text.removeprefix(PREFIX)
    try:
        raw = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    canonical = PREFIX + base64.urlsafe_b64encode(raw).decode().rstrip("=")
    if len(raw) != _BYTES or canonical != text:
        raise MalformedInput("The text is no enrolment code.", _REMEDY)
    return raw


def _check(body: bytes) -> bytes:
    return tagged_hash("enrolment-check", body)[:_CHECK_BYTES]
