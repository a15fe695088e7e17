"""The error family: every failure names its cause and its remedy."""

from __future__ import annotations


class TapelineError(Exception):
    """Base of all errors that Tapeline raises on purpose.

    `cause` says what was wrong, `remedy` what the person can do about it; neither ever holds a secret.
    """

    retryable: bool = False

    def __init__(self, cause: str, remedy: str = "", *, retryable: bool | None = None) -> None:
        super().__init__(cause)
        self.cause = cause
        self.remedy = remedy
        if retryable is not None:
            self.retryable = retryable

    def __str__(self) -> str:
        return f"{self.cause} {self.remedy}".strip()


class MalformedInput(TapelineError):
    """Bytes from outside that do not decode, exceed a limit, or are not canonical."""


class CryptoFailure(TapelineError):
    """A decryption or verification that failed without naming a protocol rule."""


class StateError(TapelineError):
    """A step was asked for in a state that does not allow it."""


class NotFound(TapelineError):
    """The thing asked for is not known here."""


class PermissionRefused(TapelineError):
    """The caller's role does not allow this call."""


class Unauthenticated(TapelineError):
    """The call came without a token that this service issued and that is still valid."""


class LimitExceeded(TapelineError):
    """More, or more often, than this service takes from one caller."""

    retryable = True


class Unavailable(TapelineError):
    """The service cannot do it now: it is stopping, its disk is full, or a party behind it does not answer."""

    retryable = True
