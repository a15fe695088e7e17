"""Founding a deployment in memory: people with keys, roster version 1, an escrow key by a real ceremony.

Everything here is what the officers and custodians do with `tapeline key`, `tapeline officer` and `tapeline custodian`,
in one process and without waiting: the same statements come out, signed by the same kinds of keys. Only a test or the
demo may hold them all at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tapeline.base.hashing import tagged_hash
from tapeline.base.secret import Secret
from tapeline.base.times import DAY, Rng
from tapeline.crypto.activation import ActivationChallenge, make_activation
from tapeline.crypto.ceremony import (
    Announcement,
    CeremonyParameters,
    escrow_key_id,
    extension,
    setup_from,
    sign_round1,
    vault_key_id,
)
from tapeline.crypto.cocktail.certificate import sign_transcript
from tapeline.crypto.cocktail.deal import deal
from tapeline.crypto.cocktail.round2 import receive
from tapeline.crypto.group import Scalar
from tapeline.crypto.hpke_open import HPKE_SEED_BYTES, HpkePrivate
from tapeline.crypto.shamir import KeyShare
from tapeline.crypto.signing import SigningKey
from tapeline.governance.certificate import CertifiedCustodian, EscrowCertificate
from tapeline.governance.dsse import signer
from tapeline.governance.person import Person, Witness
from tapeline.governance.roster import Roster, Thresholds, WitnessQuorum

FIRM = "bank"
CLASS = "five-years"
DEPLOYMENT_BYTES = 32
NONCE_BYTES = 32


@dataclass(frozen=True, slots=True)
class Role:
    """A person to be: id, roles, and the group of approvers and custodians."""

    id: str
    roles: tuple[str, ...]
    group: str = ""


CAST = (
    Role("olga", ("officer",)),
    Role("omar", ("officer", "legal")),
    Role("carl", ("custodian",), "board"),
    Role("cleo", ("custodian",), "works council"),
    Role("cyra", ("custodian",), "auditors"),
    Role("abel", ("approver",), "legal"),
    Role("adah", ("approver",), "works council"),
    Role("rita", ("reviewer",)),
    Role("aura", ("auditor",)),
)


@dataclass(frozen=True)
class PersonKeys:
    """One person's secret keys, as `tapeline key new` makes them."""

    signing: SigningKey
    hpke: HpkePrivate
    hpke_seed: Secret

    @classmethod
    def generate(cls, rng: Rng) -> PersonKeys:
        """Return fresh keys."""
        seed = Secret(rng(HPKE_SEED_BYTES))
        return cls(SigningKey.generate(rng), HpkePrivate.from_seed(seed), seed)


@dataclass(frozen=True, slots=True)
class PublicParts:
    """What the services print at `init`, for the roster."""

    relay_key: bytes
    archive_log: str
    enroller_key: bytes
    escrow_key: bytes
    audit_log: str
    vault_key: bytes


@dataclass(frozen=True)
class Founding:
    """A founded firm: the signed roster version 1 and every person's keys."""

    roster: Roster
    envelope: bytes
    people: Mapping[str, PersonKeys]

    def custodians(self) -> list[str]:
        """Return the custodians' ids, in the roster's order."""
        return [person.id for person in self.roster.with_role("custodian")]


def found(
    parts: PublicParts,
    witnesses: Sequence[Witness],
    *,
    rng: Rng,
    now_ms: int,
    firm: str = FIRM,
    cast: Sequence[Role] = CAST,
    deployment: bytes = b"",
    publication_delay_ms: int = 0,
) -> Founding:
    """Return a firm founded now; quorum of witnesses: two of all, one of them outside where there are two or more."""
    people = {role.id: PersonKeys.generate(rng) for role in cast}
    rows = [
        Person(
            role.id,
            role.id.title(),
            frozenset(role.roles),
            role.group,
            people[role.id].signing.public,
            people[role.id].hpke.public().encode(),
        )
        for role in cast
    ]
    approver_groups = {role.group for role in cast if "approver" in role.roles}
    roster = Roster(
        deployment=deployment or rng(DEPLOYMENT_BYTES),
        organisation=firm,
        version=1,
        expires_ms=now_ms + 365 * DAY,
        previous=b"",
        people=(*rows, Person("enroller", "Enroller", frozenset({"enroller"}), "", parts.enroller_key)),
        thresholds=Thresholds(2, 2, min(2, len(approver_groups))),
        witnesses=tuple(witnesses),
        witness_quorum=WitnessQuorum(min(2, len(witnesses)), 1),
        archive_log=parts.archive_log,
        relay_key=parts.relay_key,
        audit_log=parts.audit_log,
        escrow_key=parts.escrow_key,
        vault_key=parts.vault_key,
        classes=(CLASS,),
        default_class=CLASS,
        publication_delay_ms=publication_delay_ms,
    )
    officers = [people[role.id].signing for role in cast if "officer" in role.roles]
    return Founding(roster, roster.sign([signer(key) for key in officers]), people)


@dataclass(frozen=True)
class EscrowEpoch:
    """An escrow key of an epoch: its signed certificate, and each custodian's share by id."""

    certificate: EscrowCertificate
    envelope: bytes
    shares: Mapping[str, KeyShare]


def make_escrow_key(
    founding: Founding,
    v_public: bytes,
    *,
    rng: Rng,
    now_ms: int,
    threshold: int = 2,
    epoch: int = 1,
    retention_class: str = CLASS,
) -> EscrowEpoch:
    """Run COCKTAIL-DKG among the roster's custodians, activate every share, and sign the certificate.

    Args:
        founding: the firm.
        v_public: the vault's HPKE key for this epoch and class, 1216 bytes.
        rng: source of randomness.
        now_ms: from a day before, the key is active for a year.
        threshold: t, of all custodians.
        epoch, retention_class: of the key.
    """
    roster, names = founding.roster, founding.custodians()
    keys = {index: founding.people[name].signing for index, name in enumerate(names, start=1)}
    parameters = CeremonyParameters(
        roster.deployment.hex(),
        roster.organisation,
        roster.statement_hash,
        epoch,
        retention_class,
        threshold,
        len(names),
        0,
    )
    hosts = {index: Scalar.random(rng) for index in keys}
    setup = setup_from(
        parameters, [Announcement(index, host.base_mul(), rng(NONCE_BYTES)) for index, host in hosts.items()]
    )
    messages = {index: deal(setup, host, rng) for index, host in hosts.items()}
    ext = extension(parameters, [sign_round1(keys[i], setup, i, messages[i].encode()) for i in keys])
    outcomes = {index: receive(setup, host, messages, ext) for index, host in hosts.items()}
    transcript = outcomes[1].transcript
    key_id = escrow_key_id(transcript.group_key, transcript.digest())
    holders = tuple(
        CertifiedCustodian(
            id=name,
            index=index,
            verification_share=transcript.verification_shares()[index - 1].encode(),
            host_public=transcript.host_keys[index - 1].encode(),
            success_signature=sign_transcript(hosts[index], outcomes[index].transcript),
            activation_hash=_activate(outcomes[index].share, transcript.digest(), name, rng),
        )
        for index, name in enumerate(names, start=1)
    )
    certificate = EscrowCertificate(
        deployment=roster.deployment,
        firm=roster.organisation,
        epoch=epoch,
        retention_class=retention_class,
        threshold=threshold,
        roster=roster.statement_hash,
        custodians=holders,
        escrow_key=transcript.group_key.encode(),
        transcript=transcript.encode(),
        escrow_key_id=key_id,
        v_public=v_public,
        v_key_id=vault_key_id(v_public, key_id),
        active_from_ms=now_ms - DAY,
        not_after_ms=now_ms + 365 * DAY,
    )
    officers = [founding.people[person.id].signing for person in roster.with_role("officer")]
    envelope = certificate.sign([signer(key) for key in (*keys.values(), *officers)])
    return EscrowEpoch(certificate, envelope, {name: outcomes[i].share for i, name in enumerate(names, start=1)})


def _activate(share: KeyShare, transcript_hash: bytes, name: str, rng: Rng) -> bytes:
    """Return the hash of the custodian's activation answer, made with its share."""
    challenge = ActivationChallenge(transcript_hash, name, rng(NONCE_BYTES))
    return tagged_hash("activation-answer", challenge.nonce + make_activation(share, challenge, rng).encode())
