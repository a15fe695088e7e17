"""A thief of a revoked device, with the relay's help, wants to write on: into the session that the device had open.

The relay is the one who should refuse; so workspace and auditor judge the end by the leaves, each for itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from audit_kit import Deployment, busy_deployment
from gov_kit import T0, make_certificate, sign, sign_certificate
from review_kit import Talk, content, make_talk, shown

from tapeline.audit.auditor import audit
from tapeline.audit.report import Report
from tapeline.base.rules import Rule
from tapeline.base.times import HOUR, MINUTE
from tapeline.cli.copyfolder import open_copy
from tapeline.crypto.ids import object_hash
from tapeline.crypto.membership import sign_statement
from tapeline.crypto.prekey_secret import make_prekey
from tapeline.governance.revocation import Revocation
from tapeline.review.exporting import export_jsonl
from tapeline.wire.v1 import objects_pb2 as pb
from tapeline.wire.v1.content_pb2 import Text

OFFICERS = ("acme/olga", "acme/omar")


def revoked(talk: Talk) -> None:
    lost = Revocation("device", talk.matter.ann.device.entry_hash.hex(), "", "stolen", T0)
    talk.matter.archive.publish(pb.LEAF_TYPE_REVOCATION, sign(lost, *OFFICERS))


def members(talk: Talk) -> None:
    kit, ann = talk.matter.archive, talk.matter.ann
    kit.enrol("cid")
    people = [("acme", name) for name in ("ann", "ben", "cid")]
    statement = kit.statement(people, talk.matter.membership, signer=ann.device.entry_hash)
    kit.publish(pb.LEAF_TYPE_MEMBERSHIP, sign_statement(ann.key, statement))


def prekey(talk: Talk) -> None:
    talk.matter.archive.renew(talk.matter.ann)


def epoch(talk: Talk) -> None:
    kit = talk.matter.archive
    kit.publish(pb.LEAF_TYPE_CERTIFICATE, sign_certificate(make_certificate(kit.rosters["acme"], epoch=2)))


def joined(talk: Talk) -> None:
    talk.matter.archive.enrol("ben", number=2)
    talk.matter.archive.now_ms += MINUTE


def time_over(talk: Talk) -> None:
    talk.matter.archive.now_ms += HOUR


ENDS = [revoked, members, prekey, epoch, joined, time_over]


@pytest.fixture
def talk() -> Talk:
    return make_talk()


@pytest.mark.rule(Rule.MSG_SESSION)
@pytest.mark.parametrize("end", ENDS)
def test_the_workspace_shows_such_a_message_and_finds_it(talk: Talk, end: Callable[[Talk], None]) -> None:
    before = talk.judged()
    assert before.complete, before.findings
    end(talk)
    talk.say(talk.chain, content(text=Text(text="not by me")))
    judged = talk.judged()
    assert (judged.read, judged.complete, len(judged.findings)) == (5, False, 1)
    assert "message 4: The session is over" in judged.findings[0]
    rows = [json.loads(line) for line in export_jsonl(shown(talk)).splitlines()[1:]]
    assert [bool(row["remarks"]) for row in rows] == [False, False, False, False, True]
    assert rows[-1]["body"]["text"] == "not by me"


def test_what_came_before_the_end_stays_as_it_was(talk: Talk) -> None:
    revoked(talk)
    assert talk.judged().complete


def audited(world: Deployment, folder: Path) -> Report:
    return audit(open_copy(world.write(folder)))


def revoke_device(world: Deployment) -> None:
    lost = Revocation("device", world.users["ann"].device.entry_hash.hex(), "", "stolen", world.now)
    world.publish(lost, "officer")


def renew_prekey(world: Deployment) -> None:
    ann = world.users["ann"]
    obj, _ = make_prekey(ann.key, ann.device, 2, world.now + HOUR, world.rng)
    world.directory(pb.LEAF_TYPE_PREKEY, obj, object_hash("prekey", pb.SignedObject.FromString(obj).body))


@pytest.mark.rule(Rule.MSG_SESSION)
@pytest.mark.parametrize("end", [revoke_device, renew_prekey])
def test_the_auditor_reports_such_a_message(tmp_path: Path, end: Callable[[Deployment], None]) -> None:
    world = Deployment("after the end")
    for name in ("ann", "ben"):
        world.enrol(name)
    talk = world.open("ann", world.converse("ann", "ben"))
    world.say(talk, "in time")
    end(world)
    late = world.say(talk, "not by me")
    found = audited(world, tmp_path).findings
    assert [(one.rule, late[:8].hex() in one.where) for one in found] == [(Rule.MSG_SESSION.id, True)]


def test_the_auditor_reports_nothing_of_an_honest_archive(tmp_path: Path) -> None:
    world = busy_deployment("honest")
    world.enrol("dora")
    assert audited(world, tmp_path).findings == ()
