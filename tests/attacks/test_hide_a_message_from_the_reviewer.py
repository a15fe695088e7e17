"""A sender and a colluding reader want a message out of the reviewer's sight, and the export certified complete.

Applications drop a repeated message id, since a sender seals the same content anew after a refusal. So the sender
gives the message to hide the id of a harmless one.
"""

from __future__ import annotations

import json

import pytest
from review_kit import Talk, content, make_talk, shown
from rich.console import Console

from tapeline.crypto.wire import encode
from tapeline.review.exporting import export_jsonl
from tapeline.review.showing import conversation_view
from tapeline.wire.v1.content_pb2 import Content, Text

SECRET = "dump the shares before the announcement"


def said(text: str, message_id: bytes = b"i" * 16) -> bytes:
    return encode(Content(message_id=message_id, text=Text(text=text)))


@pytest.fixture
def talk() -> Talk:
    return make_talk()


def rows(talk: Talk) -> tuple[dict, list[dict]]:
    head, *rest = map(json.loads, export_jsonl(shown(talk)).splitlines())
    return head, rest


def view(talk: Talk) -> str:
    console = Console(width=200)
    with console.capture() as captured:
        console.print(conversation_view(shown(talk)))
    return captured.get()


def test_a_second_content_under_one_id_is_shown_and_is_a_finding(talk: Talk) -> None:
    talk.say(talk.chain, said("lunch at noon?"))
    talk.say(talk.chain, said(SECRET))
    judged = talk.judged()
    assert (judged.read, judged.complete) == (6, False)
    assert [finding for finding in judged.findings if "message id used twice: ann" in finding] == list(judged.findings)
    head, shown_rows = rows(talk)
    assert (head["messages"], head["repeats"]) == (6, 0)
    assert [row["body"]["text"] for row in shown_rows[-2:]] == ["lunch at noon?", SECRET]
    assert all("twice" in row["remarks"][0] for row in shown_rows[-2:])
    assert view(talk).count("used twice, for different contents") == 2


def test_the_same_content_sent_again_is_one_message_and_complete(talk: Talk) -> None:
    talk.say(talk.chain, said("see you there"))
    talk.say(talk.chain, said("see you there"))
    judged = talk.judged()
    assert judged.complete, judged.findings
    assert judged.sentence.startswith("Complete: 6 of 6 messages (1 sent again), no gaps")
    head, shown_rows = rows(talk)
    assert (head["messages"], head["repeats"]) == (5, 1)
    assert shown_rows[-1]["repeats"] == [talk.objects[-1].index]
    assert "see you there [sent again, archive leaves" in view(talk)


def test_what_is_hidden_behind_a_repeat_is_found_in_any_order(talk: Talk) -> None:
    for text in ("lunch?", SECRET, "lunch?", SECRET):
        talk.say(talk.chain, said(text))
    judged = talk.judged()
    assert (judged.read, judged.repeats, len(judged.findings)) == (8, 2, 1)
    assert [row["body"]["text"] for row in rows(talk)[1][-2:]] == ["lunch?", SECRET]


def test_contents_without_an_id_hide_one_another_neither(talk: Talk) -> None:
    talk.say(talk.chain, b"\xff first")
    talk.say(talk.chain, b"\xff second")
    assert len(rows(talk)[1]) == 6
    assert "second" in view(talk)
    assert not any("used twice" in finding for finding in talk.judged().findings)


def test_an_honest_talk_has_no_such_finding(talk: Talk) -> None:
    talk.say(talk.chain, content(text=Text(text="hi")))
    talk.say(talk.chain, content(text=Text(text="hi")))
    judged = talk.judged()
    assert judged.complete, judged.findings
    assert judged.repeats == 0
