"""From an enrolment code to a device that others can write to; each step is stored, so a crash resumes it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from tapeline.base.address import parse_address
from tapeline.base.errors import MalformedInput
from tapeline.base.secret import Secret
from tapeline.client.directory.bootstrap import Pins, bootstrap
from tapeline.client.errors import NotEnrolled, StoreProblem
from tapeline.client.options import ClientOptions
from tapeline.client.store import identity
from tapeline.client.store.database import Database
from tapeline.client.store.folder import create_store, has_store, open_store
from tapeline.client.store.identity import Identity
from tapeline.client.store.keys import StoreKey
from tapeline.client.transport.calls import call
from tapeline.client.transport.channels import Transport
from tapeline.client.transport.methods import ENROL, PUBLISH
from tapeline.crypto.device import EnrollerView, verify_device_entry
from tapeline.crypto.enrolment import parse_enrolment, sign_possession
from tapeline.crypto.ids import check_name
from tapeline.crypto.signing import SEED_BYTES, SigningKey
from tapeline.crypto.wire import decode, encode
from tapeline.governance.roster import Roster
from tapeline.wire.v1.enroller_pb2 import EnrolRequest
from tapeline.wire.v1.objects_pb2 import DeviceEntry, LeafType, SignedObject
from tapeline.wire.v1.relay_pb2 import PublishRequest


async def prepare(
    code: str,
    *,
    relay: str,
    enroller: str,
    store: Path,
    secret: str | StoreKey,
    device_name: str,
    options: ClientOptions,
) -> Database:
    """Return a store that holds who the device will be; an interrupted enrolment is taken up again.

    Raises:
        MalformedInput: no enrolment code, or no address.
        StoreProblem: the folder holds something else, or the passphrase is wrong.
    """
    for address in (relay, enroller):
        parse_address(address)  # before anything is stored
    parsed = parse_enrolment(code)
    name = check_name(device_name, "device name")
    if has_store(store):
        database = await open_store(store, secret)
        known = await database.run(identity.load)
        if known is not None and known.entry:
            await database.close()
            raise StoreProblem("A device is enrolled here already.", "Open it, or choose a new folder.")
        if known is not None and known.code == parsed.code:
            # The key stays, since the code may be spent for it; a mistyped address does not.
            corrected = replace(known, relay=relay, enroller=enroller)
            await database.run(partial(identity.save, identity=corrected), durable=True)
            return database
    else:
        database = await create_store(store, secret, options.rng)
    fresh = Identity(
        relay=relay,
        enroller=enroller,
        device_name=name,
        seed=Secret(options.rng(SEED_BYTES)),
        code=parsed.code,
        roster_pin=parsed.roster,
        log_pin=parsed.log_key,
    )
    # The key before its entry, past a power cut: an entry for a lost key would spend the code for nothing.
    await database.run(partial(identity.save, identity=fresh), durable=True)
    return database


async def complete(database: Database, transport: Transport) -> Identity:
    """Return the identity with its entry; asks relay and enroller where it has none yet.

    Raises:
        NotEnrolled: the store is empty.
        MalformedInput: the relay is another deployment's, or the enroller's answer is for another key.
        Refused: the enroller's entry does not verify.
    """
    known = await database.run(identity.load)
    if known is None:
        raise NotEnrolled("No device is enrolled here.", "Enrol with a code from the enroller.")
    if known.entry:
        return known
    channel = transport.channel(known.relay)
    first = (await bootstrap(channel, Pins(known.roster_pin, known.log_pin))).chain.current
    entry = await _entry(known, first, transport)
    await call(channel, PUBLISH, PublishRequest(type=LeafType.LEAF_TYPE_DEVICE, object=SignedObject.FromString(entry)))
    done = replace(
        known,
        code="",
        entry=entry,
        deployment=first.deployment,
        firm=first.organisation,
        origin=first.archive_origin,
    )
    await database.run(partial(identity.save, identity=done), durable=True)
    return done


async def _entry(known: Identity, roster: Roster, transport: Transport) -> bytes:
    key = SigningKey.from_seed(known.seed)
    request = EnrolRequest(
        code=known.code,
        device_key=key.public,
        device_name=known.device_name,
        possession=sign_possession(key, known.code),
    )
    answer = await call(transport.channel(known.enroller), ENROL, request)
    entry = encode(answer.entry)
    claimed = decode(DeviceEntry, answer.entry.body, what="device entry")
    if claimed.issuer not in roster.enroller_keys():
        raise MalformedInput("The entry is signed by no enroller of the roster.", "Check the enroller's address.")
    view = EnrollerView(roster.deployment, roster.organisation, claimed.issuer)
    device = verify_device_entry(entry, view)
    if device.device_key != key.public:
        raise MalformedInput("The entry is for another device key.", "Report the enroller.")
    return entry
