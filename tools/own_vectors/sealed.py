"""HPKE's randomness is the library's: what was sealed once is kept, so that the files stay as they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from own_vectors.form import Value
from tapeline.crypto import hpke
from tapeline.crypto.hpke import HpkePublic
from tapeline.wire.v1 import objects_pb2 as pb


class SealedParts:
    """Sealed bytes by `info`, which names recipient and occasion; read from the files that exist."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}

    def learn(self, value: Value) -> None:
        """Take up every object that has `info` and `sealed`, at any depth, and the slots of records and views."""
        if isinstance(value, dict):
            self._learn_slots(value)
            info, sealed = value.get("info"), value.get("sealed")
            if isinstance(info, str) and isinstance(sealed, str):
                self._known[info + str(value.get("variant", ""))] = bytes.fromhex(sealed)
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            self.learn(item)

    def _learn_slots(self, case: dict[str, Value]) -> None:
        if "record" in case:
            record = pb.SessionRecord.FromString(bytes.fromhex(str(case["record"])))
            rows = [*_rows(case["vault_slots"]), *_rows(case["device_slots"])]
            slots = [*record.vault_slots, *record.device_slots]
            self._known.update(zip((str(row["info"]) for row in rows), slots, strict=True))
        if "view" in case:
            (row,) = _rows([case["slot"]])
            self._known[str(row["info"])] = pb.RecordView.FromString(bytes.fromhex(str(case["view"]))).device_slot

    def seal(self, public: HpkePublic, info: bytes, plaintext: bytes, variant: str = "") -> bytes:
        """Return the bytes sealed before under this `info`, or seal now; `variant` parts two under one `info`."""
        name = info.hex() + variant
        if name not in self._known:
            self._known[name] = hpke.seal(public, info, plaintext)
        return self._known[name]

    def row(self, public: HpkePublic, info: bytes, plaintext: bytes, variant: str = "") -> dict[str, Value]:
        """Return what a file keeps of it."""
        sealed = self.seal(public, info, plaintext, variant)
        row: dict[str, Value] = {"info": info.hex(), "plaintext": plaintext.hex(), "sealed": sealed.hex()}
        return {**row, "variant": variant} if variant else row

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Let the code that makes reservations and records seal by these parts."""
        with (
            patch("tapeline.crypto.reservation.seal", self.seal),
            patch("tapeline.crypto.record.seal.seal", self.seal),
        ):
            yield


def _rows(value: Value) -> list[dict[str, Value]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
