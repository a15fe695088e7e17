"""A suspect wants the reviewer to see nothing: one message of bytes that no software decodes, and the case is shut.

Recipients refuse such a message, and the relay cannot see it; the warrant covers it all the same.
"""

from __future__ import annotations

import base64
import io
import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from review_kit import Talk, content, make_talk, shown
from rich.console import Console

from tapeline.base.errors import MalformedInput
from tapeline.base.rules import Refused, Rule
from tapeline.client.content import decode_content
from tapeline.crypto.message.content import parse_content
from tapeline.crypto.wire import encode
from tapeline.review.exporting import export_jsonl
from tapeline.review.opening import Opened, in_order
from tapeline.review.repeats import fold
from tapeline.review.showing import conversation_view
from tapeline.wire.v1.content_pb2 import Content, Text

POISON = b"\xff\xff\xff"
UNREADABLE = {
    "no protobuf": POISON,
    "invalid UTF-8": b"\x0a\x10" + bytes(16) + b"\x12\x03\x0a\x01\xff",
    "an unknown field": content(text=Text(text="hi")) + b"\xfa\x01\x01x",
    "not canonical": b"\x12\x04\x0a\x02hi\x0a\x10" + bytes(16),
    "no message id": encode(Content(text=Text(text="hi"))),
    "an absurd size": b"\x0a\x10" + bytes(16) + b"\x3a\x0b\x28" + b"\xff" * 9 + b"\x01",
    "nothing": b"",
}


def view(talk: Talk) -> str:
    return drawn(shown(talk))


def drawn(opened: Opened) -> str:
    console = Console(file=io.StringIO(), width=160, force_terminal=False)
    console.print(conversation_view(opened))
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


@pytest.fixture
def talk() -> Talk:
    return make_talk()


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_what_does_not_decode_is_shown_as_it_is_and_is_a_finding(talk: Talk, body: bytes) -> None:
    talk.say(talk.chain, body)
    talk.say(talk.chain, content(text=Text(text="and then")))
    judged = talk.judged()
    assert (judged.read, judged.expected, judged.complete) == (6, 6, False)
    assert len(judged.findings) == 1
    assert "message 4" in judged.findings[0]
    assert f"({len(body)} bytes that do not decode)" in view(talk)
    assert "and then" in view(talk)
    head, *rows = map(json.loads, export_jsonl(shown(talk)).splitlines())
    assert (head["messages"], head["complete"]) == (6, False)
    assert (rows[4]["kind"], rows[4]["undecoded"]) == ("", base64.b64encode(body).decode())
    assert rows[4]["remarks"]


def test_an_unreadable_text_is_still_readable_by_people_and_moves_no_cursor(talk: Talk) -> None:
    talk.say(talk.chain, b"\xffdump the shares \x1b[2J\xe2\x80\xae")
    text = view(talk)
    assert "dump the shares" in text
    assert "\x1b" not in text
    assert "\u202e" not in text


@pytest.mark.rule(Rule.MSG_PADDING)
def test_reader_and_reviewer_decode_through_one_door() -> None:
    for body in UNREADABLE.values():
        refusals = []
        for door in (parse_content, decode_content):
            with pytest.raises((Refused, MalformedInput)) as caught:
                door(body)  # type: ignore[operator]
            refusals.append(str(caught.value))
        assert refusals[0] == refusals[1]


TALK = make_talk()
CASE = shown(TALK)
BODIES = st.one_of(
    st.binary(max_size=64),
    st.builds(lambda tail: b"\x0a\x10" + bytes(16) + tail, st.binary(max_size=64)),
    st.builds(
        lambda kind, tail: b"\x0a\x10" + bytes(16) + bytes([kind * 8 + 2, len(tail)]) + tail,
        st.integers(2, 13),
        st.binary(max_size=100),
    ),
    st.builds(lambda text, labels: content(text=Text(text=text), labels=labels),
              st.text(max_size=40), st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3)),
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(BODIES)
def test_no_content_ends_a_reader_or_a_reviewer(body: bytes) -> None:
    TALK.say_alone(body)
    opened = replace(CASE, messages=fold(in_order(TALK.read()))[0])
    assert not any(ord(char) < 32 and char != "\n" for char in drawn(opened))
    head, row = map(json.loads, export_jsonl(opened).splitlines())
    assert (head["messages"], row["index"]) == (1, 0)
    try:
        said = decode_content(body)
    except (Refused, MalformedInput):
        assert base64.b64decode(row["undecoded"]) == body
        assert row["remarks"]
    else:
        assert "undecoded" not in row
        assert row["labels"] == said.labels
