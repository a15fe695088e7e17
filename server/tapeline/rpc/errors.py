"""What a failed call tells: a status, and the refusal in a trailer; never another library's text."""

from __future__ import annotations

import traceback
from typing import Any, NoReturn

import grpc.aio
import structlog

from tapeline.base import errors
from tapeline.base.errors import TapelineError
from tapeline.base.remote import TRAILER, refusal_bytes
from tapeline.base.rules import Refused
from tapeline.base.text import printable

_STATUS: dict[type[TapelineError], grpc.StatusCode] = {
    Refused: grpc.StatusCode.FAILED_PRECONDITION,
    errors.MalformedInput: grpc.StatusCode.INVALID_ARGUMENT,
    errors.CryptoFailure: grpc.StatusCode.INVALID_ARGUMENT,
    errors.StateError: grpc.StatusCode.FAILED_PRECONDITION,
    errors.NotFound: grpc.StatusCode.NOT_FOUND,
    errors.PermissionRefused: grpc.StatusCode.PERMISSION_DENIED,
    errors.Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    errors.LimitExceeded: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.Unavailable: grpc.StatusCode.UNAVAILABLE,
    TapelineError: grpc.StatusCode.FAILED_PRECONDITION,
}

_log = structlog.get_logger("tapeline.rpc")


def status_of(error: TapelineError) -> grpc.StatusCode:
    """Return the status of the nearest known class."""
    return next(_STATUS[cls] for cls in type(error).__mro__ if cls in _STATUS)


async def abort_with(context: grpc.aio.ServicerContext[Any, Any], error: TapelineError) -> NoReturn:
    """End the call with the error's status, cause and trailer."""
    details = printable(error.cause, limit=256).encode("ascii", "replace").decode("ascii")
    await context.abort(status_of(error), details, ((TRAILER, refusal_bytes(error)),))
    raise AssertionError("abort returned")


async def abort_internal(context: grpc.aio.ServicerContext[Any, Any], method: str, error: Exception) -> NoReturn:
    """End the call as INTERNAL and log where it failed: the error's own text may hold user data or keys."""
    log_internal("rpc_internal_error", error, method=method)
    await context.abort(grpc.StatusCode.INTERNAL, "internal error")
    raise AssertionError("abort returned")


def log_internal(event: str, error: BaseException, **fields: str) -> None:
    """Log class and innermost place of an unexpected error, nothing of its text."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].name}:{frames[-1].lineno}" if frames else ""
    _log.error(event, error=type(error).__name__, where=where, **fields)
