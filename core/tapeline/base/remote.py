"""Errors over the wire: a TapelineError becomes a `Refusal`, and the caller's side raises its like again.

In a failed call the bytes travel as the binary trailer `TRAILER`; inside a stream as `Answer.refusal`.
"""

from __future__ import annotations

from google.protobuf.message import DecodeError

from tapeline.base import errors
from tapeline.base.errors import TapelineError
from tapeline.base.rules import Refused, rule_by_id
from tapeline.base.text import printable
from tapeline.wire.v1.common_pb2 import Refusal
from tapeline.wire.v1.objects_pb2 import Ack

TRAILER = "tapeline-refusal-bin"
MAX_REFUSAL_BYTES = 6 * 1024
"""gRPC's default limit of metadata is 8 KiB for all of it."""
MAX_TEXT = 512
MAX_ID = 32

_CLASSES: dict[str, type[TapelineError]] = {
    cls.__name__: cls
    for cls in (
        errors.MalformedInput,
        errors.CryptoFailure,
        errors.StateError,
        errors.NotFound,
        errors.PermissionRefused,
        errors.Unauthenticated,
        errors.LimitExceeded,
        errors.Unavailable,
    )
}


class RemoteRefusal(TapelineError):
    """A refusal whose class or rule this version does not know; `code` and `rule_id` are the other side's words."""

    def __init__(self, code: str, rule_id: str, cause: str, remedy: str, *, retryable: bool) -> None:
        super().__init__(cause, remedy, retryable=retryable)
        self.code = code
        self.rule_id = rule_id


def to_refusal(error: TapelineError, newer: Ack | None = None) -> Refusal:
    """Return the message that tells `error`; `newer` is the acknowledged leaf that outdated the caller's view."""
    if isinstance(error, RemoteRefusal):
        rule, code = error.rule_id, error.code
    else:
        rule, code = error.rule.id if isinstance(error, Refused) else "", _class_name(error)
    cause = error.cause.removesuffix(f" [{rule}]") if rule else error.cause
    refusal = Refusal(
        rule=printable(rule, limit=MAX_ID),
        code=printable(code, limit=MAX_ID),
        cause=printable(cause, limit=MAX_TEXT),
        remedy=printable(error.remedy, limit=MAX_TEXT),
        retryable=error.retryable,
    )
    if newer is not None:
        refusal.newer.CopyFrom(newer)
    return refusal


def from_refusal(refusal: Refusal) -> TapelineError:
    """Return the error that a peer told, its texts made printable; a known rule comes back as `Refused`."""
    cause = printable(refusal.cause, limit=MAX_TEXT)
    remedy = printable(refusal.remedy, limit=MAX_TEXT)
    rule = rule_by_id(refusal.rule)
    if rule is not None:
        refused = Refused(rule, cause)
        refused.retryable = refusal.retryable
        return refused
    cls = _CLASSES.get(refusal.code)
    if cls is not None and not refusal.rule:
        return cls(cause, remedy, retryable=refusal.retryable)
    code, identifier = (printable(text, limit=MAX_ID) for text in (refusal.code, refusal.rule))
    return RemoteRefusal(code, identifier, cause, remedy, retryable=refusal.retryable)


def refusal_bytes(error: TapelineError, newer: Ack | None = None) -> bytes:
    """Return `error` as trailer bytes, at most `MAX_REFUSAL_BYTES`: without the newer leaf where that is too long."""
    encoded = to_refusal(error, newer).SerializeToString()
    return encoded if len(encoded) <= MAX_REFUSAL_BYTES else to_refusal(error).SerializeToString()


def error_from_bytes(data: bytes) -> TapelineError:
    """Return the error of trailer bytes; one that is too long or does not decode is a `RemoteRefusal` too."""
    try:
        return from_refusal(Refusal.FromString(data[:MAX_REFUSAL_BYTES]))
    except DecodeError:
        return RemoteRefusal("", "", "The server's refusal does not decode.", "Update this software.", retryable=False)


def _class_name(error: TapelineError) -> str:
    """Return the nearest class that every peer knows: subclasses are an implementation's own matter."""
    if isinstance(error, Refused):
        return Refused.__name__
    known = next((cls for cls in type(error).__mro__ if cls.__name__ in _CLASSES), TapelineError)
    return known.__name__
