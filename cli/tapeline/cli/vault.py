"""`tapeline vault`: the process that keeps the post-quantum keys."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from tapeline.base.seam import system_rng
from tapeline.cli.common import JsonOption, command_errors, print_result
from tapeline.cli.services import HealthPortOption, LogFormatOption, LogLevelOption, OlderCopyOption, service_log
from tapeline.rpc.logs import LogFormat, LogLevel
from tapeline.vault.keys import init_keys
from tapeline.vault.serve import VaultConfig
from tapeline.vault.serve import serve as serve_vault

app = typer.Typer(help="Run the vault of the post-quantum leg.", no_args_is_help=True)

DataOption = Annotated[Path, typer.Option("--data", help="Folder of the vault's secrets.")]


@app.command()
@command_errors
def init(data: DataOption, as_json: JsonOption = False) -> None:
    """Make the vault's secrets and print its public half for the roster.

    Example: tapeline vault init --data /var/lib/tapeline/vault --json
    """
    keys = init_keys(data, system_rng)
    keys.store.close()
    print_result(keys.public_part(), as_json=as_json)


@app.command()
@command_errors
async def serve(
    data: DataOption,
    roster: Annotated[Path, typer.Option("--roster", help="Signed roster version 1.")],
    host: Annotated[str, typer.Option("--host", help="Loopback address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="gRPC port; 0 takes a free one.")] = 0,
    http_port: HealthPortOption = 0,
    accept_older_copy: OlderCopyOption = False,
    log_level: LogLevelOption = LogLevel.INFO,
    log_format: LogFormatOption = LogFormat.AUTO,
    as_json: JsonOption = False,
) -> None:
    """Serve until SIGTERM, which lets work at hand finish.

    Example: tapeline vault serve --data DIR --roster roster.json --port 7003
    """

    with service_log("vault", log_level, log_format, as_json=as_json, human=_where) as ready:
        await serve_vault(VaultConfig(data, roster, host, port, http_port, accept_older_copy), ready=ready)


def _where(where: Mapping[str, Any]) -> str:
    return f"Vault listens on {where['grpc']}, health on {where['http']}"
