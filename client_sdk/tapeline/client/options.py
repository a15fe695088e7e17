"""How a client behaves, and what it shares with others of its process."""

from __future__ import annotations

from dataclasses import dataclass, field

from tapeline.base.seam import system_clock, system_rng
from tapeline.base.times import Clock, Rng
from tapeline.client.directory.shared import SharedDirectory
from tapeline.client.transport.channels import Transport
from tapeline.client.verdicts import SharedVerdicts

DISCLOSURE = "This conversation is recorded and kept under {firm}'s retention class {retention_class}."


@dataclass(frozen=True)
class ClientOptions:
    """Settings of a client.

    Attributes:
        transport: gRPC channels; give one to all clients of a process. Whoever made it closes it.
        verdicts: cache of public verdicts; give one to all clients of a process.
        directory: the replayed directory; give one to all clients of a process and deployment.
        disclosure: text of the recording disclosure; `{firm}` and `{retention_class}` are filled in.
        acknowledge_disclosures: answer a disclosure with its acknowledgement, by itself.
        clock, rng: the seam for time and randomness.
    """

    transport: Transport | None = None
    verdicts: SharedVerdicts = field(default_factory=SharedVerdicts)
    directory: SharedDirectory = field(default_factory=SharedDirectory)
    disclosure: str = DISCLOSURE
    acknowledge_disclosures: bool = True
    clock: Clock = system_clock
    rng: Rng = system_rng
