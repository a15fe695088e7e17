"""Complaints: testimony of one device, in its own name, of exact form."""

from __future__ import annotations

import pytest
from gov_kit import DEPLOYMENT, T0, Archive

from tapeline.base.rules import Refused, Rule
from tapeline.crypto.wire import encode
from tapeline.governance.complaint import complaint_text, read_complaint_text, sign_complaint, verify_complaint
from tapeline.wire.v1 import objects_pb2 as pb

ARCHIVE = Archive("acme")
ACK = pb.Ack(index=1, leaf=b"leaf", signature=bytes(64))
ANN, BEN = (ARCHIVE.enrol(name, prekey=False) for name in ("ann", "ben"))


def complaint(**changes: object) -> pb.Complaint:
    values: dict[str, object] = {
        "deployment": DEPLOYMENT, "device_entry": ANN.device.entry_hash, "record_hash": b"r" * 64, "rule": "REC-9",
        "time_ms": T0, **changes,
    }  # fmt: skip
    return pb.Complaint(**values)  # type: ignore[arg-type]


def refused(data: bytes) -> Rule:
    with pytest.raises(Refused) as refusal:
        verify_complaint(data, ANN.device)
    return refusal.value.rule


def test_a_complaint_says_which_record_which_rule_when() -> None:
    verified = verify_complaint(sign_complaint(ANN.key, complaint()), ANN.device)
    assert (verified.device_entry, verified.record_hash) == (ANN.device.entry_hash, b"r" * 64)
    assert (verified.message_hash, verified.rule, verified.time_ms) == (b"", "REC-9", T0)
    of_message = verify_complaint(sign_complaint(ANN.key, complaint(message_hash=b"m" * 64)), ANN.device)
    assert of_message.message_hash == b"m" * 64
    assert of_message.complaint_hash != verified.complaint_hash


@pytest.mark.rule(Rule.SIGNATURE)
def test_a_complaint_is_its_devices_own() -> None:
    signed = pb.SignedObject.FromString(sign_complaint(ANN.key, complaint()))
    signed.signature = ANN.key.sign("msg", signed.body)
    for data in (encode(signed), sign_complaint(BEN.key, complaint())):
        assert refused(data) is Rule.SIGNATURE


@pytest.mark.rule(Rule.SIGNATURE)
@pytest.mark.parametrize("change", [{"device_entry": BEN.device.entry_hash}, {"deployment": b"e" * 32}])
def test_nobody_complains_in_anothers_name(change: dict[str, object]) -> None:
    assert refused(sign_complaint(ANN.key, complaint(**change))) is Rule.SIGNATURE


@pytest.mark.rule(Rule.WIRE_SIZE)
@pytest.mark.parametrize(
    "change",
    [
        {"record_hash": b"r" * 63},
        {"record_hash": b""},
        {"message_hash": b"m" * 63},
        {"rule": "R" * 17},
        {"rule": "RÉC-9"},
        {"rule": "REC\n9"},
        {"rule": ""},
        {"acks": [ACK] * 3},
        {"acks": [pb.Ack(leaf=bytes(4097), signature=bytes(64))]},
        {"acks": [pb.Ack(signature=bytes(63))]},
        {"time_ms": 2**63},
    ],
)
def test_a_field_of_a_wrong_length_is_refused(change: dict[str, object]) -> None:
    assert refused(sign_complaint(ANN.key, complaint(**change))) is Rule.WIRE_SIZE


def test_a_complaint_travels_with_its_device() -> None:
    signed = sign_complaint(ANN.key, complaint(record_hash=b"", acks=[ACK, ACK]))
    read = read_complaint_text(complaint_text(signed, _entry_of(ANN.device.entry_hash)))
    assert (read.device_entry, read.record_hash, read.acks) == (ANN.device.entry_hash, b"", (ACK, ACK))
    with pytest.raises(Refused) as refusal:
        read_complaint_text(complaint_text(signed, _entry_of(BEN.device.entry_hash)))
    assert refusal.value.rule is Rule.SIGNATURE


def _entry_of(digest: bytes) -> bytes:
    return next(obj for leaf, obj in ARCHIVE.leaves if leaf.object_hash == digest)
