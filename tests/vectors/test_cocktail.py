"""COCKTAIL-DKG: the published vectors of COCKTAIL(Ed25519, SHA-512), matched whole, every intermediate value."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tapeline.base.times import Rng
from tapeline.crypto.cocktail import schnorr
from tapeline.crypto.cocktail.certificate import sign_transcript, verify_certificate
from tapeline.crypto.cocktail.deal import deal
from tapeline.crypto.cocktail.framing import frame
from tapeline.crypto.cocktail.recovery import recover
from tapeline.crypto.cocktail.round1 import Round1Message, possession_message
from tapeline.crypto.cocktail.round2 import Outcome, receive
from tapeline.crypto.cocktail.setup import Setup
from tapeline.crypto.cocktail.suite import SUITE_ID, hash_to_scalar
from tapeline.crypto.cocktail.transcript import Transcript
from tapeline.crypto.group import Scalar

COUNT = 4


class Ceremony:
    """One published ceremony, run again by our code from the published seed."""

    def __init__(self, document: dict[str, Any], vector: dict[str, Any]) -> None:
        self.vector = vector
        self.prefix = b"".join(
            (bytes.fromhex(document["seed"]), SUITE_ID, *(vector[k].to_bytes(4, "little") for k in ("t", "n")))
        )
        self.secrets = {i: self._scalar(f"static_secret_key_{i}") for i in range(1, vector["n"] + 1)}
        host_keys = tuple(secret.base_mul() for secret in self.secrets.values())
        self.setup = Setup(bytes.fromhex(vector["session_tag"]), vector["t"], host_keys)
        self.payloads = [bytes.fromhex(payload) for payload in vector.get("payloads") or [""] * vector["n"]]
        self.messages = {i: self._deal(i) for i in self.setup.indices}
        self.extension = bytes.fromhex(vector["extension"])

    def derive(self, label: str, suffix: bytes = b"") -> bytes:
        return hashlib.sha512(self.prefix + label.encode() + suffix).digest()

    def _scalar(self, label: str) -> Scalar:
        return Scalar.wide(self.derive(label))

    def stream(self, index: int) -> Rng:
        """The RNG stream of a label: one hash for each 64 bytes, with a counter."""
        blocks = (self.derive(f"round1_participant_{index}", k.to_bytes(8, "little")) for k in range(1000))

        def rng(count: int) -> bytes:
            assert count == 64
            return next(blocks)

        return rng

    def _deal(self, index: int) -> Round1Message:
        payloads = dict.fromkeys(self.setup.indices, self.payloads[index - 1])
        return deal(self.setup, self.secrets[index], self.stream(index), payloads)

    def outcomes(self) -> Iterator[Outcome]:
        for secret in self.secrets.values():
            yield receive(self.setup, secret, self.messages, self.extension)


@pytest.fixture(scope="module", params=range(COUNT))
def ceremony(request: pytest.FixtureRequest, shared_dir: Path) -> Ceremony:
    document = json.loads((shared_dir / "vectors/cocktail-dkg-ed25519-sha512.json").read_text())
    assert document["ciphersuite"].encode() == SUITE_ID
    assert len(document["vectors"]) == COUNT
    return Ceremony(document, document["vectors"][request.param])


def hexes(points: Any) -> list[str]:
    return [point.encode().hex() for point in points]


def test_setup(ceremony: Ceremony) -> None:
    config = ceremony.vector["config"]
    assert [secret.to_bytes().hex() for secret in ceremony.secrets.values()] == config["static_secret_keys"]
    assert hexes(ceremony.setup.host_keys) == config["static_public_keys"]
    assert ceremony.setup.context.hex() == ceremony.vector["context"]


def test_payload_extension_is_the_recommended_hash(ceremony: Ceremony) -> None:
    if not ceremony.vector.get("payloads"):
        assert ceremony.extension == b""
        return
    for index, payload in enumerate(ceremony.payloads, 1):
        assert ceremony.derive(f"payload_{index}")[: len(payload)] == payload
    parts = (len(p).to_bytes(8, "little") + p for p in ceremony.payloads)
    assert hashlib.sha512(len(ceremony.payloads).to_bytes(8, "little") + b"".join(parts)).digest() == ceremony.extension


def test_round1_messages(ceremony: Ceremony) -> None:
    for index, expected in enumerate(ceremony.vector["round1"], 1):
        message = ceremony.messages[index]
        assert expected["participant_id"] == index
        assert hexes(message.commitments) == expected["vss_commitment"]
        assert message.ephemeral.encode().hex() == expected["ephemeral_public_key"]
        assert message.possession.hex() == expected["pop"]
        assert [c.hex() for c in message.ciphertexts] == expected["encrypted_shares"]
        assert Round1Message.decode(message.encode(), ceremony.setup, index) == message


def test_proof_of_possession_step_by_step(ceremony: Ceremony) -> None:
    for index, expected in enumerate(ceremony.vector["round1"], 1):
        steps = expected["pop_intermediate"]
        message = ceremony.messages[index]
        constant_term = Scalar.random(ceremony.stream(index))
        signed = possession_message(ceremony.setup.context, message.commitments, message.ephemeral)
        assert signed.hex() == steps["message"]
        assert schnorr.nonce_input(constant_term, signed).hex() == steps["nonce_input"]
        nonce = hash_to_scalar(bytes.fromhex(steps["nonce_input"]))
        assert nonce.to_bytes().hex() == steps["nonce"]
        assert nonce.base_mul().encode().hex() == steps["nonce_commitment"]
        challenged = schnorr.challenge_input(nonce.base_mul().encode(), message.commitments[0], signed)
        assert challenged.hex() == steps["challenge_input"]
        assert hash_to_scalar(challenged).to_bytes().hex() == steps["challenge"]


def test_round2_shares(ceremony: Ceremony) -> None:
    for outcome, expected in zip(ceremony.outcomes(), ceremony.vector["round2"], strict=True):
        assert outcome.share.index == expected["participant_id"]
        assert outcome.share.secret.to_bytes().hex() == expected["secret_share"]
        assert outcome.share.public.encode().hex() == expected["verification_share"]
        assert outcome.transcript.group_key.encode().hex() == ceremony.vector["group_public_key"]
        assert list(outcome.payloads.values()) == ceremony.payloads
        assert hexes(outcome.transcript.verification_shares()) == [
            entry["verification_share"] for entry in ceremony.vector["round2"]
        ]


def test_round3_certificate(ceremony: Ceremony) -> None:
    transcript = Transcript.of(ceremony.setup, ceremony.messages, ceremony.extension)
    expected = ceremony.vector["round3"]
    assert transcript.digest().hex() == expected["transcript_hash"]
    assert Transcript.decode(transcript.encode()) == transcript
    signatures = {i: sign_transcript(secret, transcript) for i, secret in ceremony.secrets.items()}
    assert [signatures[entry["signer_id"]].hex() for entry in expected["signatures"]] == [
        entry["signature"] for entry in expected["signatures"]
    ]
    verify_certificate(transcript, signatures)


def test_recovery(ceremony: Ceremony) -> None:
    expected = ceremony.vector.get("recovery")
    if expected is None:
        assert ceremony.vector["n"] > 3, "only the ceremonies of three publish a recovery"
        return
    transcript = Transcript.of(ceremony.setup, ceremony.messages, ceremony.extension)
    signatures = {e["signer_id"]: bytes.fromhex(e["signature"]) for e in ceremony.vector["round3"]["signatures"]}
    bundle = frame(tuple(bytes.fromhex(c) for c in expected["ciphertexts"]))
    outcome = recover(ceremony.secrets[expected["participant_id"]], transcript.encode(), signatures, bundle)
    assert outcome.share.secret.to_bytes().hex() == expected["recovered_secret_share"]
    assert outcome.share.public.encode().hex() == expected["recovered_verification_share"]
    assert outcome.bundle == bundle
