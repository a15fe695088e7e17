"""Asking witnesses for their cosignatures over HTTP (C2SP tlog-witness, add-checkpoint)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import httpx
import structlog

from tapeline.base.errors import MalformedInput, TapelineError
from tapeline.base.rules import Rule
from tapeline.transparency.addcheckpoint import encode_add_checkpoint
from tapeline.transparency.checkpoint import Checkpoint, parse_checkpoint
from tapeline.transparency.cosignature import verify_cosignature
from tapeline.transparency.encoding import decode_decimal
from tapeline.transparency.keys import VerifierKey
from tapeline.transparency.note import (
    MAX_NOTE_BYTES,
    NoteSignature,
    parse_note,
    parse_signatures,
    verify_note_signature,
)

_log = structlog.get_logger("tapeline.tlog")

MAX_ANSWER_BYTES = MAX_NOTE_BYTES
_ATTEMPTS = 3
"""A first try, a 409 that tells the size, and one more for a race with another replica."""

Prove = Callable[[int, int], Awaitable[list[bytes]]]


@dataclass(frozen=True, slots=True)
class WitnessEndpoint:
    """A witness: its name for people, its submission prefix, and the key that its cosignatures verify under."""

    name: str
    url: str
    key: VerifierKey


@dataclass(frozen=True, slots=True)
class Submission:
    """A checkpoint to be cosigned: its size, its note's text, and the note that the log signed."""

    size: int
    text: bytes
    note: bytes


class WitnessClient:
    """Talks to all witnesses of a log at once and remembers how far each of them is."""

    def __init__(self, http: httpx.AsyncClient, timeout_s: float) -> None:
        self._http = http
        self._timeout_s = timeout_s
        self._sizes: dict[tuple[bytes, str], int] = {}
        self.away: set[str] = set()
        """Names of those that gave no cosignature when they were asked last."""
        self.doubting: set[str] = set()
        """Names of those that know of another or a longer log, when they were asked last."""
        self.heard: set[str] = set()
        """Names of those that told what they remember, or that they remember nothing."""
        self.shown: bytes | None = None
        """The newest cosigned note of the log: what a witness that went back is reminded of."""

    async def collect(
        self, submission: Submission, endpoints: Sequence[WitnessEndpoint], prove: Prove
    ) -> list[NoteSignature]:
        """Return the verified cosignatures of those witnesses that gave one in time, one of each key."""
        answers = await asyncio.gather(*(self._one(submission, endpoint, prove) for endpoint in endpoints))
        # A witness that moves is asked at both of its addresses; a note with two lines of one key is refused.
        found = {(line.name, line.key_id): line for line in reversed(answers) if line is not None}
        return list(reversed(found.values()))

    async def memories(
        self, origin: str, log_keys: Sequence[VerifierKey], endpoints: Sequence[WitnessEndpoint]
    ) -> list[Checkpoint]:
        """Return what the reachable witnesses cosigned last for this log (tlog-witness, Monitor Retrieval Mechanism).

        A witness proves it with its own cosignature and the log's signature; whoever can not is passed over.
        """
        found = await asyncio.gather(*(self._memory(origin, log_keys, endpoint) for endpoint in endpoints))
        return [checkpoint for checkpoint in found if checkpoint is not None]

    async def _memory(
        self, origin: str, log_keys: Sequence[VerifierKey], endpoint: WitnessEndpoint
    ) -> Checkpoint | None:
        path = f"/{hashlib.sha256(origin.encode()).hexdigest()}/checkpoint"
        try:
            async with asyncio.timeout(self._timeout_s):
                status, body = await self._ask("GET", endpoint, path)
            if status != httpx.codes.OK:
                if status == httpx.codes.NOT_FOUND:
                    self.heard.add(endpoint.name)
                return None
            note = parse_note(body)
            _own_cosignature(note.signatures, note.text, endpoint.key)
            verify_note_signature(note, log_keys)
            checkpoint = parse_checkpoint(note.text)
        except (TapelineError, httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            _log.warning("witness_memory_unknown", witness=endpoint.name, failure=type(error).__name__)
            return None
        self.heard.add(endpoint.name)
        return checkpoint

    async def _one(self, submission: Submission, endpoint: WitnessEndpoint, prove: Prove) -> NoteSignature | None:
        try:
            async with asyncio.timeout(self._timeout_s):
                body = await self._submit(submission, endpoint, prove)
            cosignature = _own_cosignature(parse_signatures(body), submission.text, endpoint.key)
        except (TapelineError, httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            # The kind of failure only: what a witness writes is not for our log.
            _log.warning("witness_failed", witness=endpoint.name, failure=type(error).__name__)
            self.away.add(endpoint.name)
            return None
        if endpoint.name in self.away:
            self.away.remove(endpoint.name)
            _log.info("witness_answers_again", witness=endpoint.name)
        return cosignature

    async def _submit(self, submission: Submission, endpoint: WitnessEndpoint, prove: Prove) -> bytes:
        place = endpoint.key.public, endpoint.url
        for _ in range(_ATTEMPTS):
            old = min(self._sizes.get(place, 0), submission.size)
            proof = await prove(old, submission.size) if old else []
            status, body = await self._ask(
                "POST", endpoint, "/add-checkpoint", encode_add_checkpoint(old, proof, submission.note)
            )
            if status == httpx.codes.OK:
                self._sizes[place] = submission.size
                return body
            if status == httpx.codes.UNPROCESSABLE_ENTITY:
                self.doubting.add(endpoint.name)
            if status != httpx.codes.CONFLICT:
                _log.warning("witness_refused", witness=endpoint.name, status=status)
                raise MalformedInput("The witness refused the checkpoint.", "Look at the witness's configuration.")
            # tlog-witness, add-checkpoint: 409 tells the size to start from.
            self._sizes[place] = _latest_size(body)
            if self._sizes[place] > submission.size:
                # Another replica was faster, or this database is older than what the witness saw: then it must stop.
                _log.error("witness_is_ahead", witness=endpoint.name, size=submission.size)
                self.doubting.add(endpoint.name)
                break
            await self._remind(endpoint, prove)
        raise MalformedInput("The witness holds another checkpoint.", "Was the log restored from an old backup?")

    async def _remind(self, endpoint: WitnessEndpoint, prove: Prove) -> None:
        """Show a witness its own word where it stands behind it: one whose memory went back finds out by that."""
        place = endpoint.key.public, endpoint.url
        known = self._sizes[place]
        if self.shown is None:
            return
        note = parse_note(self.shown)
        size = parse_checkpoint(note.text).size
        if size <= known or not any(line.is_by(endpoint.key) for line in note.signatures):
            return
        proof = await prove(known, size) if known else []
        status, _ = await self._ask(
            "POST", endpoint, "/add-checkpoint", encode_add_checkpoint(known, proof, self.shown)
        )
        _log.error("witness_went_back", witness=endpoint.name, known=known, cosigned=size, status=status)
        if status != httpx.codes.OK:
            raise MalformedInput("The witness forgot what it cosigned.", "Look at the witness's log.")
        self._sizes[place] = size

    async def _ask(
        self, method: str, endpoint: WitnessEndpoint, path: str, body: bytes | None = None
    ) -> tuple[int, bytes]:
        async with self._http.stream(method, endpoint.url.rstrip("/") + path, content=body) as response:
            answer = b""
            async for chunk in response.aiter_bytes():
                answer += chunk
                if len(answer) > MAX_ANSWER_BYTES:
                    raise MalformedInput("The witness's answer is too large.", "Look at the witness's address.")
            return response.status_code, answer


def _latest_size(body: bytes) -> int:
    line = body.decode("ascii", "replace")
    return decode_decimal(line.removesuffix("\n"), Rule.NOTE_SYNTAX, "The witness's size is not a canonical decimal.")


def _own_cosignature(lines: Sequence[NoteSignature], text: bytes, key: VerifierKey) -> NoteSignature:
    """Return the witness's own line, verified; lines of other keys are ignored."""
    for signature in lines:
        if signature.is_by(key):
            verify_cosignature(text, signature, key)
            return signature
    raise MalformedInput("The witness answered without a cosignature of its key.", "Look at the policy's key.")
