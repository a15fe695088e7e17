"""Codes for users, and device entries for codes."""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from tapeline.base.ed25519 import is_public_key
from tapeline.base.errors import PermissionRefused
from tapeline.base.hashing import tagged_hash
from tapeline.base.times import HOUR, MINUTE, Clock, Rng
from tapeline.crypto.device import issue_device_entry
from tapeline.crypto.enrolment import EnrolmentCode, log_key_hash, new_code, verify_possession
from tapeline.crypto.ids import check_name
from tapeline.crypto.limits import SALT_BYTES
from tapeline.crypto.membership import sign_statement
from tapeline.crypto.signing import SigningKey
from tapeline.enroller.store import add_code, find_code, salt_of, use_code
from tapeline.governance.roster import Roster
from tapeline.rpc.rate import RateLimiter
from tapeline.wire.v1.objects_pb2 import DeviceEntry, MembershipStatement

_log = structlog.get_logger("tapeline.enroller")
CODE_MS = 72 * HOUR
CLOCK_SKEW_MS = 10 * MINUTE
FAILURES_PER_MINUTE = 20
"""Wrong tries of one code: whoever tries it knows it, so that no stranger can use up another's."""
FAILURES_OF_CONNECTION = 600
"""Wrong codes over one connection, which many people may share behind a TLS proxy; codes have 128 random bits."""

_REFUSED = "The enrolment code is unknown, used, or expired."
_REMEDY = "Ask the identity team for a new code."


@dataclass(frozen=True, slots=True)
class EnrolAttempt:
    """What a device asks: the code, its key and name, the proof that it holds the key; `connection` is the caller's."""

    code: str
    device_key: bytes
    device_name: str
    possession: bytes
    connection: bytes


class EnrollerService:
    """Holds the enroller's key.

    Args:
        key: named by the roster.
        roster: the firm's pinned version.
        engine: of `open_store`.
        device_ms: how long an entry is valid.
    """

    def __init__(
        self, key: SigningKey, roster: Roster, engine: AsyncEngine, clock: Clock, rng: Rng, *, device_ms: int
    ) -> None:
        self._key, self._roster, self._engine = key, roster, engine
        self._clock, self._rng, self._device_ms = clock, rng, device_ms
        self._failures = RateLimiter(clock)

    async def new_code(self, user: str, lasts_ms: int = CODE_MS) -> EnrolmentCode:
        """Return a fresh code for a user; only its hash is stored."""
        check_name(user, "user")
        code = new_code(self._rng)
        async with self._engine.begin() as conn:
            await conn.run_sync(add_code, _code_hash(code), user, self._clock() + lasts_ms)
        return EnrolmentCode(code, self._roster.statement_hash, log_key_hash(self._roster.archive_log))

    async def enrol(self, attempt: EnrolAttempt) -> bytes:
        """Return the signed entry of a device; the same one for the same code and key.

        Raises:
            PermissionRefused: one answer for a code that is unknown, used by another device, or expired.
            Refused: SIG-1, a device key that the caller does not hold.
            LimitExceeded: too many wrong tries of this code, or over this connection.
        """
        tried = _code_hash(attempt.code)
        self._failures.require_room("code", tried, FAILURES_PER_MINUTE)
        check_name(attempt.device_name, "device name")
        if not is_public_key(attempt.device_key):
            raise PermissionRefused(_REFUSED, _REMEDY)
        verify_possession(attempt.device_key, attempt.code, attempt.possession)
        async with self._engine.begin() as conn:
            entry = await conn.run_sync(self._enrol, attempt)
        if entry is None:
            _log.warning("enrolment_refused")
            self._failures.take("code", tried, FAILURES_PER_MINUTE)
            # Only now: a right code is good however many wrong ones came the same way.
            self._failures.take("connection", attempt.connection, FAILURES_OF_CONNECTION)
            raise PermissionRefused(_REFUSED, _REMEDY)
        _log.info("device_enrolled")  # not whose: a log is read by more people than a directory
        return entry

    def sign_membership(self, statement: MembershipStatement) -> bytes:
        """Return a membership statement signed with the enroller's right, as at off-boarding."""
        statement.signer = self._key.public
        return sign_statement(self._key, statement)

    def _enrol(self, conn: Connection, attempt: EnrolAttempt) -> bytes | None:
        code_hash, now = _code_hash(attempt.code), self._clock()
        row = find_code(conn, code_hash)
        if row is None:
            return None
        if row.device_key is not None:
            # A device that missed the answer asks again; it may also do so after the code's end.
            return row.entry if row.device_key == attempt.device_key else None
        if row.expires_ms <= now:
            return None
        salt = salt_of(conn, row.user, self._rng(SALT_BYTES))
        entry = self._entry(attempt, row.user, salt, now)
        return entry if use_code(conn, code_hash, attempt.device_key, entry) else None

    def _entry(self, attempt: EnrolAttempt, user: str, salt: bytes, now: int) -> bytes:
        entry = DeviceEntry(
            deployment=self._roster.deployment,
            firm=self._roster.organisation,
            user=user,
            user_salt=salt,
            device_key=attempt.device_key,
            device_name=attempt.device_name,
            not_before_ms=now - CLOCK_SKEW_MS,
            not_after_ms=now + self._device_ms,
            issuer=self._key.public,
        )
        return issue_device_entry(self._key, entry)


def _code_hash(code: str) -> bytes:
    return tagged_hash("enrol-code", code.encode())
