"""The session record: hashes, proof, what can be judged of it alone, and opening (protocol, sections 4 and 10)."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Any

from . import Refusal, demand
from .edwards import G_HAT, IDENTITY, B, Point, hash_to_scalar, point, scalar, signed_as
from .hashing import H, listed, lp, u64
from .hpke import open_sealed
from .proofs import equality_holds
from .wire import opened, parse


@dataclass
class Keys:
    """What a judge takes from the directory: Ed25519 keys, and which point belongs to which id."""

    device_key: bytes
    vault_signers: list[bytes]
    escrow: list[tuple[str, bytes, bytes, bytes]]  # firm, key id, E, V key id; one for each firm, sorted
    prekeys: dict[bytes, bytes]  # prekey hash → P


def escrow_row(row: dict[str, Any]) -> bytes:
    return lp(row["firm"].encode()) + row["key_id"] + row["point"] + row["sealed"]


def device_row(row: dict[str, Any]) -> bytes:
    return bytes(row["prekey"] + row["point"] + row["sealed"])


def shard_hash(shard: dict[str, Any]) -> bytes:
    return H("shard", u64(shard["number"]), listed(map(device_row, shard["rows"])), listed(shard["slot_hashes"]))


class Header:
    """A parsed header with its recomputed hashes."""

    def __init__(self, data: bytes) -> None:
        self.fields = parse("SessionHeader", data)
        self.context = parse("Context", self.fields["context"])
        self.receipts = [receipt["bytes"] for receipt in self.fields["receipts"]]
        self.reservation, self.reserved = opened("Reservation", self.fields["reservation"]["bytes"])
        self.c0, self.c0_hat = point(self.fields["c0"]), point(self.fields["c0_hat"])
        self.escrow = self.fields["escrow_rows"]
        for row in self.escrow:
            point(row["point"]), point(row["sealed"])

    @property
    def reservation_hash(self) -> bytes:
        return H("reservation", self.reservation["body"])

    @property
    def _bound(self) -> tuple[bytes, ...]:
        rows, shards = listed(map(escrow_row, self.escrow)), listed(self.fields["shard_hashes"])
        return self.fields["context"], self.fields["cq"], listed(self.receipts), rows, shards

    @property
    def label(self) -> bytes:
        return H("label", *self._bound)

    @property
    def record_hash(self) -> bytes:
        context, cq, receipts, rows, shards = self._bound
        c0, c0_hat, proofs = self.fields["c0"], self.fields["c0_hat"], listed(self.fields["proofs"])
        return H("record", context, cq, receipts, c0, c0_hat, rows, shards, self.label, proofs)

    def commitments(self, shard: dict[str, Any]) -> list[Point]:
        """T_1 … T_k of the shard's proof."""
        proof = self.fields["proofs"][shard["number"]]
        c, z = scalar(proof[:32]), scalar(proof[32:])
        e1, c_e1 = point(self.escrow[0]["point"]), point(self.escrow[0]["sealed"])
        relations = [(B, self.c0), (G_HAT, self.c0_hat)]
        for row in [*self.escrow[1:], *shard["rows"]]:
            relations.append((point(row["point"]) - e1, point(row["sealed"]) - c_e1))
        demand(all(IDENTITY not in relation for relation in relations), "REC-9")
        return [z * base - c * image for base, image in relations]

    def challenge(self, shard: dict[str, Any], commitments: list[Point]) -> int:
        return hash_to_scalar(
            "proof", B.encode(), G_HAT.encode(), self.label, self.fields["c0"], self.fields["c0_hat"],
            listed(map(escrow_row, self.escrow)), listed(map(device_row, shard["rows"])),
            listed(one.encode() for one in commitments),
        )  # fmt: skip

    def verify_proof(self, shard: dict[str, Any]) -> None:
        try:
            commitments = self.commitments(shard)
        except Refusal as refusal:
            raise Refusal("REC-9") from refusal
        claimed = int.from_bytes(self.fields["proofs"][shard["number"]][:32], "little")
        demand(IDENTITY not in commitments and self.challenge(shard, commitments) == claimed, "REC-9")


def _judge_header(header: Header, keys: Keys) -> list[bytes]:
    """Escrow rows, signatures, receipts; return the slot hashes that the receipts name."""
    context = header.context
    demand(signed_as(keys.device_key, "record", header.record_hash, header.fields["signature"]), "REC-11")
    firms = [firm for firm, *_ in keys.escrow]
    demand(context["firms"] == firms == [row["firm"] for row in header.escrow], "REC-3")
    for row, named, (_, key_id, e, _) in zip(header.escrow, context["escrow_key_ids"], keys.escrow, strict=True):
        demand(row["key_id"] == named == key_id, "REC-4")
        demand(row["point"] == e, "REC-10")
    demand(context["v_key_ids"] == [v_key_id for *_, v_key_id in keys.escrow], "REC-19")
    reserved = header.reserved
    shared = ("suite", "deployment", "firms", "sender_device", "session_id")
    demand(all(reserved[name] == context[name] for name in shared), "RES-1")
    signature = header.reservation["signature"]
    demand(signed_as(keys.device_key, "reservation", header.reservation["body"], signature), "SIG-1")
    demand(len(header.receipts) == len(firms), "RCP-3")
    return [
        _judge_receipt(receipt, header, signer, v_key_id)
        for receipt, signer, (*_, v_key_id) in zip(header.receipts, keys.vault_signers, keys.escrow, strict=True)
    ]


def _judge_receipt(receipt: bytes, header: Header, signer: bytes, v_key_id: bytes) -> bytes:
    signed, body = opened("Receipt", receipt)
    named = (body["reservation"], body["v_key_id"], body["cq"])
    demand(named == (header.reservation_hash, v_key_id, header.fields["cq"]), "RCP-1")
    demand(signed_as(signer, "receipt", signed["body"], signed["signature"]), "RCP-2")
    return bytes(body["slot_hash"])


def _judge_shards(header: Header, shards: list[dict[str, Any]], keys: Keys) -> None:
    hashes = header.fields["shard_hashes"]
    for shard in shards:
        least = 64 if shard["number"] < len(hashes) - 1 else min(1, len(hashes) - 1)
        sound = shard["number"] < len(hashes) == len(header.fields["proofs"])
        demand(sound and least <= len(shard["rows"]) == len(shard["slot_hashes"]) <= 64, "REC-8")
        demand(shard_hash(shard) == hashes[shard["number"]], "REC-20")
    rows = [row for shard in shards for row in shard["rows"]]
    names = [row["prekey"] for row in rows]
    demand(names == sorted(set(names)), "REC-8")
    for row in rows:
        point(row["point"]), point(row["sealed"])
        demand(keys.prekeys.get(row["prekey"], row["point"]) == row["point"], "REC-10")
    points = [row["point"] for row in [*header.escrow, *rows]]
    demand(len(points) == len(set(points)), "PRE-5")
    for shard in shards:
        header.verify_proof(shard)


def verify_record(data: bytes, keys: Keys) -> tuple[Header, list[dict[str, Any]]]:
    """A whole record, as far as it can be judged without the log."""
    record = parse("SessionRecord", data)
    header, shards = Header(record["header"]), [parse("Shard", shard) for shard in record["shards"]]
    receipted = _judge_header(header, keys)
    demand([H("vault-slot-bytes", slot) for slot in record["vault_slots"]] == receipted, "VLT-2")
    demand([shard["number"] for shard in shards] == list(range(len(header.fields["shard_hashes"]))), "REC-8")
    listed_slots = [one for shard in shards for one in shard["slot_hashes"]]
    demand([H("slot-bytes", slot) for slot in record["device_slots"]] == listed_slots, "REC-20")
    _judge_shards(header, shards, keys)
    return header, shards


def verify_view(data: bytes, keys: Keys) -> tuple[Header, dict[str, Any], bytes]:
    """A recipient's view: header, its row, its slot."""
    view = parse("RecordView", data)
    header, shard = Header(view["header"]), parse("Shard", view["shard"])
    _judge_header(header, keys)
    demand(view["row"] < len(shard["rows"]), "REC-21")
    demand(H("slot-bytes", view["device_slot"]) == shard["slot_hashes"][view["row"]], "REC-20")
    _judge_shards(header, [shard], keys)
    return header, shard["rows"][view["row"]], view["device_slot"]


def open_row(header: Header, row: dict[str, Any], slot: bytes, p: bytes, seed: bytes) -> tuple[bytes, bytes]:
    """M and q with the two secrets of the row's prekey."""
    m = point(row["sealed"]) - scalar(p) * header.c0
    demand(m != IDENTITY, "OPN-1")
    q = open_sealed(seed, H("slot", header.fields["context"], row["prekey"]), slot)
    require_q(header, q)
    assert q is not None
    return m.encode(), q


def require_q(header: Header, q: bytes | None) -> None:
    demand(q is not None and H("hybrid", q, header.reservation_hash) == header.fields["cq"], "OPN-2")


def open_vault_slot(seed: bytes, v_key_id: bytes, reservation_hash: bytes, slot: bytes, cq: bytes) -> bytes:
    q = open_sealed(seed, H("vault-slot", reservation_hash, v_key_id), slot)
    demand(q is not None and len(q) == 32 and H("hybrid", q, reservation_hash) == cq, "VLT-1")
    assert q is not None
    return q


def session_root(m: bytes, q: bytes, record_hash: bytes) -> bytes:
    prk = hmac.digest(record_hash, m + q, "sha512")
    return hmac.digest(prk, b"tapeline/v1/root\x01", "sha512")


def verify_opening_proof(header: Header, row: dict[str, Any] | None, m: bytes, proof: bytes) -> None:
    """By a recipient, with its row; or, without one, by the sender."""
    binding = [header.record_hash]
    if row is not None:
        y, g, d = point(row["point"]), header.c0, point(row["sealed"]) - point(m)
    else:
        first = header.escrow[0]
        y, g, d = header.c0, point(first["point"]), point(first["sealed"]) - point(m)
    demand(d != IDENTITY and equality_holds("opening", y, g, d, binding, proof), "OPN-1")
