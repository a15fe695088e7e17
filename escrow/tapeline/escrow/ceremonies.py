"""The ceremony's board: append-only, every message signed by its custodian; it coordinates and is trusted for nothing.

The custodians verify every message again for themselves. What the board refuses, it refuses early and for all:
messages of strangers, of a round that does not exist, and a second, different message of the same round.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog
from sqlalchemy import Connection

from tapeline.agent.ceremony import OPEN_KIND, ROUNDS, ceremony_id, verify_message
from tapeline.base.errors import MalformedInput, NotFound, StateError
from tapeline.base.times import Clock
from tapeline.crypto.limits import STATEMENT_BYTES
from tapeline.crypto.signing import verify_signature
from tapeline.crypto.wire import decode, encode, parse
from tapeline.escrow import ceremony_store as store
from tapeline.escrow.ceremony_store import StoredCeremony, StoredMessage
from tapeline.escrow.database import Database
from tapeline.governance.roster import Roster
from tapeline.wire.v1 import escrow_pb2 as wire
from tapeline.wire.v1.objects_pb2 import SignedObject

_log = structlog.get_logger("tapeline.escrow")


class CeremonyBoard:
    """Opens ceremonies for officers and keeps the custodians' messages.

    Args:
        database: the service's.
        roster: returns the newest roster.
        clock: unix milliseconds.
        certified: returns the newest certified epoch of a class, 0 where there is none.
    """

    def __init__(
        self,
        database: Database,
        roster: Callable[[], Roster],
        clock: Clock,
        certified: Callable[[str], int] = lambda _: 0,
    ) -> None:
        self._database = database
        self._roster = roster
        self._clock = clock
        self._certified = certified

    async def open(self, request: wire.CeremonyOpen) -> bytes:
        """Store a ceremony that an officer of the roster signed, and return its id; the same one again changes nothing.

        Raises:
            Refused: SIG-1, or of the wire format.
            MalformedInput: another deployment, firm or roster, or unknown custodians.
            StateError: the epoch has its key already, or its ceremony.
        """
        parameters = parse(wire.CeremonyParameters, request.parameters, limit=STATEMENT_BYTES, what="ceremony")
        roster = self._roster()
        officer = roster.find(request.officer)
        if officer is None or "officer" not in officer.roles:
            raise MalformedInput("The ceremony is opened by one who is no officer.", "Ask an officer of the roster.")
        cause = "The officer did not sign the ceremony's parameters."
        verify_signature(officer.key, OPEN_KIND, request.parameters, request.signature, cause, culprit=officer.id)
        _check_parameters(parameters, roster)
        ceremony = ceremony_id(request.parameters)
        new = StoredCeremony(ceremony, request.parameters, officer.id, request.signature)
        newest = self._certified(parameters.retention_class)
        if parameters.epoch <= newest:
            raise StateError(
                f"Class {parameters.retention_class} has its key of epoch {newest} already.",
                f"Open one for the next epoch: tapeline officer ceremony open --epoch {newest + 1}.",
            )
        await self._database.write(lambda conn: self._add(conn, new))
        return ceremony

    def _add(self, conn: Connection, new: StoredCeremony) -> None:
        if store.find_ceremony(conn, new.id) is None:
            _require_first(conn, new)
            store.add_ceremony(conn, new, self._clock())
            _log.info("ceremony_opened", ceremony=new.id.hex()[:16])

    async def post(self, request: wire.CeremonyPost) -> None:
        """Keep one custodian's message of one round.

        Raises:
            NotFound: no such ceremony.
            StateError: the custodian posted another message of this round before.
            Refused: DKG-7 (not the custodian's, or of another ceremony or round), or of the wire format.
        """
        ceremony = await self._ceremony(request.ceremony)
        message = StoredMessage(request.round, self._custodian(ceremony, request), encode(request.message))
        await self._database.write(lambda conn: _keep(conn, ceremony.id, message))

    def _custodian(self, ceremony: StoredCeremony, request: wire.CeremonyPost) -> str:
        """Return the custodian who signed the message; whom to check it against, the message itself says."""
        claimed = decode(wire.CeremonyBody, request.message.body, what="ceremony's message").custodian
        person = self._roster().find(claimed)
        expected = wire.CeremonyParameters.FromString(ceremony.parameters).custodians
        if person is None or claimed not in expected or request.round not in ROUNDS:
            raise NotFound("The ceremony has no such custodian or round.", "Check the ceremony's parameters.")
        verify_message(encode(request.message), person.key, ceremony.id, request.round, claimed)
        return claimed

    async def get(self, ceremony: bytes) -> wire.CeremonyState:
        """Return a ceremony with all its messages, in the order of their arrival."""
        found = await self._ceremony(ceremony)
        messages = await self._database.read(lambda conn: store.messages_of(conn, ceremony))
        return wire.CeremonyState(
            parameters=found.parameters,
            officer=found.officer,
            signature=found.signature,
            messages=[_message(message) for message in messages],
        )

    async def list(self) -> list[bytes]:
        """Return the ids of all ceremonies, oldest first."""
        return await self._database.read(store.list_ceremonies)

    async def _ceremony(self, ceremony: bytes) -> StoredCeremony:
        found = await self._database.read(lambda conn: store.find_ceremony(conn, ceremony))
        if found is None:
            raise NotFound("There is no such ceremony.", "List them: tapeline officer ceremony list.")
        return found


def _require_first(conn: Connection, new: StoredCeremony) -> None:
    """Refuse a second ceremony of one roster, class, epoch and attempt: custodians would part between the two."""
    wanted = _attempt(new.parameters)
    for ceremony in store.list_ceremonies(conn):
        before = store.find_ceremony(conn, ceremony)
        if before is not None and _attempt(before.parameters) == wanted:
            _, retention_class, epoch, attempt = wanted
            raise StateError(
                f"A ceremony of class {retention_class}, epoch {epoch}, attempt {attempt} is open already.",
                "Go on with it: tapeline officer ceremony list. Where it was aborted, open another: tapeline officer "
                f"ceremony open --epoch {epoch} --attempt {attempt + 1}.",
            )


def _attempt(parameters: bytes) -> tuple[bytes, str, int, int]:
    parsed = wire.CeremonyParameters.FromString(parameters)
    return parsed.roster, parsed.retention_class, parsed.epoch, parsed.attempt


def _keep(conn: Connection, ceremony: bytes, message: StoredMessage) -> None:
    before = store.find_message(conn, ceremony, message.round, message.custodian)
    if before is None:
        store.add_message(conn, ceremony, message)
    elif before != message:
        raise StateError(
            "This custodian posted another message of this round before.",
            "Resume from the agent's own store; where that is lost: tapeline officer ceremony open --attempt.",
        )


def _message(message: StoredMessage) -> wire.CeremonyMessage:
    signed = SignedObject.FromString(message.message)
    return wire.CeremonyMessage(round=message.round, custodian=message.custodian, message=signed)


def _check_parameters(parameters: wire.CeremonyParameters, roster: Roster) -> None:
    custodians = [roster.find(identifier) for identifier in parameters.custodians]
    for holds, cause in (
        (parameters.deployment == roster.deployment, "The ceremony is of another deployment."),
        (parameters.firm == roster.organisation, "The ceremony is of another firm."),
        (parameters.roster == roster.statement_hash, "The ceremony names another roster than the newest."),
        (parameters.retention_class in roster.classes, "The roster has no such retention class."),
        (
            all(person is not None and "custodian" in person.roles for person in custodians),
            "The ceremony names somebody who is no custodian of the roster.",
        ),
        (len(set(parameters.custodians)) == len(custodians), "The ceremony names a custodian twice."),
        (2 <= parameters.threshold <= len(custodians), "The ceremony's threshold is outside 2 ≤ t ≤ n."),
    ):
        if not holds:
            raise MalformedInput(cause, "Make the ceremony's parameters from the newest roster.")
