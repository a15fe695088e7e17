"""Own prekeys: one is published each day, old secret halves go when nothing can be sealed to them any more."""

from __future__ import annotations

from functools import partial

from tapeline.base.rules import Rule, require
from tapeline.base.secret import Secret
from tapeline.base.times import DAY, HOUR
from tapeline.client.device import Device
from tapeline.client.store import prekeys
from tapeline.client.store.prekeys import StoredPrekey
from tapeline.client.transport.methods import PUBLISH
from tapeline.crypto.ack import verify_ack
from tapeline.crypto.ids import object_hash
from tapeline.crypto.limits import NOTE_AGE_MS, PREKEY_MS, SUPERSEDED_MS
from tapeline.crypto.prekey import KIND
from tapeline.crypto.prekey_secret import PrekeySecret, make_prekey
from tapeline.wire.v1.objects_pb2 import Leaf, LeafType, SignedObject
from tapeline.wire.v1.relay_pb2 import PublishRequest

REPLACE_MS = DAY
_MARGIN_MS = HOUR


class PrekeyKeeper:
    """Publishes, replaces and deletes this device's prekeys."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._stored: list[StoredPrekey] = []
        self.is_unconfirmed = True

    async def restore(self) -> None:
        """Load what the store holds."""
        self._stored = await self._device.database.run(prekeys.load_all)

    def secret(self, prekey_hash: bytes) -> PrekeySecret | None:
        """Return the secret half that opens rows under that prekey; None where it is not ours, or deleted."""
        found = next((one for one in self._stored if one.prekey_hash == prekey_hash), None)
        return None if found is None or found.secret is None else PrekeySecret.from_bytes(found.secret.reveal())

    @property
    def is_due(self) -> bool:
        """Tell whether there is no prekey, the newest is a day old, or the log holds one that the store does not."""
        is_old = not self._stored or self._device.clock() - self._stored[-1].created_ms >= REPLACE_MS
        return is_old or self.is_behind

    @property
    def is_behind(self) -> bool:
        """Tell whether the log holds a newer prekey of this device than the store: it was restored from a copy."""
        return self._logged_number > max((one.prekey_id for one in self._stored), default=0) or self._is_taken

    @property
    def _is_taken(self) -> bool:
        """Tell whether the log holds another prekey under the number of the store's newest."""
        newest = self._stored[-1] if self._stored else None
        logged = self._logged()
        return newest is not None and logged.get(newest.prekey_id, newest.prekey_hash) != newest.prekey_hash

    @property
    def _logged_number(self) -> int:
        return max(self._logged(), default=0)

    def _logged(self) -> dict[int, bytes]:
        """Return this device's prekeys in the log by number; none before its own entry is known."""
        known = self._device.directory.state.devices.get(self._device.entry.entry_hash)
        facts = () if known is None else self._device.fact.prekeys
        return {one.prekey.prekey_id: one.prekey.prekey_hash for one in facts}

    async def publish(self) -> int:
        """Make, store and publish a fresh prekey; return its leaf index."""
        prekey = self._make()
        # The secret half first, and past a power cut: what others seal to a published half must stay readable.
        await self._device.database.run(lambda db: prekeys.add(db, prekey), durable=True)
        self._stored.append(prekey)
        self.is_unconfirmed = True
        index = await self._send(prekey)
        self.is_unconfirmed = False
        return index

    async def publish_unlogged(self) -> None:
        """Publish again what an earlier run stored and the directory does not show."""
        newest = self._stored[-1] if self._stored else None
        # A number that the log has passed is taken: then a fresh prekey is due, and the relay refuses this one.
        if newest is not None and newest.prekey_id > self._logged_number:
            await self._send(newest)
        self.is_unconfirmed = False

    async def forget_old(self, note_time_ms: int) -> None:
        """Delete secret halves that no record can use any more; the caller has processed all leaves up to then.

        A record's note is at most 10 minutes older than its leaf, and its prekeys were superseded at most 24 hours
        before the note (protocol, Keys): what comes later is sealed to a newer half.
        """
        limit = note_time_ms - SUPERSEDED_MS - NOTE_AGE_MS
        superseded = {one.prekey.prekey_hash: one.superseded_ms for one in self._device.fact.prekeys}
        for place, one in enumerate(self._stored):
            since = superseded.get(one.prekey_hash)
            if one.secret is not None and since is not None and since < limit:
                await self._device.database.run(partial(prekeys.forget, prekey_hash=one.prekey_hash), durable=True)
                one.secret.wipe()
                self._stored[place] = StoredPrekey(
                    None, one.prekey_id, one.prekey_hash, one.object, one.not_after_ms, one.created_ms, since
                )

    def _make(self) -> StoredPrekey:
        device, now = self._device, self._device.clock()
        number = 1 + max((one.prekey_id for one in self._stored), default=0)
        number = max(number, 1 + self._logged_number)
        not_after_ms = now + PREKEY_MS - _MARGIN_MS
        signed, secret = make_prekey(device.key, device.entry, number, not_after_ms, device.rng)
        prekey_hash = object_hash(KIND, SignedObject.FromString(signed).body)
        return StoredPrekey(Secret(secret.to_bytes()), number, prekey_hash, signed, not_after_ms, now, None)

    async def _send(self, prekey: StoredPrekey) -> int:
        state = self._device.directory.state
        signed = SignedObject.FromString(prekey.object)
        ack = await self._device.caller.call(PUBLISH, PublishRequest(type=LeafType.LEAF_TYPE_PREKEY, object=signed))
        verify_ack(state.relay_key, state.roster().archive_origin, ack)
        require(
            Leaf.FromString(ack.leaf).object_hash == prekey.prekey_hash,
            Rule.LEAF_TAG,
            "The acknowledgement of the prekey is of another leaf.",
        )
        return ack.index
