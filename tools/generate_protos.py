"""Regenerate the wire stubs beside their .proto files; `--check` fails where the committed ones differ."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
WIRE = Path("tapeline/wire/v1")
SERVICES = {"common", "relay", "enroller", "escrow"}


def generate(target: Path) -> list[Path]:
    """Write messages, types and services under `target`; return the paths relative to it."""
    protos = sorted((PROJECT / "proto" / WIRE).glob("*.proto"))
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(
            [
                sys.executable, "-m", "grpc_tools.protoc", f"-I{PROJECT / 'proto'}",
                f"--python_out={scratch}", f"--pyi_out={scratch}", f"--grpc_python_out={scratch}",
                *map(str, protos),
            ],
            check=True,
        )  # fmt: skip
        written = []
        for path in sorted(Path(scratch).rglob("*_pb2*")):
            relative = path.relative_to(scratch)
            if path.stem.endswith("_grpc") and path.stem.removesuffix("_pb2_grpc") not in SERVICES:
                continue
            (target / relative).parent.mkdir(parents=True, exist_ok=True)
            (target / relative).write_text(path.read_text())
            written.append(relative)
    return written


def check() -> int:
    """Return 1 and name the stale files where the committed stubs are not what the protos make."""
    with tempfile.TemporaryDirectory() as fresh:
        written = generate(Path(fresh))
        committed = {p.relative_to(PROJECT / "proto") for p in (PROJECT / "proto").rglob("*_pb2*.py*")
                     if "__pycache__" not in p.parts}  # fmt: skip
        stale = {p for p in written if not (PROJECT / "proto" / p).is_file()
                 or (PROJECT / "proto" / p).read_text() != (Path(fresh) / p).read_text()}  # fmt: skip
    stale |= committed - set(written)
    for path in sorted(stale):
        print(f"stale: proto/{path}; run `make proto`")
    return 1 if stale else 0


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        sys.exit(check())
    generate(PROJECT / "proto")
