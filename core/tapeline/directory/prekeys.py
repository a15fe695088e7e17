"""Prekeys of each device in the order of the log, and what they look like below an index."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field

from tapeline.base.rules import Refused, Rule, require
from tapeline.crypto.group import Point
from tapeline.crypto.objects import open_object
from tapeline.crypto.prekey import VerifiedPrekey, require_prekey_lifetime, verify_prekey
from tapeline.crypto.record.facts import PrekeyFact
from tapeline.directory.devices import Devices
from tapeline.directory.escrow_keys import EscrowKeys
from tapeline.wire.v1.objects_pb2 import Prekey


@dataclass
class _History:
    """One device's prekeys; `facts` of all but the newest are final, since their successor is known."""

    first_ms: int
    indices: list[int] = field(default_factory=list)
    facts: list[PrekeyFact] = field(default_factory=list)


class Prekeys:
    """Prekeys by hash and by device; no two share a point or an HPKE key."""

    def __init__(self, devices: Devices, escrow_keys: EscrowKeys) -> None:
        self._devices = devices
        self._escrow_keys = escrow_keys
        self._histories: dict[bytes, _History] = {}
        self._owners: dict[bytes, bytes] = {}
        self._points: set[Point] = set()
        self._hpke: set[bytes] = set()

    def verify(self, obj: bytes, leaf_time_ms: int) -> VerifiedPrekey:
        """Return the prekey of a usable device, different from every other key.

        Raises:
            Refused: PREKEY_OWNER, PREKEY_POSSESSION, PREKEY_SEALABLE, PREKEY_LIFETIME, PREKEY_DISTINCT,
                DEVICE_EXPIRED, SIGNATURE, or of the wire format.
        """
        _, claimed = open_object(obj, Prekey, what="prekey")
        known = self._devices.get(claimed.device_entry)
        if known is None:
            raise Refused(Rule.PREKEY_OWNER, "The prekey is of a device that is not in the directory.")
        device = known[1]
        prekey = verify_prekey(obj, device)
        require_prekey_lifetime(prekey, leaf_time_ms)
        self._devices.require_usable(device, leaf_time_ms, Rule.PREKEY_OWNER, "The prekey's device is revoked.")
        self._require_distinct(prekey)
        return prekey

    def _require_distinct(self, prekey: VerifiedPrekey) -> None:
        require(
            prekey.point not in self._points and prekey.hpke.encode() not in self._hpke,
            Rule.PREKEY_DISTINCT,
            "The prekey equals another prekey.",
        )
        require(
            not self._escrow_keys.has_key(prekey.point, prekey.hpke.encode()),
            Rule.PREKEY_DISTINCT,
            "The prekey equals an escrow or vault key.",
        )
        history = self._histories.get(prekey.device_entry)
        require(
            history is None or history.facts[-1].prekey.prekey_id < prekey.prekey_id,
            Rule.PREKEY_DISTINCT,
            "The prekey's number does not follow that of the device's prekey before.",
        )

    def add(self, index: int, prekey: VerifiedPrekey, leaf_time_ms: int) -> None:
        """Take a verified prekey, which supersedes the device's one before."""
        history = self._histories.setdefault(prekey.device_entry, _History(leaf_time_ms))
        if history.facts:
            last = history.facts[-1]
            history.facts[-1] = PrekeyFact(last.prekey, last.leaf_index, leaf_time_ms)
        history.facts.append(PrekeyFact(prekey, index, None))
        history.indices.append(index)
        self._owners[prekey.prekey_hash] = prekey.device_entry
        self._points.add(prekey.point)
        self._hpke.add(prekey.hpke.encode())

    def owner(self, prekey_hash: bytes) -> bytes | None:
        """Return the entry hash of the device that a prekey belongs to."""
        return self._owners.get(prekey_hash)

    def has_key(self, point: Point, hpke_public: bytes) -> bool:
        """Tell whether some prekey has this point or this HPKE key."""
        return point in self._points or hpke_public in self._hpke

    def count_below(self, entry_hash: bytes, below: int | None) -> int:
        """Return how many of a device's prekeys lie below an index."""
        history = self._histories.get(entry_hash)
        if history is None:
            return 0
        return len(history.indices) if below is None else bisect_left(history.indices, below)

    def first_leaf(self, entry_hash: bytes) -> tuple[int, int] | None:
        """Return leaf index and leaf time of a device's first prekey, None where it has none."""
        history = self._histories.get(entry_hash)
        return None if history is None else (history.indices[0], history.first_ms)

    def next_after(self, entry_hash: bytes, index: int) -> int | None:
        """Return the leaf index of a device's first prekey above an index, None where there is none."""
        history = self._histories.get(entry_hash)
        if history is None or history.indices[-1] <= index:
            return None
        return history.indices[bisect_right(history.indices, index)]

    def first(self, entry_hash: bytes, count: int) -> tuple[PrekeyFact, ...]:
        """Return a device's first `count` prekeys as facts: what comes after them supersedes none of them."""
        if count == 0:
            return ()
        facts = self._histories[entry_hash].facts[:count]
        facts[-1] = PrekeyFact(facts[-1].prekey, facts[-1].leaf_index, None)
        return tuple(facts)
