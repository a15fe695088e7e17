"""Whatever bytes a parser gets: a value, or one of our typed errors; never another exception."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache, partial

import pytest
from audit_kit import Deployment, busy_deployment
from fuzz_kit import ROUNDS, inputs
from gov_kit import sign_roster

from tapeline.base.errors import TapelineError
from tapeline.crypto.device import parse_device_entry
from tapeline.crypto.enrolment import parse_enrolment
from tapeline.crypto.limits import LEAF_BYTES
from tapeline.crypto.membership import parse_statement
from tapeline.crypto.message.verify import parse_message
from tapeline.crypto.record.parse import parse_header, parse_record, parse_shard, parse_view
from tapeline.crypto.wire import parse
from tapeline.directory.state import DIRECTORY_TYPES, DirectoryState
from tapeline.governance.approval import Approval
from tapeline.governance.auditleaf import parse_audit_leaf
from tapeline.governance.case import Case
from tapeline.governance.certificate import EscrowCertificate
from tapeline.governance.complaint import read_complaint_text
from tapeline.governance.dsse import parse_envelope
from tapeline.governance.manifest import Manifest
from tapeline.governance.release import Release
from tapeline.governance.roster import Roster
from tapeline.governance.warrant import Warrant
from tapeline.transparency.addcheckpoint import encode_add_checkpoint, parse_add_checkpoint
from tapeline.transparency.checkpoint import parse_checkpoint
from tapeline.transparency.note import split_note
from tapeline.transparency.tiles import decode_bundle
from tapeline.transparency.tlogproof import TlogProof, parse_tlog_proof
from tapeline.wire.v1 import objects_pb2 as pb

pytestmark = [pytest.mark.fuzz, pytest.mark.timeout(3600)]


@cache
def world() -> Deployment:
    return busy_deployment("fuzz")


def objects(kind: pb.LeafType) -> list[bytes]:
    leaves = [pb.Leaf.FromString(entry) for entry in world().archive.entries]
    return [world().archive.objects[leaf.object_hash] for leaf in leaves if leaf.type == kind]


def statements(kind: str) -> list[bytes]:
    leaves = [pb.AuditLeaf.FromString(entry) for entry in world().audit.entries]
    return [world().audit.objects[leaf.statement_hash] for leaf in leaves if leaf.kind == kind]


def headers() -> list[bytes]:
    return [pb.SessionRecord.FromString(record).header for record in objects(pb.LEAF_TYPE_SESSION)]


def shards() -> list[bytes]:
    return [shard for record in objects(pb.LEAF_TYPE_SESSION) for shard in pb.SessionRecord.FromString(record).shards]


def views() -> list[bytes]:
    records = [pb.SessionRecord.FromString(one) for one in objects(pb.LEAF_TYPE_SESSION)]
    return [
        pb.RecordView(header=one.header, shard=one.shards[0], device_slot=one.device_slots[0]).SerializeToString()
        for one in records
    ]


def complaints() -> list[bytes]:
    made = busy_deployment("complaining")
    digest = made.complain("ann", record_hash=b"r" * 64, acks=[made.acknowledge(1, made.archive.entries[1])])
    return [made.audit.objects[digest]]


def notes() -> list[bytes]:
    return [world().archive.note(world().now), world().audit.note(world().now)]


def requests() -> list[bytes]:
    return [encode_add_checkpoint(1, [bytes(32)], note) for note in notes()]


def proofs() -> list[bytes]:
    return [TlogProof(1, (bytes(32),), note, extra=world().audit.entries[0]).encode() for note in notes()]


PARSERS: dict[str, tuple[Callable[[bytes], object], Callable[[], list[bytes]]]] = {
    "device": (parse_device_entry, partial(objects, pb.LEAF_TYPE_DEVICE)),
    "membership": (parse_statement, partial(objects, pb.LEAF_TYPE_MEMBERSHIP)),
    "message": (parse_message, partial(objects, pb.LEAF_TYPE_MESSAGE)),
    "record": (parse_record, partial(objects, pb.LEAF_TYPE_SESSION)),
    "header": (parse_header, headers),
    "shard": (parse_shard, shards),
    "view": (parse_view, views),
    "leaf": (lambda data: parse(pb.Leaf, data, limit=LEAF_BYTES, what="leaf"), lambda: world().archive.entries),
    "audit leaf": (parse_audit_leaf, lambda: world().audit.entries),
    "complaint": (read_complaint_text, complaints),
    "roster": (Roster.parse, lambda: [*statements("roster"), sign_roster(world().roster)]),
    "certificate": (EscrowCertificate.parse, partial(statements, "escrow-key")),
    "case": (Case.parse, partial(statements, "case")),
    "approval": (Approval.parse, partial(statements, "approval")),
    "manifest": (Manifest.parse, partial(statements, "manifest")),
    "warrant": (Warrant.parse, partial(statements, "warrant")),
    "release": (Release.parse, partial(statements, "release")),
    "envelope": (lambda data: parse_envelope(data, "case"), partial(statements, "case")),
    "note": (split_note, notes),
    "checkpoint": (lambda data: parse_checkpoint(split_note(data)[0]), notes),
    "tlog-proof": (parse_tlog_proof, proofs),
    "witness request": (parse_add_checkpoint, requests),
    "entry bundle": (lambda data: decode_bundle(data, 2), lambda: [b"\x00\x02ab\x00\x01c"]),
    "enrolment code": (lambda data: parse_enrolment(data.decode("latin-1")), lambda: [b"a b c", b"\x00" * 40]),
}


@pytest.mark.parametrize("name", PARSERS)
def test_a_parser_answers_or_refuses(name: str) -> None:
    parser, corpus = PARSERS[name]
    for data in inputs(corpus(), random.Random(name), 5 * ROUNDS):
        try:
            parser(data)
        except TapelineError:
            pass
        except Exception as error:
            raise AssertionError(f"{type(error).__name__} for {data[:200].hex()}") from error


def test_the_directory_takes_or_refuses_every_object() -> None:
    state = DirectoryState(pinned_rosters={"acme": world().roster.statement_hash})
    rng = random.Random("directory")
    leaves = [pb.Leaf.FromString(entry) for entry in world().archive.entries]
    objects_ = [(leaf, world().archive.objects[leaf.object_hash]) for leaf in leaves]
    for index, (leaf, obj) in enumerate(objects_):
        for data in inputs([obj], rng, ROUNDS // 8):
            try:
                state.check(leaf.type, data, leaf_time_ms=leaf.relay_time_ms)
            except TapelineError:
                pass
            except Exception as error:
                raise AssertionError(f"{type(error).__name__} for {leaf.type} {data[:200].hex()}") from error
        if leaf.type in DIRECTORY_TYPES:
            state.apply(index, leaf, obj)
        else:
            state.note_leaf(index, leaf)
