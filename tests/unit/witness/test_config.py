"""The witness's file of known logs."""

from __future__ import annotations

import hashlib

from tlog_kit import LOG, ORIGIN, checkpoint_of, leaves, seed

from tapeline.transparency.addcheckpoint import encode_add_checkpoint
from tapeline.transparency.cosignature import Cosigner
from tapeline.transparency.note import Note, NoteSigner, parse_note
from tapeline.transparency.witness import MemoryWitnessStore, Witness
from tapeline.witness.config import parse_logs


def test_a_log_that_is_listed_twice_stands_once_in_the_note() -> None:
    line = LOG.key.encode()
    other = NoteSigner(ORIGIN, seed("another key of the log")).key
    logs = parse_logs(f"{line}\n{other.encode()}\n{line} {ORIGIN}\n{line}\n")
    assert logs == {ORIGIN: (LOG.key, other)}
    witness = Witness(Cosigner("w.example/w", seed("w")), logs, MemoryWitnessStore())
    text = checkpoint_of(leaves(1)).encode()
    note = Note(text, (LOG.sign(text),)).encode()
    assert witness.add_checkpoint(encode_add_checkpoint(0, [], note), 1_700_000_000).status == 200
    kept = witness.monitored(hashlib.sha256(ORIGIN.encode()).hexdigest())
    assert kept is not None
    assert len(parse_note(kept).signatures) == 2  # the log's and the witness's
