"""What the reviewer's commands share: options, and the workspace over a sealed store."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from tapeline.agent.desk import Desk
from tapeline.base.seam import system_rng
from tapeline.base.secret import Secret
from tapeline.cli.stores import store_of
from tapeline.review.casekeys import CaseKeys
from tapeline.review.workspace import Workspace

STORE_PURPOSE = "reviewer-store"
DataOption: TypeAlias = Annotated[Path, typer.Option("--data", help="Folder of the workspace's sealed store.")]
CaseArgument: TypeAlias = Annotated[str, typer.Argument(help="The case's hash.", metavar="CASE")]


def workspace_of(desk: Desk, data: Path, passphrase: Secret) -> Workspace:
    """Return the workspace of a data folder."""
    keys = CaseKeys(store_of(data, passphrase, STORE_PURPOSE))
    return Workspace(desk, keys, system_rng, f"tapeline {version('tapeline')}")
