from __future__ import annotations

import hashlib

import pytest
from tlog_kit import LOG, ORIGIN, WITNESSES, MemoryTiles, checkpoint_of, leaves, seed

from tapeline.base.rules import Refused, Rule
from tapeline.transparency.addcheckpoint import encode_add_checkpoint, parse_add_checkpoint
from tapeline.transparency.checkpoint import Checkpoint
from tapeline.transparency.cosignature import verify_cosignature
from tapeline.transparency.merkle import EMPTY_ROOT
from tapeline.transparency.note import Note, NoteSigner, parse_note, parse_signatures, verify_note_signature
from tapeline.transparency.proofs import consistency_proof
from tapeline.transparency.witness import MemoryWitnessStore, Witness, WitnessAnswer, Witnessed

KEY = WITNESSES["w1"]
NOW = 1_700_000_000


class Client:
    """A log of 20 leaves that talks to a witness of its own."""

    def __init__(self, store: MemoryWitnessStore | None = None) -> None:
        self.tree = MemoryTiles()
        self.tree.append(leaves(20))
        self.witness = Witness(KEY, {ORIGIN: [LOG.key]}, store or MemoryWitnessStore())

    def body(self, old: int, new: int, *, signer: NoteSigner = LOG, proof: list[bytes] | None = None) -> bytes:
        text = checkpoint_of(leaves(new)).encode()
        hashes = consistency_proof(self.tree, old, new) if proof is None else proof
        return encode_add_checkpoint(old, hashes, Note(text, (signer.sign(text),)).encode())

    def add(self, old: int, new: int, **changes: object) -> WitnessAnswer:
        return self.witness.add_checkpoint(self.body(old, new, **changes), NOW)  # type: ignore[arg-type]


def test_growth_is_cosigned_step_by_step() -> None:
    client, size = Client(), 0
    for new in (0, 1, 7, 7, 20):
        answer = client.add(size, new)
        assert answer.status == 200
        (cosignature,) = parse_signatures(answer.body)
        assert verify_cosignature(checkpoint_of(leaves(new)).encode(), cosignature, KEY.key) == NOW
        size = new


def test_the_monitor_sees_log_signature_and_cosignature_only() -> None:
    client = Client()
    name = hashlib.sha256(ORIGIN.encode()).hexdigest()
    assert client.witness.monitored(name) is None
    text = checkpoint_of(leaves(3)).encode()
    noise = NoteSigner("noise.example", seed("noise")).sign(text)
    body = encode_add_checkpoint(0, [], Note(text, (noise, LOG.sign(text))).encode())
    assert client.witness.add_checkpoint(body, NOW).status == 200
    note = parse_note(client.witness.monitored(name) or b"")
    assert [signature.name for signature in note.signatures] == [LOG.key.name, KEY.key.name]
    verify_note_signature(note, [LOG.key])
    verify_cosignature(note.text, note.signatures[1], KEY.key)
    assert client.witness.monitored("00" * 32) is None


def test_a_wrong_old_size_is_told_the_right_one() -> None:
    client = Client()
    client.add(0, 7)
    for old, new in [(0, 20), (3, 20), (8, 20), (0, 3), (3, 7), (9, 9)]:
        answer = client.add(old, new)
        assert (answer.status, answer.body, answer.content_type) == (409, b"7\n", "text/x.tlog.size")


@pytest.mark.parametrize("body", [b"", b"old 0\n\n", b"old 00\n\nx", b"\n\n"])
def test_a_malformed_request_is_400(body: bytes) -> None:
    assert Client().witness.add_checkpoint(body, NOW).status == 400


def test_statuses_of_tlog_witness() -> None:
    client = Client()
    stranger = NoteSigner("stranger.example", seed("stranger"))
    elsewhere = Checkpoint("elsewhere.example", 1, bytes(32)).encode()
    unknown = encode_add_checkpoint(0, [], Note(elsewhere, (stranger.sign(elsewhere),)).encode())
    assert client.witness.add_checkpoint(unknown, NOW).status == 404
    assert client.add(0, 5, signer=NoteSigner(ORIGIN, seed("impostor"))).status == 403
    assert client.add(0, 5, signer=stranger).status == 403
    text = checkpoint_of(leaves(5)).encode()
    spoiled = Note(text, (LOG.sign(text), LOG.sign(text + b"x\n"))).encode()
    assert client.witness.add_checkpoint(encode_add_checkpoint(0, [], spoiled), NOW).status == 403
    assert client.add(6, 5, proof=[]).status == 400
    assert client.add(0, 5, proof=[bytes(32)]).status == 422
    assert client.add(0, 5).status == 200
    assert client.add(5, 9, proof=[]).status == 422
    assert client.add(5, 9, proof=[bytes(32)]).status == 422
    fork = Checkpoint(ORIGIN, 5, bytes(32)).encode()
    forked = encode_add_checkpoint(5, [], Note(fork, (LOG.sign(fork),)).encode())
    assert client.witness.add_checkpoint(forked, NOW).status == 422
    assert client.add(5, 9).status == 200


def test_an_empty_log_has_the_empty_root() -> None:
    for root, status in [(bytes(32), 422), (EMPTY_ROOT, 200)]:
        text = Checkpoint(ORIGIN, 0, root).encode()
        body = encode_add_checkpoint(0, [], Note(text, (LOG.sign(text),)).encode())
        assert Client().witness.add_checkpoint(body, NOW).status == status


def test_a_request_that_was_overtaken_does_not_roll_back() -> None:
    """The race at the end of tlog-witness, add-checkpoint, played between check and store."""
    store = MemoryWitnessStore()
    slow = Client(store)

    class Overtaken(MemoryWitnessStore):
        def latest(self, origin: str) -> Witnessed | None:
            seen = store.latest(origin)
            if seen is not None and seen.size == 5:
                assert slow.add(5, 20).status == 200
            return seen

        def compare_and_set(self, origin: str, old: Witnessed | None, new: Witnessed) -> bool:
            return store.compare_and_set(origin, old, new)

    assert slow.add(0, 5).status == 200
    answer = Client(Overtaken()).add(5, 9)
    assert (answer.status, answer.body) == (409, b"20\n")
    latest = store.latest(ORIGIN)
    assert latest is not None
    assert latest.size == 20


@pytest.mark.rule(Rule.NOTE_SYNTAX)
@pytest.mark.parametrize(
    "head",
    ["", "old", "old ", "old -1", "old 01", "Old 0", "old 0\nAAAA", "old 0\n=", "old 0 ",
     "old 0\n" + "\n".join(["A" * 43 + "="] * 64), "old ٠", "old 9223372036854775808"],
)  # fmt: skip
def test_a_malformed_head_is_refused(head: str) -> None:
    text = checkpoint_of(leaves(2)).encode()
    with pytest.raises(Refused) as refusal:
        parse_add_checkpoint(head.encode() + b"\n\n" + Note(text, (LOG.sign(text),)).encode())
    assert refusal.value.rule is Rule.NOTE_SYNTAX


@pytest.mark.rule(Rule.NOTE_SYNTAX)
def test_a_request_is_measured_before_it_is_cut() -> None:
    with pytest.raises(Refused, match="request is too large"):
        parse_add_checkpoint(b"old 0\n" * 100_000)


def test_answers_reflect_nothing() -> None:
    body = Client().body(0, 5).replace(b"old 0", b"old <script>")
    assert b"script" not in Client().witness.add_checkpoint(body, NOW).body


# --- a memory that went back ------------------------------------------------------------------------------------------


def own_word(size: int) -> bytes:
    """Return a note of the log that this witness cosigned."""
    text = checkpoint_of(leaves(size)).encode()
    return Note(text, (LOG.sign(text), KEY.cosign(text, NOW - 60))).encode()


def presented(client: Client, old: int, size: int, note: bytes) -> WitnessAnswer:
    proof = consistency_proof(client.tree, old, size) if old else []
    return client.witness.add_checkpoint(encode_add_checkpoint(old, proof, note), NOW)


@pytest.mark.parametrize("remembered", [0, 7])
def test_a_witness_that_went_back_notices_by_its_own_word_and_cosigns_no_more(remembered: int) -> None:
    client = Client()
    if remembered:
        assert client.add(0, remembered).status == 200
    assert presented(client, remembered, 12, own_word(12)).status == 503
    assert client.add(remembered, 20).status == 503
    assert "older" in client.witness.trouble()


def test_an_operator_lets_it_catch_up_from_its_memory_consistently() -> None:
    client = Client()
    assert client.add(0, 7).status == 200
    client.witness = Witness(KEY, {ORIGIN: [LOG.key]}, client.witness._store, accept_older=True)
    other = checkpoint_of([b"other", *leaves(11)]).encode()
    fork = Note(other, (LOG.sign(other), KEY.cosign(other, NOW - 60))).encode()
    assert presented(client, 7, 12, fork).status == 422
    assert presented(client, 7, 12, own_word(12)).status == 200
    assert client.add(12, 20).status == 200
    assert client.witness.trouble() == ""


def test_two_histories_of_one_size_under_its_own_word_end_its_cosigning() -> None:
    client = Client()
    assert client.add(0, 12).status == 200
    other = checkpoint_of([b"other", *leaves(11)]).encode()
    fork = Note(other, (LOG.sign(other), KEY.cosign(other, NOW - 60))).encode()
    assert client.witness.add_checkpoint(encode_add_checkpoint(12, [], fork), NOW).status == 503
    assert client.add(12, 20).status == 503


def test_nobody_elses_word_makes_it_doubt_its_memory() -> None:
    client = Client()
    assert client.add(0, 7).status == 200
    text = checkpoint_of(leaves(12)).encode()
    good = KEY.cosign(text, NOW - 60)
    broken = type(good)(good.name, good.key_id, good.value[:-1] + bytes([good.value[-1] ^ 1]))
    for line in (WITNESSES["w2"].cosign(text, NOW - 60), broken):
        note = Note(text, (LOG.sign(text), line)).encode()
        assert presented(client, 7, 12, note).status in {200, 409}
    assert client.witness.trouble() == ""
