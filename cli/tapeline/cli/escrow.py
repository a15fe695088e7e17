"""`tapeline escrow`: the escrow service's keys and process."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from tapeline.base.seam import system_rng
from tapeline.cli.common import JsonOption, command_errors, print_result
from tapeline.cli.services import LogFormatOption, LogLevelOption, service_log
from tapeline.escrow.config import EscrowConfig
from tapeline.escrow.keys import init_keys
from tapeline.escrow.serve import serve as serve_escrow
from tapeline.rpc.logs import LogFormat, LogLevel

app = typer.Typer(help="Run the escrow service: ceremony board, cases, audit log.", no_args_is_help=True)

DataOption = Annotated[Path, typer.Option("--data", help="Folder of the service's keys and database.")]


@app.command()
@command_errors
def init(
    data: DataOption,
    origin: Annotated[str, typer.Option("--origin", help="Name of the audit log, such as bank.example/audit.")],
    as_json: JsonOption = False,
) -> None:
    """Make the service's keys and print their public halves for the roster.

    Example: tapeline escrow init --data /var/lib/tapeline/escrow --origin bank.example/audit --json
    """
    print_result(init_keys(data, origin, system_rng).public_part(), as_json=as_json)


@app.command()
@command_errors
async def serve(
    data: DataOption,
    roster: Annotated[Path, typer.Option("--roster", help="Signed roster version 1, which becomes audit leaf 0.")],
    host: Annotated[str, typer.Option("--host", help="Loopback address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="gRPC port; 0 takes a free one.")] = 0,
    http_port: Annotated[int, typer.Option("--http-port", help="Port of the log's tiles; 0 takes a free one.")] = 0,
    relay: Annotated[str | None, typer.Option("--relay", help="The relay, host:port, to mirror to.")] = None,
    vault: Annotated[str | None, typer.Option("--vault", help="The vault, host:port.")] = None,
    log_level: LogLevelOption = LogLevel.INFO,
    log_format: LogFormatOption = LogFormat.AUTO,
    as_json: JsonOption = False,
) -> None:
    """Serve until SIGTERM, which lets work at hand finish.

    Example: tapeline escrow serve --data DIR --roster roster.json --relay 127.0.0.1:7001 --vault 127.0.0.1:7005
    """

    config = EscrowConfig(data, roster, host, port, http_port, relay, vault)
    with service_log("escrow", log_level, log_format, as_json=as_json, human=_where) as ready:
        await serve_escrow(config, ready=ready)


def _where(where: Mapping[str, Any]) -> str:
    return f"Escrow listens on {where['grpc']}, its log on {where['http']}"
