"""directory.json: device entries, prekeys with their proofs of possession, membership statements."""

from __future__ import annotations

from own_vectors.form import Document, Value, flipped, splices
from own_vectors.story import Device, Story, body_of, resigned
from tapeline.crypto.group import Point, Scalar
from tapeline.crypto.ids import object_hash
from tapeline.crypto.prekey import possession_challenge, possession_statement
from tapeline.crypto.wire import encode
from tapeline.wire.v1 import objects_pb2 as pb


def document(story: Story) -> Document:
    """Return the file."""
    return {
        "description": "Devices with their prekeys and private keys, and a chain of two membership statements "
        "(protocol, sections 2, 3, 10). A refused prekey is its device's with splices applied, as in records.json.",
        "deployment": story.deployment.hex(),
        "enrollers": {firm.name: firm.enroller.public.hex() for firm in story.firms.values()},
        "cases": [*(_device(one) for one in story.devices.values()), *_statements(story)],
        "refused": [*_refused_prekeys(story), *_refused_bytes(story)],
    }


def _device(device: Device) -> Value:
    prekey = pb.Prekey.FromString(body_of(device.prekey_object))
    statement = possession_statement(prekey)
    challenge, response = Scalar.decode(prekey.possession[:32]), Scalar.decode(prekey.possession[32:])
    commitment = response.base_mul() - Point.decode(prekey.point).mul(challenge)
    return {
        "name": device.name,
        "seed": device.key.seed.reveal().hex(),
        "entry": device.entry.hex(),
        "entry_hash": device.verified.entry_hash.hex(),
        "user_id": device.verified.user_id.hex(),
        "prekey": device.prekey_object.hex(),
        "prekey_hash": device.prekey.prekey_hash.hex(),
        "p": device.secret.scalar.to_bytes().hex(),
        "hpke_seed": device.secret.hpke_seed.reveal().hex(),
        "possession_statement": statement.hex(),
        "possession_commitment": commitment.encode().hex(),
        "possession_challenge": possession_challenge(statement, commitment).to_bytes().hex(),
    }


def _statements(story: Story) -> list[Value]:
    genesis = story.membership(story.genesis)
    rows = {"genesis": story.genesis, "successor": story.successor, "alone": story.alone}
    return [
        {"name": name, "statement": obj.hex(), "statement_hash": object_hash("membership", body_of(obj)).hex(),
         "conversation": (story.membership(obj) if name != "successor" else genesis).conversation.hex()}
        for name, obj in rows.items()
    ]  # fmt: skip


def _refused_prekeys(story: Story) -> list[Value]:
    device, other = story.ann, story.devices["ben-1"]
    prekey = pb.Prekey.FromString(body_of(device.prekey_object))
    foreign = pb.Prekey.FromString(body_of(other.prekey_object))

    def changed(**fields: bytes | int) -> bytes:
        new = pb.Prekey()
        new.CopyFrom(prekey)
        for name, value in fields.items():
            setattr(new, name, value)
        return resigned(device.key, "prekey", encode(new))

    rows = {
        "the proof of another prekey": ("PRE-1", changed(possession=foreign.possession)),
        "a later expiry under the old proof": ("PRE-1", changed(not_after_ms=prekey.not_after_ms + 1)),
        "a response of zero": ("PRE-1", changed(possession=prekey.possession[:32] + bytes(32))),
        "an all-zero X25519 half": ("PRE-2", _unsealable(story)),
        "of another device": ("PRE-4", changed(device_key=other.key.public)),
        "not signed by its device": ("SIG-1", resigned(other.key, "prekey", encode(prekey))),
        "an identity for P": ("GRP-1", changed(point=bytes([1]) + bytes(31))),
    }
    return [
        {"name": f"prekey: {name}", "rule": rule, "device": device.name, "splices": splices(device.prekey_object, obj)}
        for name, (rule, obj) in rows.items()
    ]


def _unsealable(story: Story) -> bytes:
    """A proven, signed prekey that nothing can be sealed to."""
    device = story.ann
    prekey = pb.Prekey.FromString(body_of(device.prekey_object))
    prekey.hpke_public = prekey.hpke_public[:1184] + bytes(32)
    nonce = Scalar.from_hash("example", b"nonce")
    challenge = possession_challenge(possession_statement(prekey), nonce.base_mul())
    prekey.possession = challenge.to_bytes() + (nonce + challenge * device.secret.scalar).to_bytes()
    return resigned(device.key, "prekey", encode(prekey))


def _last_number(entry: bytes) -> bytes:
    """Add 2^64 to not_after_ms, which a parser of 64 bits would not see."""
    message = pb.DeviceEntry.FromString(entry)
    spelled = entry.rindex(b"\x40", 0, entry.rindex(b"\x4a\x20"))
    number, varint = message.not_after_ms + 2**64, bytearray()
    while number:
        number, low = divmod(number, 128)
        varint.append(low | 128)
    varint[-1] &= 127
    return entry[: spelled + 1] + bytes(varint) + entry[entry.rindex(b"\x4a\x20") :]


def _refused_bytes(story: Story) -> list[Value]:
    """Spellings of a reservation-sized object that another parser might let pass."""
    entry = body_of(story.ann.entry)
    field_two = entry.index(b"\x12\x04acme")  # firm, after deployment
    firm, key = entry[field_two : field_two + 6], story.ann.key.public
    rows = {
        "an unknown field": ("WIR-2", entry + b"\x7a\x00"),
        "a field out of order": ("WIR-1", firm + entry[:field_two] + entry[field_two + 6 :]),
        "a field twice": ("WIR-1", entry[: field_two + 6] + entry[field_two:]),
        "a longer varint": ("WIR-1", entry[: field_two + 1] + b"\x84\x00" + entry[field_two + 2 :]),
        "a number of over 64 bits": ("WIR-1", _last_number(entry)),
        "a key of 31 bytes": ("WIR-3", entry.replace(b"\x2a\x20" + key, b"\x2a\x1f" + key[:31])),
    }  # fmt: skip
    enroller = story.firms["acme"].enroller
    forms: list[Value] = [
        {
            "name": f"device entry: {name}",
            "rule": rule,
            "firm": "acme",
            "entry": resigned(enroller, "device", body).hex(),
        }
        for name, (rule, body) in rows.items()
    ]
    forms.append({
        "name": "device entry: altered signature", "rule": "DEV-1", "firm": "acme",
        "entry": flipped(story.ann.entry).hex(),
    })  # fmt: skip
    return forms
