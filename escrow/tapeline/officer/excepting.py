"""Making an exception: the officers let one record be opened although it breaks a rule about the directory's view."""

from __future__ import annotations

from dataclasses import dataclass

from tapeline.base.errors import MalformedInput, PermissionRefused
from tapeline.base.hashing import HASH_BYTES
from tapeline.crypto.signing import SigningKey
from tapeline.governance.dsse import signer
from tapeline.governance.exception import RULES, RecordException
from tapeline.governance.person import Person
from tapeline.governance.roster import Roster


@dataclass(frozen=True, slots=True)
class MadeException:
    """An exception with its first signature.

    Attributes:
        envelope: DSSE.
        missing: how many officers have yet to sign.
    """

    envelope: bytes
    missing: int


def make_exception(roster: Roster, maker: Person, key: SigningKey, exception: RecordException) -> MadeException:
    """Return the exception, signed by one officer.

    Raises:
        PermissionRefused: no officer makes it.
        MalformedInput: a rule that nothing is excepted from, or no reason.
    """
    if "officer" not in maker.roles:
        raise PermissionRefused(
            f"The {', '.join(sorted(maker.roles))} {maker.id} excepts no record.", "Ask the officers."
        )
    if exception.rule not in RULES:
        raise MalformedInput(
            "No record is excepted from that rule.",
            f"Name one about the directory's view: {', '.join(RULES)}. Whatever breaks another one stays sealed.",
        )
    if len(exception.record_hash) != HASH_BYTES:
        raise MalformedInput("The session's hash is not whole.", "See it: tapeline reviewer status CASE --json.")
    if not exception.reason.strip():
        raise MalformedInput(
            "An exception needs a reason.", "Say why the record is opened all the same: --reason TEXT."
        )
    return MadeException(exception.sign([signer(key)]), roster.thresholds.officers - 1)
