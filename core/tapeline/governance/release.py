"""Releases: what a custodian, or the vault, gave out for a warrant; logged before anyone combines it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self, TypedDict

from tapeline.base.errors import TapelineError
from tapeline.base.hashing import HASH_BYTES, tagged_hash
from tapeline.base.rules import Rule, require
from tapeline.governance.auditleaf import parse_audit_leaf
from tapeline.governance.dsse import Envelope
from tapeline.governance.exception import RULES, Excepted
from tapeline.governance.jsonform import Fields, Json
from tapeline.governance.leftout import LeftOut
from tapeline.governance.manifest import MAX_SESSIONS
from tapeline.governance.roster import Roster
from tapeline.governance.statement import STATEMENT_HASH_BYTES, Statement, hex_list
from tapeline.transparency import merkle


@dataclass(frozen=True)
class VaultRelease(Statement):
    """The vault gave out q of these sessions; unverified until `verify_vault_release`.

    Attributes:
        warrant_leaf: RFC 6962 leaf hash of the warrant's audit leaf, 32 bytes.
        case: statement hash of the case.
        epoch: as in the sealed bundle's `info`; 0 where the bundle is not of one epoch.
        record_hashes: the sessions, in increasing order of hash.
        bundle_hash: `bundle_hash` of the sealed bundle's bytes.
        left_out: sessions asked for that were not released, each with its rule, in increasing order of hash.
        excepted: released sessions whose records are unsound, with the officers' exceptions; sorted.
    """

    kind: ClassVar[str] = "vault-release"

    warrant_leaf: bytes
    case: bytes
    epoch: int
    record_hashes: tuple[bytes, ...]
    bundle_hash: bytes
    left_out: tuple[LeftOut, ...] = field(default=(), kw_only=True)
    excepted: tuple[Excepted, ...] = field(default=(), kw_only=True)

    def payload(self) -> dict[str, Json]:
        """Return the JSON object that is signed."""
        return {
            "warrant_leaf": self.warrant_leaf.hex(),
            "case": self.case.hex(),
            "epoch": self.epoch,
            "count": len(self.record_hashes),
            "record_hashes": hex_list(self.record_hashes),
            "bundle_hash": self.bundle_hash.hex(),
            "left_out": [one.payload() for one in self.left_out],
            "excepted": [one.payload() for one in self.excepted],
        }

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Build the release from its fields."""
        return cls(*_read_common(fields), **_read_rows(fields))


@dataclass(frozen=True)
class Release(VaultRelease):
    """A custodian, by roster id, gave out partials of these sessions; unverified until `verify_release`."""

    kind: ClassVar[str] = "release"

    custodian: str

    def payload(self) -> dict[str, Json]:
        """Return the JSON object that the custodian signs."""
        return {**super().payload(), "custodian": self.custodian}

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Build the release from its fields."""
        return cls(*_read_common(fields), **_read_rows(fields), custodian=fields.name("custodian"))


def bundle_hash(sealed_bundle: bytes) -> bytes:
    """Return H("bundle-bytes", sealed bundle), 64 bytes."""
    return tagged_hash("bundle-bytes", sealed_bundle)


def verify_release(envelope: Envelope | bytes, roster: Roster) -> Release:
    """Return the release, signed by the custodian of the roster whom it names.

    Raises:
        Refused: DSSE_SYNTAX or DSSE_SIGNATURE.
    """
    parsed = Release.envelope(envelope)
    release = Release.parse(parsed)
    roster.require_signed_by(parsed, release.custodian, "custodian")
    return release


def verify_vault_release(envelope: Envelope | bytes, roster: Roster) -> VaultRelease:
    """Return the vault's release, signed by the vault of the roster.

    Raises:
        Refused: DSSE_SYNTAX or DSSE_SIGNATURE.
    """
    parsed = VaultRelease.envelope(envelope)
    parsed.require_signature(roster.vault_key, "The vault did not sign its release.")
    return VaultRelease.parse(parsed)


def is_release_of(vault_key: bytes, dsse: bytes, leaf: bytes) -> bool:
    """Tell whether a text is a release by the vault of this key, and an audit leaf's own: any other says nothing."""
    try:
        envelope = VaultRelease.envelope(dsse)
    except TapelineError:
        return False
    return envelope.statement_hash == parse_audit_leaf(leaf).statement_hash and envelope.signed_by(vault_key)


def require_bound(release: VaultRelease, sealed_bundle: bytes, *, warrant_leaf: bytes, case: bytes) -> None:
    """Refuse under REL-1 a release of another bundle, case or warrant."""
    require(
        release.bundle_hash == bundle_hash(sealed_bundle), Rule.RELEASE_BINDING, "The release names another bundle."
    )
    require(
        (release.warrant_leaf, release.case) == (warrant_leaf, case),
        Rule.RELEASE_BINDING,
        "The release names another case or warrant.",
    )


def _read_common(fields: Fields) -> tuple[bytes, bytes, int, tuple[bytes, ...], bytes]:
    hashes = fields.hexes("record_hashes", HASH_BYTES, limit=MAX_SESSIONS)
    fields.integer("count", len(hashes), len(hashes))
    require(list(hashes) == sorted(set(hashes)), Rule.DSSE_SYNTAX, "A release's records are doubled or unsorted.")
    return (
        fields.hex("warrant_leaf", merkle.HASH_BYTES),
        fields.hex("case", STATEMENT_HASH_BYTES),
        fields.integer("epoch"),
        hashes,
        fields.hex("bundle_hash", HASH_BYTES),
    )


class _Rows(TypedDict):
    left_out: tuple[LeftOut, ...]
    excepted: tuple[Excepted, ...]


def _read_rows(fields: Fields) -> _Rows:
    left_out = fields.objects("left_out", LeftOut.read, limit=MAX_SESSIONS)
    hashes = [one.record_hash for one in left_out]
    require(hashes == sorted(set(hashes)), Rule.DSSE_SYNTAX, "A release leaves sessions out twice, or unsorted.")
    excepted = fields.objects("excepted", Excepted.read, limit=MAX_SESSIONS * len(RULES))
    require(
        list(excepted) == sorted(set(excepted)), Rule.DSSE_SYNTAX, "A release's exceptions are doubled or unsorted."
    )
    return {"left_out": left_out, "excepted": excepted}
