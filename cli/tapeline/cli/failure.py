"""What a command says when it fails: cause, remedy, exit status; never a traceback, never a library's text."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import IntEnum

import typer

from tapeline.base.errors import TapelineError, Unavailable
from tapeline.base.rules import Refused
from tapeline.base.text import printable


class Status(IntEnum):
    """Exit statuses of every command."""

    REFUSED = 1  # a rule or a state said no, or findings were made
    USAGE = 2  # the command line is wrong, or an extra is missing
    UNREACHABLE = 3  # a party could not be reached
    INTERNAL = 4  # a fault of this software


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure, ready to be shown; text from others has passed `printable`."""

    status: Status
    code: str
    cause: str
    remedy: str = ""
    rule: str = ""
    retryable: bool = False

    def paragraph(self) -> str:
        """Return the one paragraph for a person."""
        return f"Error: {self.cause} {self.remedy}".strip()

    def as_dict(self) -> dict[str, str | int | bool]:
        """Return the object that --json prints."""
        return {
            "code": self.code,
            "cause": self.cause,
            "remedy": self.remedy,
            "rule": self.rule,
            "retryable": self.retryable,
            "status": int(self.status),
        }


def failure_of(error: Exception) -> Failure | None:
    """Return what to say about an exception; None for typer's own, which typer handles."""
    if isinstance(error, (typer.Exit, typer.Abort, typer.TyperException)):
        return None
    if isinstance(error, TapelineError):
        return _refusal(error)
    return _unreachable(error) or _of_the_system(error) or _internal(error)


def _refusal(error: TapelineError) -> Failure:
    rule = error.rule.id if isinstance(error, Refused) else ""
    return Failure(
        Status.UNREACHABLE if isinstance(error, Unavailable) else Status.REFUSED,
        type(error).__name__,
        printable(error.cause),
        printable(error.remedy),
        rule,
        error.retryable,
    )


def _unreachable(error: Exception) -> Failure | None:
    """Recognise a failed call without importing gRPC, which most commands never need."""
    grpc = sys.modules.get("grpc")
    if grpc is not None and isinstance(error, grpc.RpcError):
        status = getattr(error, "code", lambda: None)()
        name = getattr(status, "name", "UNKNOWN")
        if name in {"UNAVAILABLE", "DEADLINE_EXCEEDED"}:
            return Failure(
                Status.UNREACHABLE,
                "Unreachable",
                "The service did not answer.",
                "Check that it runs and that its address is right, then try again.",
                retryable=True,
            )
        return Failure(
            Status.REFUSED, "CallFailed", f"The service refused the call ({name}).", "See the service's own log."
        )
    if isinstance(error, (ConnectionError, TimeoutError)):
        return Failure(
            Status.UNREACHABLE,
            "Unreachable",
            "A connection was refused, lost, or timed out.",
            "Check that the service runs and that its address is right, then try again.",
            retryable=True,
        )
    return None


def _of_the_system(error: Exception) -> Failure | None:
    if not isinstance(error, OSError) or error.filename is None:
        return None
    if isinstance(error, FileExistsError):
        return Failure(
            Status.REFUSED,
            "FileError",
            f"There is a file {printable(str(error.filename))} already.",
            "Choose another name.",
        )
    reason = printable(error.strerror or "the system refused it")
    return Failure(
        Status.REFUSED,
        "FileError",
        f"{printable(str(error.filename))}: {reason}.",
        "Check the path and its permissions.",
    )


def _internal(error: Exception) -> Failure:
    # The text of a foreign exception may hold data of users or keys: only its type is shown.
    return Failure(
        Status.INTERNAL,
        "Internal",
        f"Something unexpected happened inside Tapeline ({type(error).__name__}).",
        "Run the same command again as `tapeline --debug …` for the details, and report them.",
    )
