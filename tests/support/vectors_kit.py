"""Reading Tapeline's own vectors: hex becomes bytes, splices are applied, and the directory's facts are rebuilt."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from tapeline.base.rules import Refused
from tapeline.base.secret import Secret
from tapeline.crypto.device import EnrollerView, verify_device_entry
from tapeline.crypto.group import Point, Scalar
from tapeline.crypto.hpke_open import HpkePrivate
from tapeline.crypto.membership import VerifiedMembership, verify_statement
from tapeline.crypto.prekey import verify_prekey
from tapeline.crypto.prekey_secret import PrekeySecret
from tapeline.crypto.record.facts import DeviceFact, EscrowFact, Facts, PrekeyFact

FOLDER = Path(__file__).resolve().parent.parent / "vectors/data/tapeline-v1"
T0 = 1_800_000_000_000
FAR = 2**62


@lru_cache
def load(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return document


def cases(name: str, part: str = "cases", **wanted: object) -> list[Any]:
    """The cases as parameters; `wanted` keeps those that have a field of that name (True) or lack it (False)."""
    return [
        pytest.param(case, id=case["name"])
        for case in load(name)[part]
        if all((field in case) is present for field, present in wanted.items())
    ]


def un(text: str) -> bytes:
    return bytes.fromhex(text)


def uns(texts: list[str]) -> list[bytes]:
    return [un(text) for text in texts]


def spliced(base: bytes, splices: list[list[Any]]) -> bytes:
    for at, cut, insert in splices:
        base = base[:at] + un(insert) + base[at + cut :]
    return base


def named(document: str, name: str) -> dict[str, Any]:
    return next(case for case in load(document)["cases"] if case["name"] == name)


def refusal(call: Any, *arguments: Any, **options: Any) -> str:
    """The id of the rule under which the code refuses."""
    with pytest.raises(Refused) as caught:
        call(*arguments, **options)
    return caught.value.rule.id


def device_fact(name: str) -> DeviceFact:
    case, document = named("directory", name), load("directory")
    firm = "bolt" if name.startswith("cora") else "acme"
    view = EnrollerView(un(document["deployment"]), firm, un(document["enrollers"][firm]))
    device = verify_device_entry(un(case["entry"]), view)
    return DeviceFact(device, 10, (PrekeyFact(verify_prekey(un(case["prekey"]), device), 20, None),), None)


def secret_of(name: str) -> PrekeySecret:
    case = named("directory", name)
    return PrekeySecret(Scalar.decode(un(case["p"])), Secret(un(case["hpke_seed"])))


def vault_of(firm: str) -> HpkePrivate:
    return HpkePrivate.from_seed(Secret(un(named("ceremony", firm)["v_seed"])))


def escrow_fact(firm: str) -> EscrowFact:
    case = named("ceremony", firm)
    return EscrowFact(
        firm=firm, key_id=un(case["escrow_key_id"]), point=Point.decode(un(case["escrow_key"])),
        v_key_id=un(case["v_key_id"]), v_public=vault_of(firm).public(), retention_class=case["retention_class"],
        epoch=case["epoch"], active_from_ms=0, not_after_ms=FAR, certificate_hash=bytes(64), leaf_index=3,
        superseded=False, revoked_index=None, vault_signer=un(case["vault_signer"]),
    )  # fmt: skip


def membership(name: str) -> VerifiedMembership:
    signer = device_fact("ann-1").device.device_key
    return verify_statement(un(named("directory", name)["statement"]), signer_key=signer, previous=None)


def facts(statement: str = "genesis", **changes: Any) -> Facts:
    """What the directory would state for a record of that conversation."""
    conversation = membership(statement)
    stated = {**load("records")["facts"], **changes}
    devices = [device_fact(name) for name in ("ann-1", "ben-1", "ben-2", "cora-1")]
    return Facts(
        deployment=un(load("directory")["deployment"]), archive_note=stated["note"].encode(),
        note_size=stated["note_size"], note_time_ms=stated["note_time_ms"],
        directory_leaves=stated["directory_leaves"], leaf_index=stated["leaf_index"],
        leaf_time_ms=stated["leaf_time_ms"], membership=conversation,
        membership_leaf_index=stated["membership_leaf_index"], newest_membership=conversation.statement_hash,
        sender=devices[0], devices=tuple(one for one in devices if one.person in conversation.people),
        escrow=tuple(escrow_fact(firm) for firm, _ in conversation.firms),
    )  # fmt: skip
