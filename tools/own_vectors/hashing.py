"""hashing.json: H, lists, points, scalars, from_uniform, ids, signatures."""

from __future__ import annotations

import hashlib

from nacl.bindings import crypto_core_ed25519_add as add

from own_vectors.form import Document, Stream, Value, flipped
from own_vectors.story import ORIGIN, Story
from tapeline.base.hashing import counted, tagged_hash
from tapeline.crypto.ack import sign_ack
from tapeline.crypto.group import B_HAT, ORDER, Point, Scalar
from tapeline.crypto.ids import conversation_id, object_hash, tag, user_id
from tapeline.crypto.wire import encode
from tapeline.transparency.merkle import leaf_hash
from tapeline.wire.v1 import objects_pb2 as pb

# A point of order 8; sums with it have torsion.
TORSION = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"
BAD_POINTS = {
    "the identity": "01" + "00" * 31,
    "the identity with the sign bit": "01" + "00" * 30 + "80",
    "the identity, y not reduced": "ee" + "ff" * 30 + "7f",
    "order 2": "ec" + "ff" * 30 + "7f",
    "order 4": "00" * 32,
    "order 8": TORSION,
    "no point of the curve": "02" + "00" * 31,
    "31 bytes": "58" + "66" * 30,
}
BAD_SCALARS = {
    "zero": bytes(32).hex(),
    "the group's order": ORDER.to_bytes(32, "little").hex(),
    "more than the order": "ff" * 32,
    "31 bytes": "01" * 31,
}


def document(story: Story) -> Document:
    """Return the file."""
    return {
        "description": "The hash, encodings, group elements, identifiers, signatures (protocol, sections 1, 2, 10).",
        "cases": [*_hashes(), *_lists(), *_points(), *_ids(story), *_leaves(story), *_signatures(story)],
        "refused": [
            *_bad_elements(),
            *_bad_signatures(story),
        ],
    }


def _hashes() -> list[Value]:
    inputs: list[tuple[str, list[bytes]]] = [
        ("generator2", []), ("example", [b""]), ("example", [b"", b""]), ("example", [b"ab", b"c"]),
        ("example", [b"a", b"bc"]), ("example", [bytes(200)]),
    ]  # fmt: skip
    return [
        {"name": f"H({tag_!r}) of {len(parts)}", "tag": tag_, "parts": [one.hex() for one in parts],
         "hash": tagged_hash(tag_, *parts).hex()}
        for tag_, parts in inputs
    ]  # fmt: skip


def _lists() -> list[Value]:
    inputs: list[list[bytes]] = [[], [b""], [b"a", b"bc"], [b"ab", b"c"]]
    return [
        {"name": f"list of {len(items)}", "items": [one.hex() for one in items], "list": counted(items).hex()}
        for items in inputs
    ]


def _points() -> list[Value]:
    rng = Stream("points")
    uniform = [tagged_hash("generator2")[:32], b"\x01" + bytes(31), b"\xff" * 32, *(rng(32) for _ in range(5))]
    cases: list[Value] = [
        {"name": f"from_uniform {number}", "uniform": one.hex(), "point": Point.from_hash(one).encode().hex()}
        for number, one in enumerate(uniform)
    ]
    secret = Scalar.random(rng)
    cases.append({"name": "generator2", "generator2": B_HAT.encode().hex()})
    cases.append({
        "name": "multiples", "scalar": secret.to_bytes().hex(), "of_b": secret.base_mul().encode().hex(),
        "of_generator2": B_HAT.mul(secret).encode().hex(),
    })  # fmt: skip
    return cases


def _ids(story: Story) -> list[Value]:
    ann, conversation = story.ann.verified, story.membership(story.genesis)
    identity = user_id(ann.deployment, ann.firm, ann.user)
    genesis = pb.SignedObject.FromString(story.genesis).body
    return [
        {"name": "user", "deployment": ann.deployment.hex(), "firm": ann.firm, "user": ann.user,
         "user_id": identity.hex(), "salt": ann.user_salt.hex(), "tag_": tag(ann.user_salt, identity).hex()},
        {"name": "conversation", "genesis": genesis.hex(),
         "conversation": conversation_id(object_hash("membership", genesis)).hex(),
         "salt": conversation.salt.hex(), "tag_": conversation.tag.hex()},
    ]  # fmt: skip


def _leaves(story: Story) -> list[Value]:
    conversation, relay = story.membership(story.genesis), story.firms["acme"].vault_signer
    people = (story.ann.verified, story.devices["cora-1"].verified)
    archive = encode(
        pb.Leaf(
            type=pb.LEAF_TYPE_MEMBERSHIP, conversation_tag=conversation.tag, conversation_sequence=0,
            user_tags=[tag(one.user_salt, one.user_id) for one in people],
            object_hash=conversation.statement_hash, relay_time_ms=story.facts(story.genesis).leaf_time_ms,
        )
    )  # fmt: skip
    numbered = encode(
        pb.Leaf(
            type=pb.LEAF_TYPE_DEVICE, object_hash=story.ann.verified.entry_hash, directory_sequence=300,
            text_hash=bytes(range(64)),
            relay_time_ms=story.facts(story.genesis).leaf_time_ms,
        )
    )  # fmt: skip
    audit = encode(
        pb.AuditLeaf(
            kind="case",
            statement_hash=bytes(range(64)),
            time_ms=1,
            about=bytes(range(64)),
            text_hash=bytes(range(64, 128)),
        )
    )
    return [
        {"name": name, "kind": kind, "leaf": leaf.hex(), "leaf_hash": leaf_hash(leaf).hex(),
         "origin": ORIGIN, "index": index, "public": relay.public.hex(),
         "ack_hash": tagged_hash("ack", ORIGIN.encode(), index.to_bytes(8, "little"), leaf_hash(leaf)).hex(),
         "ack_signature": sign_ack(relay, ORIGIN, index, leaf).hex()}
        for name, kind, index, leaf in (
            ("leaf of the archive log", "archive", 2**32, archive),
            ("numbered leaf", "archive", 2**32 + 1, numbered),
            ("leaf of the audit log", "audit", 7, audit),
        )
    ]  # fmt: skip


def _signatures(story: Story) -> list[Value]:
    key = story.ann.key
    return [
        {"name": f"signature as {kind}", "signed_kind": kind, "body": body.hex(), "seed": key.seed.reveal().hex(),
         "public": key.public.hex(), "digest": tagged_hash("sig/" + kind, body).hex(),
         "signature": key.sign(kind, body).hex()}
        for kind, body in (("device", b"body"), ("prekey", b"body"), ("msg", b""))
    ]  # fmt: skip


def _bad_elements() -> list[Value]:
    mixed = add(B_HAT.encode(), bytes.fromhex(TORSION)).hex()
    points = {**BAD_POINTS, "a torsion component": mixed}
    rows: list[Value] = [{"name": f"point: {name}", "rule": "GRP-1", "point": text} for name, text in points.items()]
    rows.append({"name": "from_uniform of zeros is the identity", "rule": "GRP-1", "uniform": bytes(32).hex()})
    rows += [{"name": f"scalar: {name}", "rule": "GRP-2", "scalar": text} for name, text in BAD_SCALARS.items()]
    return rows


def _bad_signatures(story: Story) -> list[Value]:
    """The corners in which verifiers of Ed25519 are known to differ."""
    key, body = story.ann.key, b"body"
    good = key.sign("device", body)
    larger = (int.from_bytes(good[32:], "little") + ORDER).to_bytes(32, "little")
    identity, small = bytes.fromhex(BAD_POINTS["the identity"]), bytes.fromhex(TORSION)
    rows = {
        "of another kind": (key.public, key.sign("prekey", body)),
        "altered": (key.public, flipped(good)),
        "S not below the order": (key.public, good[:32] + larger),
        "R with torsion": (key.public, _with_commitment(story, body, torsion=True)),
        "R of small order": (key.public, _with_commitment(story, body, torsion=False)),
        "under the identity": (identity, identity + bytes(32)),
        "under a key of small order": (small, identity + bytes(32)),
    }
    return [
        {"name": f"signature: {name}", "rule": "SIG-1", "signed_kind": "device", "body": body.hex(),
         "public": public.hex(), "signature": signature.hex()}
        for name, (public, signature) in rows.items()
    ]  # fmt: skip


def _with_commitment(story: Story, body: bytes, *, torsion: bool) -> bytes:
    """Sign with R + T, or with R = T alone, T of order 8: valid for those who multiply by the cofactor."""
    seed, public = story.ann.key.seed.reveal(), story.ann.key.public
    clamped = bytearray(hashlib.sha512(seed).digest()[:32])
    clamped[0], clamped[31] = clamped[0] & 248, clamped[31] & 127 | 64
    secret, nonce = int.from_bytes(clamped, "little"), 0
    commitment = bytes.fromhex(TORSION)
    if torsion:
        scalar = Scalar.random(Stream("cofactor"))
        nonce = int.from_bytes(scalar.to_bytes(), "little")
        commitment = add(scalar.base_mul().encode(), commitment)
    digest = tagged_hash("sig/device", body)
    challenge = int.from_bytes(hashlib.sha512(commitment + public + digest).digest(), "little")
    return commitment + ((nonce + challenge * secret) % ORDER).to_bytes(32, "little")
