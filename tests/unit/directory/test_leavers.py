"""A user who left: every device so far ends with one leaf, none enters until the officers readmit the user."""

from __future__ import annotations

import pytest
from gov_kit import DEPLOYMENT, T0, Archive, key, sign

from tapeline.base.rules import Refused, Rule
from tapeline.base.times import DAY
from tapeline.crypto.device import issue_device_entry
from tapeline.governance.revocation import Revocation
from tapeline.wire.v1 import objects_pb2 as pb

DEVICE, REVOCATION = pb.LEAF_TYPE_DEVICE, pb.LEAF_TYPE_REVOCATION
OFFICERS = ("acme/olga", "acme/omar")


@pytest.fixture
def archive() -> Archive:
    return Archive("acme", "bolt")


def post(archive: Archive, kind: str, user: str, *signers: str, at_ms: int = T0, by: str = "") -> int:
    statement = Revocation(kind, user, by, "left", at_ms)
    return archive.publish(REVOCATION, sign(statement, *(signers or OFFICERS)))


def entry(archive: Archive, user: str, name: str, firm: str = "acme", issuer: str = "") -> bytes:
    salt = archive.state.devices.salt((firm, user))
    assert salt is not None
    by = key(issuer or f"{firm}/enid")
    device = pb.DeviceEntry(
        deployment=DEPLOYMENT, firm=firm, user=user, user_salt=salt, device_key=key(f"device {name}").public,
        device_name=name, not_before_ms=T0 - DAY, not_after_ms=T0 + 300 * DAY, issuer=by.public,
    )  # fmt: skip
    return issue_device_entry(by, device)


def refused(archive: Archive, obj: bytes) -> None:
    with pytest.raises(Refused) as refusal:
        archive.state.check(DEVICE, obj, leaf_time_ms=archive.now_ms)
    assert refusal.value.rule is Rule.DEVICE_LEFT


@pytest.mark.rule(Rule.DEVICE_LEFT)
def test_a_leavers_devices_end_and_none_comes(archive: Archive) -> None:
    _, bea = archive.enrol("ann"), archive.enrol("bea")
    archive.publish(DEVICE, entry(archive, "ann", "phone"))
    index = post(archive, "user", "ann")
    facts = archive.state.devices_of("acme", "ann")
    assert [fact.revoked_index for fact in facts] == [index, index]
    assert archive.state.device(bea.device.entry_hash).revoked_index is None
    refused(archive, entry(archive, "ann", "tablet"))
    archive.publish(DEVICE, entry(archive, "bea", "tablet"))


def test_who_is_readmitted_enrols_anew_and_what_was_revoked_stays_so(archive: Archive) -> None:
    archive.enrol("ann")
    left = post(archive, "user", "ann")
    post(archive, "readmission", "ann")
    archive.publish(DEVICE, entry(archive, "ann", "tablet"))
    assert [fact.revoked_index for fact in archive.state.devices_of("acme", "ann")] == [left, None]


def test_one_may_leave_twice(archive: Archive) -> None:
    archive.enrol("ann")
    first = post(archive, "user", "ann")
    post(archive, "readmission", "ann")
    archive.publish(DEVICE, entry(archive, "ann", "tablet"))
    second = post(archive, "user", "ann", at_ms=T0 + 1)
    assert [fact.revoked_index for fact in archive.state.devices_of("acme", "ann")] == [first, second]
    refused(archive, entry(archive, "ann", "watch"))


def test_one_who_never_had_a_device_may_leave_before(archive: Archive) -> None:
    post(archive, "user", "zoe")
    with pytest.raises(Refused) as refusal:
        archive.enrol("zoe")
    assert refusal.value.rule is Rule.DEVICE_LEFT


def test_another_firms_user_of_that_name_stays(archive: Archive) -> None:
    mine, other = archive.enrol("ann"), archive.enrol("ann", firm="bolt")
    index = post(archive, "user", "ann", "bolt/olga", "bolt/omar")
    assert archive.state.device(mine.device.entry_hash).revoked_index is None
    assert archive.state.device(other.device.entry_hash).revoked_index == index


@pytest.mark.parametrize("kind", ["user", "readmission"])
@pytest.mark.parametrize(("by", "signers"), [("enid", ("acme/enid",)), ("", ("acme/olga",)), ("rita", ("acme/rita",))])
def test_only_the_officers_quorum_lets_go_and_readmits(
    archive: Archive, kind: str, by: str, signers: tuple[str, ...]
) -> None:
    archive.enrol("ann")
    with pytest.raises(Refused) as refusal:
        post(archive, kind, "ann", *signers, by=by)
    assert refusal.value.rule is Rule.DSSE_SIGNATURE
