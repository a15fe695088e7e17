"""What the services' commands share: options of log and health, the ready line, the first and last line of the log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import Annotated, Any, TypeAlias

import structlog
import typer

from tapeline.cli.common import print_result
from tapeline.rpc.logs import LogFormat, LogLevel, LogSettings, configure_logs

LogLevelOption: TypeAlias = Annotated[LogLevel, typer.Option("--log-level", help="Least important lines to write.")]
LogFormatOption: TypeAlias = Annotated[
    LogFormat, typer.Option("--log-format", help="auto: columns at a terminal, else JSON lines; on standard error.")
]
HealthPortOption: TypeAlias = Annotated[
    int, typer.Option("--http-port", help="Port of /livez and /readyz; 0 takes a free one.")
]
OlderCopyOption: TypeAlias = Annotated[
    bool,
    typer.Option("--accept-older-copy", help="Go on though the folder is older than what the logs say; see the guide."),
]

Ready = Callable[[Mapping[str, Any]], None]


@contextmanager
def service_log(
    service: str, level: LogLevel, form: LogFormat, *, as_json: bool, human: Callable[[Mapping[str, Any]], str]
) -> Iterator[Ready]:
    """Log the life of a service, and yield what prints and logs that it is ready.

    Args:
        service: its name in every line.
        level, form: of the log.
        as_json: print the ready line as JSON.
        human: the ready line for a person, from where it listens.
    """
    configure_logs(service, LogSettings(level, form))
    log = structlog.get_logger("tapeline.service")

    def ready(where: Mapping[str, Any]) -> None:
        log.info("started", version=version("tapeline"), **where)
        print_result(where, as_json=as_json, human=human(where))

    yield ready
    log.info("stopped")
