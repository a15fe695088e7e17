"""The payload of the first round: host key 32 ‖ nonce 32 ‖ signature of the announcement 64."""

from __future__ import annotations

from collections.abc import Mapping

from tapeline.base.ed25519 import SIGNATURE_BYTES
from tapeline.base.rules import Rule, require
from tapeline.crypto.ceremony import NONCE_BYTES, Announcement, verify_announcement
from tapeline.crypto.group import POINT_BYTES, Point
from tapeline.custodian.ceremony.call import Call

_BYTES = POINT_BYTES + NONCE_BYTES + SIGNATURE_BYTES


def write_announcement(announcement: Announcement, signature: bytes) -> bytes:
    """Return the 128 bytes."""
    return announcement.host_key.encode() + announcement.nonce + signature


def read_announcements(call: Call, payloads: Mapping[int, bytes]) -> list[Announcement]:
    """Return all announcements, each verified under its custodian's roster key.

    Raises:
        Refused: DKG-7, GRP-1.
    """
    return [_read(call, index, payload) for index, payload in payloads.items()]


def _read(call: Call, index: int, payload: bytes) -> Announcement:
    custodian = call.custodians[index - 1]
    require(len(payload) == _BYTES, Rule.DKG_ROUND1, "An announcement has a wrong length.", culprit=custodian)
    host, nonce = payload[:POINT_BYTES], payload[POINT_BYTES : POINT_BYTES + NONCE_BYTES]
    announcement = Announcement(index, Point.decode(host), nonce)
    verify_announcement(call.keys[index - 1], call.parameters, announcement, payload[-SIGNATURE_BYTES:])
    return announcement
