"""Making a revocation: by the officers' quorum, or by the one maker whom the rules allow."""

from __future__ import annotations

from dataclasses import dataclass

from tapeline.base.errors import PermissionRefused
from tapeline.crypto.signing import SigningKey
from tapeline.governance.dsse import signer
from tapeline.governance.person import Person
from tapeline.governance.revocation import MAKER_ROLES, Revocation
from tapeline.governance.roster import Roster


@dataclass(frozen=True, slots=True)
class MadeRevocation:
    """A revocation with its first signature.

    Attributes:
        envelope: DSSE.
        missing: how many officers have yet to sign.
    """

    envelope: bytes
    missing: int


def make_revocation(
    roster: Roster, maker: Person, key: SigningKey, target_kind: str, target: str, reason: str, now_ms: int
) -> MadeRevocation:
    """Return a revocation, signed by a person who may make it alone or together with other officers.

    Raises:
        PermissionRefused: neither an officer nor one whose role may revoke this.
    """
    if "officer" in maker.roles:
        by, missing = "", roster.thresholds.officers - 1
    elif MAKER_ROLES.get(target_kind) in maker.roles:
        by, missing = maker.id, 0
    else:
        role = MAKER_ROLES.get(target_kind)
        others = f", or the {role} who made it" if role in {"approver", "reviewer"} else ""
        raise PermissionRefused(
            f"The {', '.join(sorted(maker.roles))} {maker.id} revokes no {target_kind.replace('-', ' ')}.",
            f"Ask the officers{others}.",
        )
    revocation = Revocation(target_kind, target, by, reason, now_ms)
    return MadeRevocation(revocation.sign([signer(key)]), missing)
