"""The enrolment code that a new user types or pastes: a one-time code, and what to trust from the start.

    tapeline-enrol:AQ3k…

One base64url string of: version 1, the 16-byte one-time code, the hash of the pinned roster, the hash of the archive
log's key, and 4 check bytes against typing errors. With it there is no trust on first use (protocol, Keys).
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

from tapeline.base.errors import MalformedInput
from tapeline.base.hashing import HASH_BYTES, tagged_hash
from tapeline.base.times import Rng
from tapeline.crypto.signing import SigningKey, verify_signature

PREFIX = "tapeline-enrol:"
CODE_BYTES = 16
POSSESSION_KIND = "enrol"
_VERSION = b"\x01"
_CHECK_BYTES = 4
_LENGTH = 1 + CODE_BYTES + 2 * HASH_BYTES + _CHECK_BYTES


@dataclass(frozen=True)
class EnrolmentCode:
    """What a printed code holds.

    Attributes:
        code: the one-time part, 32 hex digits, as `EnrolRequest.code` carries it; whoever holds it enrols.
        roster: statement hash of the roster to pin, 64 bytes.
        log_key: `log_key_hash` of the archive log's vkey, 64 bytes.
    """

    code: str = field(repr=False)
    roster: bytes
    log_key: bytes


def new_code(rng: Rng) -> str:
    """Return a fresh one-time code: 128 bits as 32 hex digits."""
    return rng(CODE_BYTES).hex()


def log_key_hash(vkey: str) -> bytes:
    """Return H("log-key", vkey line), 64 bytes."""
    return tagged_hash("log-key", vkey.encode())


def format_enrolment(enrolment: EnrolmentCode) -> str:
    """Return the one copyable string."""
    body = _VERSION + bytes.fromhex(enrolment.code) + enrolment.roster + enrolment.log_key
    return PREFIX + base64.urlsafe_b64encode(body + _check(body)).rstrip(b"=").decode("ascii")


def parse_enrolment(text: str) -> EnrolmentCode:
    """Parse a copied string; blanks and line breaks that a mail program put in are dropped.

    Raises:
        MalformedInput: not an enrolment code, or mistyped.
    """
    compact = "".join(text[:1024].split())
    try:
        encoded = compact.removeprefix(PREFIX)
        body = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except ValueError:
        body = b""
    sound = len(body) == _LENGTH and body[:1] == _VERSION and _check(body[:-_CHECK_BYTES]) == body[-_CHECK_BYTES:]
    if not compact.startswith(PREFIX) or not sound:
        raise MalformedInput("The enrolment code is not complete, or mistyped.", "Copy it again as a whole.")
    roster, log_key = body[1 + CODE_BYTES :][:HASH_BYTES], body[1 + CODE_BYTES + HASH_BYTES :][:HASH_BYTES]
    return EnrolmentCode(body[1 : 1 + CODE_BYTES].hex(), roster, log_key)


def sign_possession(key: SigningKey, code: str) -> bytes:
    """Return the device's proof that it holds the key which it enrols: `EnrolRequest.possession`, 64 bytes."""
    return key.sign(POSSESSION_KIND, _possession(code, key.public))


def verify_possession(device_key: bytes, code: str, possession: bytes) -> None:
    """Refuse under SIG-1 an enrolment that the device key did not sign for this code."""
    cause = "The enrolment is not signed by the device's key."
    verify_signature(device_key, POSSESSION_KIND, _possession(code, device_key), possession, cause)


def _possession(code: str, device_key: bytes) -> bytes:
    return tagged_hash("enrol", code.encode(), device_key)


def _check(body: bytes) -> bytes:
    return tagged_hash("enrolment-check", body)[:_CHECK_BYTES]
