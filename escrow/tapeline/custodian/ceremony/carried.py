"""A ceremony in a file: for custodians whose machines touch no network, carried from one to the next and back."""

from __future__ import annotations

import os
from pathlib import Path

from tapeline.agent.ceremony import ceremony_id
from tapeline.base.errors import MalformedInput, NotFound, StateError
from tapeline.crypto.limits import STATEMENT_BYTES
from tapeline.crypto.wire import decode, parse
from tapeline.governance.roster import Roster
from tapeline.wire.v1.escrow_pb2 import CeremonyBody, CeremonyMessage, CeremonyParameters, CeremonyState
from tapeline.wire.v1.objects_pb2 import SignedObject

MAX_BYTES = 64 * 1024 * 1024


class CarriedCeremony:
    """A board of one ceremony in one file; what is posted is in the file, durably, when the call returns."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def ceremony(self, ceremony: bytes) -> CeremonyState:
        """Return the file's ceremony; nothing in it is verified.

        Raises:
            NotFound: the file holds another ceremony.
        """
        state = read_state(self._path)
        if ceremony_id(state.parameters) != ceremony:
            raise NotFound("The file holds another ceremony.", "Use the file of this ceremony.")
        return state

    def post_ceremony(self, ceremony: bytes, round_name: str, message: bytes) -> None:
        """Add a signed message of a round."""
        state = self.ceremony(ceremony)
        signed = SignedObject.FromString(message)
        custodian = _custodian(signed)
        state.messages.append(CeremonyMessage(round=round_name, custodian=custodian, message=signed))
        write_state(self._path, state)


def read_state(path: Path) -> CeremonyState:
    """Return a carried ceremony.

    Raises:
        MalformedInput: unreadable, or no ceremony.
        Refused: WIR-1 to WIR-3.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError:
        raise MalformedInput("The ceremony's file cannot be read.", "Check its path.") from None
    return parse(CeremonyState, data, limit=MAX_BYTES, what="carried ceremony")


def parsed_id(state: CeremonyState) -> bytes:
    """Return the id of a carried ceremony."""
    return ceremony_id(state.parameters)


def roster_of_ceremony(data: bytes, state: CeremonyState) -> Roster:
    """Return the roster that was carried along, which must be the version that the ceremony was opened under.

    Raises:
        StateError: it is another version, or its officers did not sign it.
    """
    envelope = Roster.envelope(data.strip())
    roster = Roster.parse(envelope)
    needed = parse(CeremonyParameters, state.parameters, limit=STATEMENT_BYTES, what="ceremony").roster
    if roster.statement_hash != needed:
        raise StateError(
            f"The ceremony was opened under another version of the roster than the given one, {roster.version}.",
            "Give the one that was the newest then, which `tapeline officer ceremony list` tells (its hash begins with "
            f"{needed.hex()[:16]}).",
        )
    if not roster.has_officers_quorum(envelope):
        raise StateError("Too few officers signed the roster that is given.", "Have a signed one carried along.")
    return roster


def write_state(path: Path, state: CeremonyState) -> None:
    """Replace the file by one with the state, so that a crash leaves the old or the new one."""
    partial = path.with_name(path.name + ".tmp")
    with partial.open("wb") as file:
        file.write(state.SerializeToString(deterministic=True))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _custodian(signed: SignedObject) -> str:
    return decode(CeremonyBody, signed.body, what="ceremony's message").custodian
