"""Device entries: who may sign them, and for whom."""

from __future__ import annotations

from dataclasses import replace

import pytest
from record_kit import T0, SeededRng, World, make_world

from tapeline.base.errors import MalformedInput
from tapeline.base.rules import Refused, Rule
from tapeline.crypto.device import (
    EnrollerView,
    VerifiedDevice,
    issue_device_entry,
    parse_device_entry,
    require_device_valid,
    verify_device_entry,
)
from tapeline.crypto.signing import SigningKey
from tapeline.wire.v1.objects_pb2 import DeviceEntry

RNG = SeededRng("device")
ENROLLER = SigningKey.generate(RNG)
DEVICE = SigningKey.generate(RNG)
NEW = SigningKey.generate(RNG)
VIEW = EnrollerView(bytes(32), "acme", ENROLLER.public)


def entry(**changes: object) -> DeviceEntry:
    fields: dict[str, object] = {
        "deployment": bytes(32), "firm": "acme", "user": "ann", "user_salt": b"s" * 32, "device_key": DEVICE.public,
        "device_name": "laptop", "not_before_ms": T0, "not_after_ms": T0 + 1000, "issuer": ENROLLER.public,
    }  # fmt: skip
    return DeviceEntry(**(fields | changes))  # type: ignore[arg-type]


def first() -> VerifiedDevice:
    return verify_device_entry(issue_device_entry(ENROLLER, entry()), VIEW)


def second(**changes: object) -> bytes:
    fields: dict[str, object] = {"device_key": NEW.public, "issuer": first().entry_hash}
    return issue_device_entry(DEVICE, entry(**(fields | changes)))


def test_the_enroller_signs_the_first_device() -> None:
    device = first()
    assert (device.firm, device.user, device.device_key) == ("acme", "ann", DEVICE.public)
    assert device.entry_hash == parse_device_entry(issue_device_entry(ENROLLER, entry())).entry_hash


def test_a_device_signs_the_users_next_one() -> None:
    assert verify_device_entry(second(), first()).device_key == NEW.public


@pytest.mark.rule(Rule.DEVICE_ISSUER)
def test_a_signature_by_another_than_the_issuer_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        verify_device_entry(issue_device_entry(DEVICE, entry()), VIEW)
    assert caught.value.rule is Rule.DEVICE_ISSUER


@pytest.mark.rule(Rule.DEVICE_ISSUER)
def test_an_entry_that_names_another_issuer_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        verify_device_entry(issue_device_entry(ENROLLER, entry(issuer=DEVICE.public)), VIEW)
    assert caught.value.rule is Rule.DEVICE_ISSUER


@pytest.mark.rule(Rule.DEVICE_ISSUER)
@pytest.mark.parametrize(
    "key", [bytes(32), b"\x01" + bytes(31), b"\xff" * 32], ids=["small", "identity", "not canonical"]
)
def test_a_device_key_that_verifies_anything_is_refused(key: bytes) -> None:
    with pytest.raises(Refused) as caught:
        verify_device_entry(issue_device_entry(ENROLLER, entry(device_key=key)), VIEW)
    assert caught.value.rule is Rule.DEVICE_ISSUER


@pytest.mark.rule(Rule.DEVICE_TENANT)
@pytest.mark.parametrize("change", [{"deployment": b"x" * 32}, {"firm": "bolt"}])
def test_an_enroller_signs_for_its_own_firm_alone(change: dict[str, object]) -> None:
    with pytest.raises(Refused) as caught:
        verify_device_entry(issue_device_entry(ENROLLER, entry(**change)), VIEW)
    assert caught.value.rule is Rule.DEVICE_TENANT


@pytest.mark.rule(Rule.DEVICE_TENANT)
@pytest.mark.parametrize("change", [{"user": "ben"}, {"firm": "bolt"}, {"user_salt": b"t" * 32}])
def test_a_device_signs_for_its_own_user_and_salt_alone(change: dict[str, object]) -> None:
    with pytest.raises(Refused) as caught:
        verify_device_entry(second(**change), first())
    assert caught.value.rule is Rule.DEVICE_TENANT


@pytest.mark.rule(Rule.DEVICE_EXPIRED)
def test_an_empty_lifetime_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        verify_device_entry(issue_device_entry(ENROLLER, entry(not_after_ms=T0)), VIEW)
    assert caught.value.rule is Rule.DEVICE_EXPIRED


@pytest.mark.rule(Rule.DEVICE_EXPIRED)
@pytest.mark.parametrize("at_ms", [T0 - 1, T0 + 1000])
def test_a_device_outside_its_lifetime_is_refused(at_ms: int) -> None:
    require_device_valid(first(), T0)
    require_device_valid(first(), T0 + 999)
    with pytest.raises(Refused) as caught:
        require_device_valid(first(), at_ms)
    assert caught.value.rule is Rule.DEVICE_EXPIRED


@pytest.mark.rule(Rule.DEVICE_EXPIRED)
def test_a_device_issues_none_that_outlives_it() -> None:
    lasting = first().not_after_ms
    assert verify_device_entry(second(not_after_ms=lasting), first()).not_after_ms == lasting
    with pytest.raises(Refused) as caught:
        verify_device_entry(second(not_after_ms=lasting + 1), first())
    assert caught.value.rule is Rule.DEVICE_EXPIRED


@pytest.mark.parametrize("change", [{"user": ""}, {"device_name": "a\x1b"}, {"firm": " acme"}])
def test_deceptive_names_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(MalformedInput):
        parse_device_entry(issue_device_entry(ENROLLER, entry(**change)))


@pytest.mark.rule(Rule.WIRE_SIZE)
@pytest.mark.parametrize("change", [{"deployment": bytes(31)}, {"user_salt": b""}, {"device_key": bytes(33)}])
def test_wrong_lengths_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(Refused) as caught:
        parse_device_entry(issue_device_entry(ENROLLER, entry(**change)))
    assert caught.value.rule is Rule.WIRE_SIZE


def test_user_ids_differ_by_firm() -> None:
    device = first()
    assert device.user_id != replace(device, firm="bolt").user_id


def test_the_kits_world_is_enrolled() -> None:
    world: World = make_world()
    assert len({device.entry.entry_hash for device in world.devices}) == 4
