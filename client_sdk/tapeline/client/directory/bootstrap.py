"""First contact: the relay's rosters against the pins of the enrolment code; nothing is trusted on first use."""

from __future__ import annotations

from dataclasses import dataclass

import grpc.aio

from tapeline.base.errors import MalformedInput
from tapeline.base.rules import Refused
from tapeline.client.transport.calls import call
from tapeline.client.transport.methods import GET_DEPLOYMENT
from tapeline.crypto.enrolment import log_key_hash
from tapeline.governance.chain import RosterChain
from tapeline.governance.roster import Roster
from tapeline.transparency.cosigned import CosignedCheckpoint
from tapeline.wire.v1.relay_pb2 import DeploymentRequest

MAX_ROSTERS = 4096
_WRONG_RELAY = "Check the relay's address; if it is right, report it: it serves another deployment."


@dataclass(frozen=True, slots=True)
class Pins:
    """What an enrolment code fixes: hashes of roster version 1 and of the archive log's key, 64 bytes each."""

    roster: bytes
    log_key: bytes


@dataclass(frozen=True)
class Bootstrap:
    """A deployment as pinned: its rosters, chained, and the newest note that the relay showed (maybe empty)."""

    first: Roster
    chain: RosterChain
    note: bytes

    def verify_archive_note(self, note: bytes, *, after: int = 0) -> CosignedCheckpoint:
        """Return the checkpoint, cosigned by the witnesses of one of the rosters above version `after`.

        Whoever arrives new cannot know since when a roster was public, so which of them is in force: the log's own
        leaves tell, once the replay holds them, and only the replay is believed from then on.

        Raises:
            Refused: NOTE_SYNTAX, NOTE_SIGNATURE or NOTE_QUORUM.
        """
        return self.chain.verify_coming_archive_note(note, after=after)


async def bootstrap(channel: grpc.aio.Channel, pins: Pins) -> Bootstrap:
    """Fetch the deployment and hold it against the pins.

    Raises:
        MalformedInput: the relay serves another deployment.
        Refused: a roster that does not follow its predecessor.
    """
    deployment = await call(channel, GET_DEPLOYMENT, DeploymentRequest())
    if not 1 <= len(deployment.rosters) <= MAX_ROSTERS:
        raise MalformedInput("The relay shows no rosters.", _WRONG_RELAY)
    chain = RosterChain.pin(pins.roster)
    first = chain.add(deployment.rosters[0], None)
    if log_key_hash(first.archive_log) != pins.log_key:
        raise MalformedInput("The archive log's key is not the pinned one.", _WRONG_RELAY)
    for envelope in deployment.rosters[1:]:
        chain.add(envelope, None)
    return Bootstrap(first, chain, deployment.note)


def is_refused_note(error: Refused) -> bool:
    """Tell whether a note was refused for its signatures, which a newer roster may explain."""
    return error.rule.id in {"LOG-2", "LOG-3"}
