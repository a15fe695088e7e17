"""`tapeline witness`: a key, and the process that cosigns checkpoints of the logs it knows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from tapeline.base.seam import system_rng
from tapeline.cli.common import JsonOption, command_errors, print_result
from tapeline.cli.services import LogFormatOption, LogLevelOption, OlderCopyOption, service_log
from tapeline.rpc.logs import LogFormat, LogLevel
from tapeline.witness.config import WitnessConfig
from tapeline.witness.keyfile import create_key
from tapeline.witness.serve import serve as serve_witness

app = typer.Typer(help="Cosign the checkpoints of transparency logs.", no_args_is_help=True)

DataOption = Annotated[Path, typer.Option("--data", help="Folder of the witness's key and memory.")]


@app.command()
@command_errors
def key(
    data: DataOption,
    name: Annotated[str, typer.Option("--name", help="Key name, such as witness.example/w1.")],
    as_json: JsonOption = False,
) -> None:
    """Make the witness's key and print its public half for rosters and policies."""
    cosigner = create_key(data, name, system_rng)
    vkey = cosigner.key.encode()
    print_result({"name": name, "vkey": vkey}, as_json=as_json, human=vkey)


@app.command()
@command_errors
async def serve(
    data: DataOption,
    logs: Annotated[Path, typer.Option("--logs", help="File of known logs, a vkey on each line.")],
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port to listen on; 0 takes a free one.")] = 0,
    accept_older_copy: OlderCopyOption = False,
    log_level: LogLevelOption = LogLevel.INFO,
    log_format: LogFormatOption = LogFormat.AUTO,
    as_json: JsonOption = False,
) -> None:
    """Answer add-checkpoint requests until SIGTERM, which lets requests at hand finish."""

    with service_log("witness", log_level, log_format, as_json=as_json, human=_where) as ready:
        await serve_witness(WitnessConfig(data, logs, host, port, accept_older_copy), ready=ready)


def _where(where: Mapping[str, Any]) -> str:
    return f"Witness {where['vkey']} listens on {where['url']}"
