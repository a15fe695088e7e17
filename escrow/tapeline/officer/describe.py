"""All that a signed statement says, in words and rows, for those who are about to sign it or to rely on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tapeline.base.rules import Refused
from tapeline.base.times import duration_text, time_text
from tapeline.crypto.words import fingerprint_words
from tapeline.governance.certificate import EscrowCertificate, verify_certificate
from tapeline.governance.dsse import Envelope, key_id, kind_of, parse_envelope
from tapeline.governance.exception import RULES, RecordException
from tapeline.governance.expiry import of_certificate, warnings_at
from tapeline.governance.jsonform import Json
from tapeline.governance.revocation import READMISSION, USER, Revocation
from tapeline.governance.roster import Roster
from tapeline.officer.difference import differences, person_words
from tapeline.officer.warnings import roster_warnings

OFFICERS_SIGN = ("roster", "escrow-key", "revocation", "exception", "hold", "hold-release")
_SHOWN = 64
"""Characters of a long hexadecimal value; --json has all of them."""


@dataclass(frozen=True)
class Description:
    """What a statement says; nothing in it is verified but what `signed_by` names.

    Attributes:
        kind: such as "roster".
        statement: its hash, 64 bytes.
        words: to be read aloud, "" for kinds that have none.
        facts: what it says, as label and text.
        people: rows of id, name, roles, group, words; of a roster.
        witnesses: rows of name, group, address, name in its key; of a roster.
        signed_by: roster ids whose signatures verify.
        strangers: how many signatures are of nobody known here.
        changes: against the version before, where that was given.
        warnings: what a signer should think about.
        payload: the statement as it was signed.
    """

    kind: str
    statement: bytes
    words: str
    facts: Sequence[tuple[str, str]]
    signed_by: Sequence[str]
    strangers: int
    payload: dict[str, Json]
    people: Sequence[tuple[str, ...]] = ()
    witnesses: Sequence[tuple[str, ...]] = ()
    changes: Sequence[str] | None = None
    warnings: Sequence[str] = field(default=())


def describe(data: bytes, now_ms: int, *, roster: Roster | None = None, before: Roster | None = None) -> Description:
    """Return what an envelope says.

    Args:
        data: of any kind.
        now_ms: for what ends by time.
        roster: names signers of what is no roster itself.
        before: the version before, for a roster.

    Raises:
        Refused: GOV-2, not of its exact form.
        MalformedInput: no statement.
    """
    kind = kind_of(data)
    envelope = parse_envelope(data, kind)
    if kind == Roster.kind:
        return _roster(envelope, now_ms, before)
    if kind == EscrowCertificate.kind:
        return _certificate(envelope, now_ms, roster)
    if kind == Revocation.kind:
        return _revocation(envelope, roster)
    if kind == RecordException.kind:
        return _exception(envelope, roster)
    signed, strangers = _signers(envelope, roster)
    facts = [(_label(name), _value(name, value)) for name, value in envelope.payload.items()]
    return Description(kind, envelope.statement_hash, "", facts, signed, strangers, envelope.payload)


def _roster(envelope: Envelope, now_ms: int, before: Roster | None) -> Description:
    roster = Roster.parse(envelope)
    thresholds, quorum, officers = roster.thresholds, roster.witness_quorum, roster.with_role("officer")
    facts = [
        ("Organisation", roster.organisation),
        ("Version", str(roster.version)),
        ("Follows", roster.previous.hex()[:_SHOWN] or "nothing: it founds the deployment"),
        ("Deployment", roster.deployment.hex()),
        ("Ends", f"{time_text(roster.expires_ms)} UTC"),
        ("Officers who sign", f"{thresholds.officers} of {len(officers)}"),
        ("Approvals of a case", f"{thresholds.approvals} people from {thresholds.approval_groups} groups"),
        ("Witnesses that cosign", f"{quorum.total} of {len(roster.witnesses)}, {quorum.outside} of them outside"),
        ("Classes", f"{', '.join(roster.classes)}; without a word {roster.default_class}"),
        ("A warrant is public", f"{duration_text(roster.publication_delay_ms)} before a release"),
        ("A change is public", f"{duration_text(roster.change_delay_ms)} before new approvers or witnesses count"),
        ("A leaf is cosigned", f"within {duration_text(roster.merge_delay_ms)}"),
        *((f"Key of {name}", key.hex()) for name, key in _service_keys(roster)),
        ("Archive log", roster.archive_log),
        ("Audit log", roster.audit_log),
        *((f"Address of {name}", where) for name, where in sorted(roster.addresses.items())),
    ]
    signed, strangers = _signers(envelope, roster, before)
    return Description(
        Roster.kind,
        roster.statement_hash,
        " ".join(fingerprint_words("roster", roster.statement_hash)),
        facts,
        signed,
        strangers,
        envelope.payload,
        people=[(p.id, p.name, ", ".join(sorted(p.roles)), p.group, person_words(p)) for p in roster.people],
        witnesses=[(w.name, w.group, w.url, w.vkey.partition("+")[0]) for w in roster.witnesses],
        changes=None if before is None else differences(before, roster),
        warnings=roster_warnings(roster, now_ms),
    )


def _service_keys(roster: Roster) -> tuple[tuple[str, bytes], ...]:
    return (("the relay", roster.relay_key), ("the escrow service", roster.escrow_key), ("the vault", roster.vault_key))


def _certificate(envelope: Envelope, now_ms: int, roster: Roster | None) -> Description:
    certificate = EscrowCertificate.parse(envelope)
    holders = [one.id for one in certificate.custodians]
    facts = [
        ("Organisation", certificate.firm),
        ("Class", certificate.retention_class),
        ("Epoch", str(certificate.epoch)),
        ("Opens with", f"{certificate.threshold} of {len(holders)} custodians: {', '.join(holders)}"),
        ("Senders use it", f"{time_text(certificate.active_from_ms)} to {time_text(certificate.not_after_ms)} UTC"),
        ("Of the roster", certificate.roster.hex()[:_SHOWN]),
        ("Deployment", certificate.deployment.hex()),
        ("Escrow key", certificate.escrow_key.hex()),
        ("Its id", certificate.escrow_key_id.hex()),
        ("The vault key's id", certificate.v_key_id.hex()),
    ]
    signed, strangers = _signers(envelope, roster)
    warnings = [f"{one.cause} {one.thing.remedy}" for one in warnings_at(now_ms, [of_certificate(certificate)])]
    return Description(
        EscrowCertificate.kind,
        certificate.statement_hash,
        " ".join(fingerprint_words("escrow-key", certificate.escrow_key)),
        facts,
        signed,
        strangers,
        envelope.payload,
        warnings=[*warnings, *_unsound(envelope, roster, signed)],
    )


def _unsound(envelope: Envelope, roster: Roster | None, signed: Sequence[str]) -> list[str]:
    """Return why the certificate would be refused; that officers have yet to sign is no fault of it."""
    if roster is None:
        return ["Not checked: whether it follows from its ceremony and roster. Give the newest roster: --roster."]
    officers = {person.id for person in roster.with_role("officer")}
    if len(officers.intersection(signed)) < roster.thresholds.officers:
        return [] if EscrowCertificate.parse(envelope).roster == roster.statement_hash else [_OTHER_ROSTER]
    try:
        verify_certificate(envelope, roster)
    except Refused as refused:
        return [refused.cause]
    return []


_OTHER_ROSTER = "The certificate names another roster than the one given."


def _revocation(envelope: Envelope, roster: Roster | None) -> Description:
    revocation = Revocation.parse(envelope)
    kind, target = revocation.target_kind.replace("-", " "), revocation.target
    facts = [
        ("Readmits", f"the user {target}") if kind == READMISSION else ("Revokes", f"the {kind} {target}"),
        *_whose(revocation, roster),
        ("By", revocation.by or "the officers"),
        ("Reason", revocation.reason or "none given"),
        ("Made", f"{time_text(revocation.created_ms)} UTC"),
    ]
    signed, strangers = _signers(envelope, roster)
    return Description(
        Revocation.kind, envelope.statement_hash, "", facts, signed, strangers, envelope.payload,
        warnings=list(_consequences(revocation, roster)),
    )  # fmt: skip


def _exception(envelope: Envelope, roster: Roster | None) -> Description:
    exception = RecordException.parse(envelope)
    facts = [
        ("Lets be opened", f"the session {exception.record_hash.hex()}"),
        ("In the case", exception.case.hex()),
        ("Although it breaks", f"{exception.rule}: {RULES[exception.rule].value.refuses}"),
        ("Reason", exception.reason),
        ("Made", f"{time_text(exception.created_ms)} UTC"),
    ]
    signed, strangers = _signers(envelope, roster)
    return Description(
        RecordException.kind, envelope.statement_hash, "", facts, signed, strangers, envelope.payload,
        warnings=_OF_AN_EXCEPTION,
    )  # fmt: skip


_OF_AN_EXCEPTION = (
    "This record does not verify: devices may lack it that should have it, or have it that should not.",
    "Custodians are warned of it before they release; it stands in the log, in each release, export and audit.",
    "It counts for warrants that are released after it; `tapeline officer revoke exception` undoes it.",
)


def _consequences(revocation: Revocation, roster: Roster | None) -> Iterator[str]:
    """Yield what follows of a revocation, and what does not."""
    target = revocation.target
    person = None if roster is None else roster.find(target)
    if revocation.target_kind == USER:
        yield "All devices of this user so far end for good, and none can be enrolled until `tapeline officer readmit`."
        if person is not None:
            yield (
                f"The roster names {person.id} as {', '.join(sorted(person.roles))}: that goes on until "
                f"`tapeline officer revoke person {person.id}`, or a roster without this person."
            )
    elif revocation.target_kind == READMISSION:
        yield "New devices of this user can be enrolled again; those that were revoked stay so."
    else:
        yield "This is never undone."
    if revocation.target_kind == "key" and roster is not None:
        person = roster.by_key(bytes.fromhex(target))
    if revocation.target_kind in {"person", "key"} and person is not None and "officer" in person.roles:
        yield "An officer's signature counts under rosters and revocations until a roster leaves the officer out."


def _whose(revocation: Revocation, roster: Roster | None) -> list[tuple[str, str]]:
    person = None
    if roster is not None and revocation.target_kind == "person":
        person = roster.find(revocation.target)
    elif roster is not None and revocation.target_kind == "key":
        person = roster.by_key(bytes.fromhex(revocation.target))
    return [] if person is None else [("That is", f"{person.name} ({person.id}): {', '.join(sorted(person.roles))}")]


def _signers(envelope: Envelope, *rosters: Roster | None) -> tuple[list[str], int]:
    """Return the ids whose signatures verify, and how many signatures are of none of these people."""
    people = {person.key: person.id for roster in rosters if roster is not None for person in roster.people}
    signed = envelope.signers(people)
    known = {key_id(key) for key in signed}
    strangers = sum(one.key_id not in known for one in envelope.signatures)
    return sorted({people[key] for key in signed}), strangers


def _label(name: str) -> str:
    return name.removesuffix("_ms").replace("_", " ").capitalize()


def _value(name: str, value: Json) -> str:
    if name.endswith("_ms") and isinstance(value, int):
        return f"{time_text(value)} UTC"
    if isinstance(value, list):
        return ", ".join(_value(name, one) for one in value) or "none"
    if isinstance(value, dict):
        return "; ".join(f"{_label(key).lower()} {_value(key, one)}" for key, one in value.items())
    text = str(value)
    return f"{text[:_SHOWN]}…" if len(text) > _SHOWN and " " not in text else text
