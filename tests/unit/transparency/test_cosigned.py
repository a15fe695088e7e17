from __future__ import annotations

import dataclasses

import pytest
from tlog_kit import LOG, ORIGIN, WITNESSES, checkpoint_of, leaves, policy, seed, signed

from tapeline.base.rules import Refused, Rule
from tapeline.transparency.checkpoint import Checkpoint
from tapeline.transparency.cosigned import CosignedCheckpoint, median_time, verify_cosigned
from tapeline.transparency.note import Note, NoteSignature, NoteSigner, parse_note
from tapeline.transparency.policy import parse_policy

TIMES = {"w1": 100, "w2": 300, "w3": 200}
HEAD = checkpoint_of(leaves(5))


def _verify(note: bytes, quorum: str = "group q 2 w1 w2 w3") -> CosignedCheckpoint:
    return verify_cosigned(note, policy(quorum), log_origin=ORIGIN)


def test_a_cosigned_checkpoint_tells_root_and_time() -> None:
    note = signed(HEAD, TIMES)
    cosigned = _verify(note)
    assert (cosigned.raw, cosigned.origin, cosigned.size, cosigned.root) == (note, ORIGIN, 5, HEAD.root)
    assert cosigned.median_time_ms == 200_000
    assert cosigned.witness_times == TIMES


def test_unknown_cosigners_count_nothing() -> None:
    parsed = parse_note(signed(HEAD, TIMES))
    stranger = NoteSignature("stranger.example", b"1234", b"anything")
    cosigned = _verify(Note(parsed.text, (*parsed.signatures, stranger, stranger)).encode())
    assert cosigned.witness_times == TIMES


def test_only_verification_makes_one() -> None:
    cosigned = _verify(signed(HEAD, TIMES))
    with pytest.raises(TypeError):
        CosignedCheckpoint(b"", ORIGIN, 1, bytes(32), 1, {"w1": 1})
    with pytest.raises((TypeError, ValueError)):
        dataclasses.replace(cosigned, size=6)
    with pytest.raises(dataclasses.FrozenInstanceError):
        cosigned.size = 6  # type: ignore[misc]


@pytest.mark.parametrize("honest", [[1000], [1000, 1007], [1000, 1003, 1007], [990, 1000, 1001, 1002]])
@pytest.mark.parametrize("wrong", [1, 10**12])
def test_fewer_than_half_cannot_drag_the_median(honest: list[int], wrong: int) -> None:
    for liars in range(len(honest)):
        assert min(honest) <= median_time(honest + [wrong] * liars) <= max(honest)


def test_the_median_of_an_even_number_is_the_lower_one() -> None:
    assert median_time([4, 1, 3, 2]) == 2


@pytest.mark.rule(Rule.NOTE_QUORUM)
@pytest.mark.parametrize("names", [[], ["w1"], ["w3"]])
def test_too_few_witnesses_are_refused(names: list[str]) -> None:
    with pytest.raises(Refused) as refusal:
        _verify(signed(HEAD, {name: TIMES[name] for name in names}))
    assert refusal.value.rule is Rule.NOTE_QUORUM


@pytest.mark.rule(Rule.NOTE_QUORUM)
@pytest.mark.parametrize("far", [1_000 - 601, 1_000 + 601])
def test_those_who_tell_the_time_are_a_quorum_by_themselves(far: int) -> None:
    """Two witnesses of one company date a checkpoint as they like, beside a third's cosignature of another time."""
    both = "group company any w1 w2\ngroup q all company w3"
    for times in ({"w1": 1_000, "w2": 1_000, "w3": far}, {"w1": 1_000, "w3": far}):
        with pytest.raises(Refused) as refusal:
            _verify(signed(HEAD, times), both)
        assert refusal.value.rule is Rule.NOTE_QUORUM
    # A wrong clock beyond the quorum stops nothing, and 10 minutes are still agreement.
    assert _verify(signed(HEAD, {"w1": 1_000, "w2": far, "w3": 1_000}), both).median_time_ms == 1_000_000
    near = 1_000 + (600 if far > 1_000 else -600)
    assert _verify(signed(HEAD, {"w1": 1_000, "w2": 1_000, "w3": near}), both).median_time_ms == 1_000_000


@pytest.mark.rule(Rule.NOTE_QUORUM)
def test_a_policy_without_a_quorum_gives_no_time() -> None:
    nobody = parse_policy(f"log {LOG.key.encode()}\nquorum none\n".encode())
    with pytest.raises(Refused) as refusal:
        verify_cosigned(signed(HEAD, TIMES), nobody, log_origin=ORIGIN)
    assert refusal.value.rule is Rule.NOTE_QUORUM


@pytest.mark.rule(Rule.NOTE_SIGNATURE)
def test_what_the_log_did_not_sign_is_refused() -> None:
    parsed = parse_note(signed(HEAD, TIMES))
    later = checkpoint_of(leaves(6))
    cases = {
        "no log": Note(parsed.text, parsed.signatures[1:]).encode(),
        "another log's key": signed(HEAD, TIMES, NoteSigner(ORIGIN, seed("other"))),
        "another origin": signed(Checkpoint("log.example/other", 5, HEAD.root), TIMES),
        "another tree": Note(later.encode(), parsed.signatures).encode(),
        "a broken witness beside a quorum": Note(
            parsed.text, (*parsed.signatures[:3], NoteSignature(*_name(parsed.signatures[3]), bytes(72)))
        ).encode(),
    }
    for note in cases.values():
        with pytest.raises(Refused) as refusal:
            _verify(note)
        assert refusal.value.rule is Rule.NOTE_SIGNATURE


@pytest.mark.rule(Rule.NOTE_SYNTAX)
def test_a_witness_does_not_vote_twice() -> None:
    parsed = parse_note(signed(HEAD, TIMES))
    again = WITNESSES["w1"].cosign(parsed.text, 10**9)
    with pytest.raises(Refused) as refusal:
        _verify(Note(parsed.text, (*parsed.signatures, again)).encode())
    assert refusal.value.rule is Rule.NOTE_SYNTAX


def _name(signature: NoteSignature) -> tuple[str, bytes]:
    return signature.name, signature.key_id
