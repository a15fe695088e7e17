"""`tapeline relay`: keys, and the process that checks, orders, stores and delivers what it cannot read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from tapeline.base.seam import system_rng
from tapeline.cli.common import JsonOption, command_errors, print_result
from tapeline.cli.services import LogFormatOption, LogLevelOption, service_log
from tapeline.relay.config import RelayConfig, parse_vaults
from tapeline.relay.keys import init_keys
from tapeline.relay.serve import serve as serve_relay
from tapeline.relay.services.device_limits import DeviceLimits
from tapeline.rpc.logs import LogFormat, LogLevel

app = typer.Typer(help="Run the relay.", no_args_is_help=True)

DataOption = Annotated[Path, typer.Option("--data", help="Folder of the relay's keys and database.")]


@app.command()
@command_errors
def init(
    data: DataOption,
    origin: Annotated[str, typer.Option("--origin", help="Name of the archive log, such as bank.example/archive.")],
    as_json: JsonOption = False,
) -> None:
    """Make the relay's keys and print their public halves for the roster."""
    print_result(init_keys(data, origin, system_rng).public_part(), as_json=as_json)


@app.command()
@command_errors
async def serve(
    data: DataOption,
    roster: Annotated[list[Path], typer.Option("--roster", help="Signed roster version 1 of the firm.")],
    host: Annotated[str, typer.Option("--host", help="Loopback address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="gRPC port; 0 takes a free one.")] = 0,
    http_port: Annotated[int, typer.Option("--http-port", help="Port of tiles and metrics; 0 takes a free one.")] = 0,
    vault: Annotated[
        list[str] | None,
        typer.Option("--vault", help="A firm's vault, as NAME=host:port, NAME being the roster's organisation."),
    ] = None,
    user_devices: Annotated[
        int, typer.Option("--user-devices", min=1, help="How many devices a user may have in force.")
    ] = 8,
    devices_a_day: Annotated[
        int, typer.Option("--devices-a-day", min=0, help="How many of a user's may enter in a day by a device's word.")
    ] = 8,
    log_level: LogLevelOption = LogLevel.INFO,
    log_format: LogFormatOption = LogFormat.AUTO,
    as_json: JsonOption = False,
) -> None:
    """Serve until SIGTERM, which lets work at hand finish."""

    limits = DeviceLimits(user_devices, devices_a_day)
    config = RelayConfig(data, tuple(roster), host, port, http_port, parse_vaults(vault or []), devices=limits)
    with service_log("relay", log_level, log_format, as_json=as_json, human=_where) as ready:
        await serve_relay(config, ready=ready)


def _where(where: Mapping[str, Any]) -> str:
    return f"Relay listens on {where['grpc']}, tiles on {where['http']}"
