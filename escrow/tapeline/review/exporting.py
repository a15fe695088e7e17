"""Exports: JSON lines, the first one about the case and how complete the reading is, then one for each message."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator

from google.protobuf.json_format import MessageToDict

from tapeline.review.messages import ReadMessage
from tapeline.review.opening import Opened
from tapeline.review.rendering import kind_of_content

FORMAT = "tapeline-review-jsonl/1"


def export_jsonl(opened: Opened) -> bytes:
    """Return the export; texts are escaped as ASCII, so that no control character reaches a terminal."""
    return b"".join(json.dumps(row, ensure_ascii=True, sort_keys=True).encode() + b"\n" for row in _rows(opened))


def export_hash(exported: bytes) -> bytes:
    """Return the SHA-512 that the closing names."""
    return hashlib.sha512(exported).digest()


def _rows(opened: Opened) -> Iterator[dict[str, object]]:
    case, judged = opened.before.case, opened.completeness
    yield {
        "format": FORMAT,
        "case": case.statement_hash.hex(),
        "matter": case.matter,
        "warrant_leaf": opened.before.warrant_leaf.hex(),
        "complete": judged.complete,
        "sentence": judged.sentence,
        "findings": list(judged.findings),
        "refused": [{"session": one.record_hash.hex(), "rules": list(one.rules)} for one in judged.refused],
        "excepted": [one.payload() for one in judged.excepted],
        "messages": len(opened.messages),
        "repeats": judged.repeats,
        "archive_note": opened.archive.checkpoint.raw.decode(),
    }
    for message in opened.messages:
        yield _row(message)


def _row(message: ReadMessage) -> dict[str, object]:
    """Return one message; of a content that does not decode, the bytes themselves."""
    kind, content = kind_of_content(message), message.content
    body = MessageToDict(getattr(content, kind), preserving_proto_field_name=True) if kind else {}
    raw = {"undecoded": base64.b64encode(message.raw).decode()} if content is None else {}
    return {
        "archive_index": message.leaf_index,
        "time_ms": message.time_ms,
        "client_time_ms": message.client_time_ms,
        "conversation": message.conversation.hex(),
        "firm": message.firm,
        "user": message.user,
        "device": message.device,
        "session": message.record_hash.hex(),
        "index": message.index,
        "message": message.message_hash.hex(),
        "kind": kind,
        "body": body,
        "labels": {} if content is None else dict(content.labels),
        "remarks": list(message.remarks),
        "repeats": list(message.repeats),
        **raw,
    }
