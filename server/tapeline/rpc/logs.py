"""A service's log: one line for each thing that happened, on standard error; standard output is for results.

Every line passes the same steps: what repeats is told with doubling gaps, values are made bare, so that no object of
ours and no text of others prints itself, and the end is JSON, or columns where a person sits at the terminal.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any

import structlog

from tapeline.base.rules import Rule
from tapeline.base.text import printable
from tapeline.rpc.repeats import Repeats

Event = MutableMapping[str, Any]
_TEXT_LIMIT = 300


class LogLevel(StrEnum):
    """The least important lines that are written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @property
    def number(self) -> int:
        """As `logging` counts."""
        return {"debug": 10, "info": 20, "warning": 30, "error": 40}[self.value]


class LogFormat(StrEnum):
    """How a line looks: `auto` is columns at a terminal and JSON elsewhere."""

    AUTO = "auto"
    JSON = "json"
    CONSOLE = "console"


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What the operator may choose."""

    level: LogLevel = LogLevel.INFO
    format: LogFormat = LogFormat.AUTO


def configure_logs(service: str, settings: LogSettings | None = None) -> None:
    """Send this process's events, and those of the libraries below it, to standard error.

    Args:
        service: stands in every line, so that the lines of several services may be mixed.
        settings: level and form.
    """
    chosen = settings or LogSettings()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            Repeats(),
            bare_values,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _Named(service),
            _renderer(chosen.format),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(chosen.level.number),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    # Libraries write by `logging`: uvicorn of requests that are none, SQLAlchemy and gRPC of their troubles.
    logging.basicConfig(handlers=[_Forwarded()], level=logging.WARNING, force=True)


def bare_values(_: object, __: str, event: Event) -> Event:
    """Leave of every value only what a log may hold: numbers, short printable text, ids of rules, names of enums."""
    for name, value in event.items():
        event[name] = _bare(value)
    return event


def _bare(value: object) -> object:
    if isinstance(value, Rule):
        return value.id
    if value is None or isinstance(value, bool | int | float):
        return value.name.lower() if isinstance(value, Enum) else value
    if isinstance(value, str):
        return printable(str(value), limit=_TEXT_LIMIT)
    if isinstance(value, Enum):
        return value.name.lower()
    # Bytes may be keys, objects may print their fields: their kind is told, not what is in them.
    return type(value).__name__


class _Named:
    """Puts time, level, service and event first, then the fields in the order in which they were given."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __call__(self, _: object, __: str, event: Event) -> Mapping[str, Any]:
        head = {name: event.pop(name) for name in ("timestamp", "level") if name in event}
        return {**head, "service": self._service, "event": event.pop("event", ""), **event}


def _renderer(chosen: LogFormat) -> Any:
    at_terminal = chosen is LogFormat.CONSOLE or (chosen is LogFormat.AUTO and sys.stderr.isatty())
    if not at_terminal:
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), sort_keys=False)


class _Forwarded(logging.Handler):
    """Turns a library's record into an event: its pattern and the kind of error, never the values or texts in them."""

    def emit(self, record: logging.LogRecord) -> None:
        pattern = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
        error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        fields = {} if error is None else {"error": error}
        log = structlog.get_logger("tapeline.libraries")
        log.log(
            record.levelno, "library", library=record.name, text=pattern.splitlines()[0] if pattern else "", **fields
        )
