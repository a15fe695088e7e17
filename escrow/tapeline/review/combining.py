"""Session roots out of verified partials and q: t of n custodians, and the vault."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tapeline.base.errors import MalformedInput
from tapeline.base.rules import Refused, Rule, require
from tapeline.base.secret import Secret
from tapeline.crypto.combine import combine
from tapeline.crypto.partial import Partial, PartialContext, VerifiedPartial, verify_partial
from tapeline.crypto.record.open_escrow import open_with_m
from tapeline.governance.gate_input import GateSession
from tapeline.review.bundles import Collected, Problem
from tapeline.wire.v1 import escrow_pb2 as wire


@dataclass(frozen=True, repr=False)
class OpenedSession:
    """A session with its root; redacted."""

    session: GateSession
    root: Secret


@dataclass(frozen=True, repr=False)
class Combined:
    """What opened, what is still sealed, and whose contribution did not hold."""

    opened: tuple[OpenedSession, ...]
    sealed: tuple[GateSession, ...]
    problems: tuple[Problem, ...]


def combine_all(sessions: Sequence[GateSession], collected: Collected, firm: str, warrant_leaf: bytes) -> Combined:
    """Open every session for which t valid partials and q are there.

    A bad partial names its custodian and is left out; any t of the others open the session.
    """
    opened: list[OpenedSession] = []
    sealed: list[GateSession] = []
    problems: list[Problem] = list(collected.problems)
    for session in sessions:
        valid, bad = _valid_partials(session, collected.partials, warrant_leaf)
        problems.extend(bad)
        q = collected.secrets.get(session.verified.record_hash)
        if q is None or len(valid) < session.certificate.threshold:
            sealed.append(session)
            continue
        try:
            opened.append(OpenedSession(session, open_session(session, valid, q, firm, warrant_leaf)))
        except Refused as refused:
            problems.append(Problem(refused.culprit or "", refused.rule.id, refused.cause))
            sealed.append(session)
    return Combined(tuple(opened), tuple(sealed), tuple(dict.fromkeys(problems)))


def open_session(
    session: GateSession, partials: Sequence[VerifiedPartial], q: Secret, firm: str, warrant_leaf: bytes
) -> Secret:
    """Return the session's root, 64 bytes.

    Raises:
        Refused: PAR-2, PAR-3, OPN-1, OPN-2.
    """
    row = next(row for row in session.verified.escrow_rows if row.firm == firm)
    context = _context(session, warrant_leaf)
    m = combine(row.sealed, session.verified.c0, partials, session.certificate.threshold, context)
    return open_with_m(session.verified, m, q)


def check_partial(
    one: wire.SessionPartial, custodian: str, session: GateSession, warrant_leaf: bytes
) -> VerifiedPartial:
    """Return a custodian's partial for a session, verified.

    Raises:
        Refused: PAR-1, PAR-2, GRP-*, naming the custodian by roster id.
    """
    certificate = session.certificate
    holder = certificate.custodian(custodian)
    require(
        holder is not None and one.certificate == certificate.statement_hash,
        Rule.PARTIAL_CONTEXT,
        "A partial is under another certificate, or by one who holds no share of this key.",
        culprit=custodian,
    )
    try:
        partial = Partial.decode(one.partial)
        require(
            holder is not None and partial.index == holder.index,
            Rule.PARTIAL_CONTEXT,
            "A partial claims another custodian's share.",
            culprit=custodian,
        )
        return verify_partial(
            partial, certificate.verification_shares, session.verified.c0, _context(session, warrant_leaf)
        )
    except Refused as refused:
        refused.culprit = custodian
        raise


def _valid_partials(
    session: GateSession, bundles: Sequence[wire.PartialBundle], warrant_leaf: bytes
) -> tuple[list[VerifiedPartial], list[Problem]]:
    valid: dict[str, VerifiedPartial] = {}
    problems = []
    for bundle in bundles:
        for one in bundle.partials:
            if one.record_hash != session.verified.record_hash:
                continue
            try:
                valid[bundle.custodian] = check_partial(one, bundle.custodian, session, warrant_leaf)
            except Refused as refused:
                problems.append(Problem(bundle.custodian, refused.rule.id, refused.cause))
            except MalformedInput as error:
                problems.append(Problem(bundle.custodian, "", error.cause))
    return list(valid.values()), problems


def _context(session: GateSession, warrant_leaf: bytes) -> PartialContext:
    return PartialContext(session.certificate.statement_hash, session.verified.record_hash, warrant_leaf)
