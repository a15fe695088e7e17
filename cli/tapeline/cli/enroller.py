"""`tapeline enroller`: its key, codes for new users, and the process that signs their first devices."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from tapeline.base.seam import system_clock, system_rng
from tapeline.base.times import HOUR
from tapeline.cli.common import JsonOption, command_errors, print_result
from tapeline.cli.services import HealthPortOption, LogFormatOption, LogLevelOption, OlderCopyOption, service_log
from tapeline.crypto.enrolment import format_enrolment
from tapeline.enroller.config import EnrollerConfig, load_roster, require_enroller
from tapeline.enroller.keys import init_key, load_key, public_part
from tapeline.enroller.serve import serve as serve_enroller
from tapeline.enroller.service import EnrollerService
from tapeline.enroller.store import open_store
from tapeline.rpc.logs import LogFormat, LogLevel

app = typer.Typer(help="Enrol users' first devices.", no_args_is_help=True)

DataOption = Annotated[Path, typer.Option("--data", help="Folder of the enroller's key and codes.")]
RosterOption = Annotated[Path, typer.Option("--roster", help="The firm's signed roster version 1.")]


@app.command()
@command_errors
def init(data: DataOption, as_json: JsonOption = False) -> None:
    """Make the enroller's key and print its public half for the roster."""
    print_result(public_part(init_key(data, system_rng)), as_json=as_json)


@app.command()
@command_errors
async def code(
    data: DataOption,
    roster: RosterOption,
    user: Annotated[list[str], typer.Option("--user", help="Whom a code is for; may be given several times.")],
    hours: Annotated[int, typer.Option("--hours", min=1, max=720, help="How long it can be used.")] = 72,
    as_json: JsonOption = False,
) -> None:
    """Print a one-time enrolment code for each user; give it to the user on a trusted way."""
    config = EnrollerConfig(data, roster)
    pinned, key = load_roster(roster), load_key(data)
    require_enroller(pinned, key)
    engine = await open_store(config.database)
    try:
        service = EnrollerService(key, pinned, engine, system_clock, system_rng, device_ms=config.device_ms)
        codes = {name: format_enrolment(await service.new_code(name, hours * HOUR)) for name in user}
    finally:
        await engine.dispose()
    if len(user) == 1:
        print_result({"user": user[0], "code": codes[user[0]]}, as_json=as_json, human=codes[user[0]])
    else:
        print_result({"codes": codes}, as_json=as_json)


@app.command()
@command_errors
async def serve(
    data: DataOption,
    roster: RosterOption,
    host: Annotated[str, typer.Option("--host", help="Loopback address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="gRPC port; 0 takes a free one.")] = 0,
    http_port: HealthPortOption = 0,
    relay: Annotated[
        str | None,
        typer.Option("--relay", help="The relay, host:port: its archive shows whether this folder is an older copy."),
    ] = None,
    accept_older_copy: OlderCopyOption = False,
    log_level: LogLevelOption = LogLevel.INFO,
    log_format: LogFormatOption = LogFormat.AUTO,
    as_json: JsonOption = False,
) -> None:
    """Serve until SIGTERM, which lets work at hand finish."""

    with service_log("enroller", log_level, log_format, as_json=as_json, human=_where) as ready:
        await serve_enroller(EnrollerConfig(data, roster, host, port, http_port, relay, accept_older_copy), ready=ready)


def _where(where: Mapping[str, Any]) -> str:
    return f"Enroller listens on {where['grpc']}, health on {where['http']}"
