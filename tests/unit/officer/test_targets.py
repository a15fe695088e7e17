"""What a person names to revoke is one thing, or is told what it could be."""

from __future__ import annotations

from dataclasses import replace

import pytest
from gov_kit import T0, Archive, key, make_certificate, make_roster, sign_certificate, sign_roster

from tapeline.agent.audit import AuditEntry, AuditReplica
from tapeline.base.errors import MalformedInput, NotFound, PermissionRefused
from tapeline.governance.dsse import add_signature, signer
from tapeline.governance.exception import RecordException, verify_exception
from tapeline.governance.revocation import Revoked, verify_revocation
from tapeline.officer.excepting import make_exception
from tapeline.officer.revoking import make_revocation
from tapeline.officer.targets import find_target

ROSTER = make_roster()


def replica(*statements: tuple[str, bytes, bytes]) -> AuditReplica:
    """A replica that was synced up to these statements: kind, hash, text."""
    made = AuditReplica(ROSTER.statement_hash)
    made.chain.add(sign_roster(ROSTER), T0)
    made.entries = [
        AuditEntry(index, b"leaf", kind, statement_hash, T0, b"", text)
        for index, (kind, statement_hash, text) in enumerate(statements)
    ]
    return made


def test_people_and_keys_go_by_roster_id() -> None:
    audit = replica()
    assert find_target("person", "carl", audit, None).target == "carl"
    assert find_target("key", "carl", audit, None).target == key("acme/carl").public.hex()
    with pytest.raises(NotFound, match=r"Known are .*rita"):
        find_target("person", "charles", audit, None)


def test_a_beginning_names_one_thing_or_is_refused_with_what_it_could_be() -> None:
    audit = replica(
        ("case", b"\x12\x34\x56" + bytes(61), b""), ("case", b"\x12\x34\x57" + bytes(61), b""),
        ("warrant", b"\x12\x34\x56" + bytes(61), b""),
    )  # fmt: skip
    assert find_target("case", "123456", audit, None).target.startswith("123456")
    assert find_target("warrant", "1234", audit, None).target.startswith("123456")
    with pytest.raises(MalformedInput, match=r"Several .*123456.*123457"):
        find_target("case", "1234", audit, None)
    with pytest.raises(NotFound):
        find_target("case", "123", audit, None)  # too short to be meant
    with pytest.raises(NotFound, match="no approval at all"):
        find_target("approval", "1234", audit, None)


def test_devices_go_by_user_and_name() -> None:
    archive = Archive("acme", "bolt")
    ann = archive.enrol("ann")
    archive.enrol("ann", firm="bolt")
    found = find_target("device", "ann", replica(), archive.state)
    assert found.target == ann.device.entry_hash.hex()
    second = archive.enrol("ann", number=2)
    with pytest.raises(NotFound):
        find_target("device", "ann", replica(), archive.state)
    assert find_target("device", second.device.entry_hash.hex()[:12], replica(), archive.state)
    with pytest.raises(MalformedInput, match="relay's directory"):
        find_target("device", "ann", replica(), None)


def test_escrow_keys_go_by_class_and_epoch() -> None:
    certificate = make_certificate(ROSTER)
    audit = replica(("escrow-key", certificate.statement_hash, sign_certificate(certificate)))
    name = f"{certificate.retention_class}/1"
    assert find_target("escrow-key", name, audit, None).target == certificate.escrow_key_id.hex()


@pytest.mark.parametrize(
    ("who", "kind", "by", "missing"),
    [
        ("olga", "device", "", 1),
        ("rita", "case", "rita", 0),
        ("abel", "approval", "abel", 0),
        ("enid", "device", "enid", 0),
    ],
)
def test_the_maker_is_who_may_make_it(who: str, kind: str, by: str, missing: int) -> None:
    person = ROSTER.find(who)
    assert person is not None
    made = make_revocation(ROSTER, person, key(f"acme/{who}"), kind, "ab" * 64, "", T0)
    assert made.missing == missing
    if not missing:
        assert verify_revocation(made.envelope, ROSTER, Revoked()).by == by


@pytest.mark.parametrize(("who", "kind"), [("rita", "warrant"), ("carl", "case"), ("enid", "user"), ("rita", "person")])
def test_others_revoke_nothing(who: str, kind: str) -> None:
    person = ROSTER.find(who)
    assert person is not None
    with pytest.raises(PermissionRefused, match="revokes no"):
        make_revocation(ROSTER, person, key(f"acme/{who}"), kind, "ab" * 64, "", T0)


def test_officers_alone_make_exceptions_and_only_of_the_rules_about_the_view() -> None:
    olga, rita = (next(one for one in ROSTER.people if one.id == name) for name in ("olga", "rita"))
    wanted = RecordException(bytes(64), bytes(64), "REC-6", "The relay hid a device.", T0)
    made = make_exception(ROSTER, olga, key("acme/olga"), wanted)
    assert made.missing == 1
    assert verify_exception(add_signature(made.envelope, signer(key("acme/omar"))), ROSTER) == wanted
    with pytest.raises(PermissionRefused, match="excepts no record"):
        make_exception(ROSTER, rita, key("acme/rita"), wanted)
    for wrong in (replace(wanted, rule="REC-9"), replace(wanted, record_hash=b"short"), replace(wanted, reason=" ")):
        with pytest.raises(MalformedInput):
            make_exception(ROSTER, olga, key("acme/olga"), wrong)


def test_an_exception_goes_by_its_statement_hash() -> None:
    audit = replica(("exception", b"\x12\x34\x56" + bytes(61), b""), ("case", b"\x12\x34\x56" + bytes(61), b""))
    assert find_target("exception", "123456", audit, None).target == (b"\x12\x34\x56" + bytes(61)).hex()
